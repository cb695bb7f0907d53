"""The gateway's part of the published OpenAPI document. Nothing here runs in the service: `make openapi` writes it into query."""
