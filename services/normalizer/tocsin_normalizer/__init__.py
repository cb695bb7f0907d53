"""The pure map from deliveries to images."""
