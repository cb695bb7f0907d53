-- Tokens in URLs: two slots an integration, so never more than two are active.

-- name: lock
-- Whether the integration takes a token in its URL; it changes for nobody else until the transaction ends.
SELECT v.url_token
  FROM control.integrations i
  JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE i.id = $1 AND i.tenant_id = $2 AND i.deleted_at IS NULL FOR UPDATE OF i;

-- name: slots
SELECT slot, version, not_after IS NOT NULL AND not_after <= now() AS expired
  FROM control.url_tokens WHERE integration_id = $1 ORDER BY slot;

-- name: list
SELECT integration_id, slot, version, created_at, not_after, last_used_at
  FROM control.url_tokens WHERE integration_id = ANY($1) AND (not_after IS NULL OR not_after > now())
 ORDER BY integration_id, version DESC;

-- name: put
INSERT INTO control.url_tokens (tenant_id, integration_id, slot, version, sha256) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (integration_id, slot) DO UPDATE
   -- Parameters, not `excluded`: that would need the right to read hashes.
   SET version = $4, sha256 = $5, not_after = NULL, created_at = now(), last_used_at = NULL;

-- name: retire_others
-- Others end after the overlap, unless they end sooner already.
UPDATE control.url_tokens SET not_after = least(not_after, now() + $3::bigint * interval '1 second')
 WHERE integration_id = $1 AND slot <> $2;

-- name: delete
DELETE FROM control.url_tokens WHERE integration_id = $1;
