"""The grouper's edges: PostgreSQL."""
