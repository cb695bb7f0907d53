"""Tenants, integrations, keys and secrets: the SQL and rules of `control`."""
