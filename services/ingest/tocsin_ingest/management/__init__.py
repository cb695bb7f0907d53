"""Integrations, keys and tenants over HTTP: for the holders of a tenant's admin keys."""
