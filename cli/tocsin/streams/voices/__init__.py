"""One module a source: what it sends when a trouble begins, goes on and ends."""
