"""The read-only API."""
