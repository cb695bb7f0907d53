-- Webhook secrets: two slots an integration, so never more than two are active.

-- name: slots
-- The caller holds the integration's row lock.
SELECT slot, version, not_after IS NOT NULL AND not_after <= now() AS expired
  FROM control.secrets WHERE integration_id = $1 AND purpose = $2 ORDER BY slot;

-- name: list
SELECT integration_id, slot, version, created_at, not_after, last_used_at
  FROM control.secrets WHERE integration_id = ANY($1) AND purpose = $2 AND (not_after IS NULL OR not_after > now())
 ORDER BY integration_id, version DESC;

-- name: put
INSERT INTO control.secrets (tenant_id, integration_id, purpose, slot, version, key_id, ciphertext)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (integration_id, purpose, slot) DO UPDATE
   -- Parameters, not `excluded`: that would need the right to read ciphertexts.
   SET version = $5, key_id = $6, ciphertext = $7, not_after = NULL, created_at = now(), last_used_at = NULL;

-- name: retire_others
-- Others end after the overlap, unless they end sooner already.
UPDATE control.secrets SET not_after = least(not_after, now() + $4::bigint * interval '1 second')
 WHERE integration_id = $1 AND purpose = $2 AND slot <> $3;

-- name: sealed_under_other_keys
SELECT tenant_id, integration_id, purpose, slot, version, ciphertext
  FROM control.secrets WHERE key_id <> $1
 ORDER BY integration_id, purpose, slot LIMIT $2 FOR UPDATE;

-- name: reseal
UPDATE control.secrets SET key_id = $4, ciphertext = $5 WHERE integration_id = $1 AND purpose = $2 AND slot = $3;

-- name: count_by_key
SELECT key_id, count(*) AS count FROM control.secrets GROUP BY key_id ORDER BY key_id;
