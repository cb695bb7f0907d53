-- What ingest reads of the projection: outcomes of commands, and nothing else.

-- name: set_tenant
SELECT set_config('app.tenant', $1, true);

-- name: find
-- The outcome that the fold recorded for a command of one tenant.
SELECT request_hash, status, detail
FROM proj.commands
WHERE tenant_id = $1 AND id = $2;
