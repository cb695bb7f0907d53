"""Where reads meet PostgreSQL."""
