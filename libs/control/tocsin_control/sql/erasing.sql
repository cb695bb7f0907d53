-- Erase a tenant: its rows of control go in one transaction; the tenant's own row stays, for its id is never used again.

-- name: lock
SELECT erase_asked_at FROM control.tenants WHERE id = $1 FOR UPDATE;

-- name: ask
UPDATE control.tenants SET enabled = false, name = 'erased ' || id, erase_asked_at = now() WHERE id = $1;

-- name: delete_keys
DELETE FROM control.api_keys WHERE tenant_id = $1;

-- name: delete_secrets
DELETE FROM control.secrets WHERE tenant_id = $1;

-- name: delete_url_tokens
DELETE FROM control.url_tokens WHERE tenant_id = $1;

-- name: delete_versions
DELETE FROM control.integration_versions WHERE integration_id IN (SELECT id FROM control.integrations WHERE tenant_id = $1);

-- name: delete_integrations
DELETE FROM control.integrations WHERE tenant_id = $1;

-- name: delete_rejections
DELETE FROM control.rejections WHERE tenant_id = $1;

-- name: delete_samples
DELETE FROM control.rejection_samples WHERE tenant_id = $1;

-- name: delete_discards
DELETE FROM control.discards WHERE tenant_id = $1;

-- name: erased
SELECT id FROM control.tenants WHERE erased_at IS NOT NULL;
