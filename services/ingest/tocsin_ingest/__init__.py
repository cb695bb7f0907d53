"""The gateway: authenticate, limit, check, append."""
