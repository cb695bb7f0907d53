-- Webhook secrets: two slots an integration, so never more than two are active.

-- name: slots
-- The caller holds the integration's row lock.
SELECT slot, version, not_after IS NOT NULL AND not_after <= now() AS expired
  FROM control.secrets WHERE integration_id = $1 AND purpose = $2 ORDER BY slot;

-- name: put
INSERT INTO control.secrets (tenant_id, integration_id, purpose, slot, version, key_id, ciphertext)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (integration_id, purpose, slot) DO UPDATE
   SET version = excluded.version, key_id = excluded.key_id, ciphertext = excluded.ciphertext,
       not_after = NULL, created_at = now(), last_used_at = NULL;

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
