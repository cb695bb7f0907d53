"""`tocsin demo`: a tenant of its own, an hour of webhooks from ten sources, and the incidents that they become."""
