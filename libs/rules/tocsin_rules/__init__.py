"""Rule sets: their document, their matchers, and what they say of an alert. Pure, and the same wherever it runs."""
