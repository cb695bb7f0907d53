-- The audit trail. jsonb travels as text, so that it does not matter which codec the connection has.

-- name: record
INSERT INTO control.audit (actor, action, tenant_id, subject, detail) VALUES ($1, $2, $3, $4, $5::text::jsonb);
