-- What a gateway reads: all of it in one repeatable-read transaction, so that it is one revision.

-- name: revision
SELECT revision FROM control.revision;

-- name: tenants
SELECT id, name, partition, rate_limit_per_min, burst, enabled FROM control.tenants WHERE erased_at IS NULL;

-- name: integrations
SELECT i.id, i.tenant_id, i.source, i.name, i.version, v.enabled,
       v.rate_limit_per_min, v.burst, v.signature_required, v.signature_header, v.signature_format,
       v.signature_algorithm, v.signature_signs, v.signature_time_header, v.signature_tolerance_s,
       (v.settings->'sns_topics')::text AS sns_topics
  FROM control.integrations i
  JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE i.deleted_at IS NULL;

-- name: secrets
SELECT tenant_id, integration_id, slot, version, ciphertext, not_after
  FROM control.secrets WHERE purpose = $1 AND (not_after IS NULL OR not_after > now())
 ORDER BY integration_id, version DESC;

-- name: url_tokens
SELECT t.integration_id, t.slot, t.version, t.sha256, t.not_after
  FROM control.url_tokens t
  JOIN control.integrations i ON i.id = t.integration_id
  JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE v.url_token AND i.deleted_at IS NULL AND (t.not_after IS NULL OR t.not_after > now())
 ORDER BY t.integration_id, t.version DESC;

-- name: keys
SELECT id, tenant_id, sha256, scopes, actor_kind, actor_name, expires_at
  FROM control.api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());
