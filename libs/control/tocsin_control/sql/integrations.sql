-- Integrations and their immutable versions. jsonb travels as text, whichever codec the connection has.

-- name: insert
INSERT INTO control.integrations (id, tenant_id, source, name, version) VALUES ($1, $2, $3, $4, 1);

-- name: insert_version
INSERT INTO control.integration_versions (integration_id, version, settings, rate_limit_per_min, burst,
    signature_required, signature_header, signature_algorithm, signature_format)
VALUES ($1, $2, $3::text::jsonb, $4, $5, $6, $7, $8, $9);

-- name: lock
SELECT 1 FROM control.integrations WHERE id = $1 FOR UPDATE;

-- name: set_version
UPDATE control.integrations SET version = $2 WHERE id = $1;

-- name: set_enabled
UPDATE control.integrations SET enabled = $2 WHERE id = $1;

-- name: list
SELECT i.id, i.tenant_id, i.source, i.name, i.version, i.enabled, i.created_at, v.settings::text AS settings,
       v.rate_limit_per_min, v.burst, v.signature_required, v.signature_header, v.signature_format
  FROM control.integrations i
  JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE $1::text IS NULL OR i.tenant_id = $1
 ORDER BY i.created_at, i.id LIMIT $2;

-- name: find
SELECT i.id, i.tenant_id, i.source, i.name, i.version, i.enabled, i.created_at, v.settings::text AS settings,
       v.rate_limit_per_min, v.burst, v.signature_required, v.signature_header, v.signature_format
  FROM control.integrations i
  JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE i.id = $1;

-- name: settings_of_version
SELECT settings::text FROM control.integration_versions WHERE integration_id = $1 AND version = $2;
