-- The audit trail. jsonb travels as text, so that it does not matter which codec the connection has.

-- name: record
INSERT INTO control.audit (actor, action, tenant_id, subject, detail) VALUES ($1, $2, $3, $4, $5::text::jsonb);

-- name: set_tenant
SELECT pg_catalog.set_config('app.tenant', $1, true);

-- name: record_late
INSERT INTO control.audit (at, actor, action, tenant_id, subject, detail) VALUES ($1, $2, $3, $4, $5, $6::text::jsonb);

-- name: list
SELECT id, at, actor, action, subject, detail::text AS detail FROM control.audit
 WHERE tenant_id = $1 AND ($2::bigint IS NULL OR id < $2) AND ($3::text IS NULL OR action = $3)
   AND ($4::text IS NULL OR subject = $4)
 ORDER BY id DESC LIMIT $5;
