-- Integrations and their immutable versions. jsonb travels as text, whichever codec the connection has.

-- name: insert
INSERT INTO control.integrations (id, tenant_id, source, name, version) VALUES ($1, $2, $3, $4, 1);

-- name: insert_version
INSERT INTO control.integration_versions (integration_id, version, settings, rate_limit_per_min, burst,
    signature_required, signature_header, signature_algorithm, signature_format, enabled,
    signature_signs, signature_time_header, signature_tolerance_s, url_token)
VALUES ($1, $2, $3::text::jsonb, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: lock
SELECT 1 FROM control.integrations
 WHERE id = $1 AND ($2::text IS NULL OR tenant_id = $2) AND deleted_at IS NULL FOR UPDATE;

-- name: set_current
UPDATE control.integrations SET version = $2, name = $3 WHERE id = $1;

-- name: delete
UPDATE control.integrations SET deleted_at = now() WHERE id = $1;

-- name: delete_secrets
DELETE FROM control.secrets WHERE integration_id = $1;

-- name: count
SELECT count(*) FROM control.integrations WHERE tenant_id = $1 AND deleted_at IS NULL;

-- name: list
SELECT i.id, i.tenant_id, i.source, i.name, i.version, i.created_at, v.enabled, v.settings::text AS settings,
       v.rate_limit_per_min, v.burst, v.signature_required, v.signature_header, v.signature_format,
       v.signature_algorithm, v.signature_signs, v.signature_time_header, v.signature_tolerance_s,
       v.url_token
  FROM control.integrations i
  JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE ($1::text IS NULL OR i.tenant_id = $1) AND i.deleted_at IS NULL
 ORDER BY i.created_at, i.id LIMIT $2;

-- name: find
SELECT i.id, i.tenant_id, i.source, i.name, i.version, i.created_at, v.enabled, v.settings::text AS settings,
       v.rate_limit_per_min, v.burst, v.signature_required, v.signature_header, v.signature_format,
       v.signature_algorithm, v.signature_signs, v.signature_time_header, v.signature_tolerance_s,
       v.url_token
  FROM control.integrations i
  JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE i.id = $1 AND ($2::text IS NULL OR i.tenant_id = $2) AND i.deleted_at IS NULL;

-- name: settings_of_version
SELECT settings::text FROM control.integration_versions WHERE integration_id = $1 AND version = $2;
