-- API keys: the public id, and the hash of the secret part.

-- name: insert
INSERT INTO control.api_keys (id, tenant_id, sha256, proof_sha256, scopes, actor_kind, actor_name, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id, tenant_id, scopes, actor_kind, actor_name, expires_at, revoked_at, created_at, last_used_at;

-- name: list
SELECT id, tenant_id, scopes, actor_kind, actor_name, expires_at, revoked_at, created_at, last_used_at
  FROM control.api_keys WHERE $1::text IS NULL OR tenant_id = $1 ORDER BY created_at, id LIMIT $2;

-- name: find
SELECT id, tenant_id, scopes, actor_kind, actor_name, expires_at, revoked_at, created_at, last_used_at
  FROM control.api_keys WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2);

-- name: count
SELECT count(*) FROM control.api_keys
 WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());

-- name: revoke
UPDATE control.api_keys SET revoked_at = coalesce(revoked_at, now())
 WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2)
RETURNING id, tenant_id, scopes, actor_kind, actor_name, expires_at, revoked_at, created_at, last_used_at;

-- name: find_for_authentication
-- The columns that the query service may read. A key of an erased tenant is no key.
SELECT k.id, k.tenant_id, k.sha256, k.scopes, k.actor_kind, k.actor_name, k.expires_at
  FROM control.api_keys k JOIN control.tenants t ON t.id = k.tenant_id AND t.erased_at IS NULL
 WHERE k.id = $1 AND k.revoked_at IS NULL;
