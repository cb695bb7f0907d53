"""`tocsin demo`: a tenant of its own, real sample webhooks, and the incidents that they become."""
