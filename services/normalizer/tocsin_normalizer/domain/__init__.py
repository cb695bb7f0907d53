"""The pure map from log records to image records, and the pure decisions around it."""
