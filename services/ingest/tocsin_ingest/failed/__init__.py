"""Failed deliveries: tried, sent again, let be."""
