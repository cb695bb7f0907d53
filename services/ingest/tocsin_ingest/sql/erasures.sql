-- Tenants that are to be erased.

-- name: next
-- One that waits long enough for every gateway to have heard of it, by PostgreSQL's clock, and that no other gateway erases.
SELECT id, partition, erase_asked_at FROM control.tenants
 WHERE erase_asked_at <= now() - $1::float8 * interval '1 second' AND erased_at IS NULL
 ORDER BY erase_asked_at LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: erased
UPDATE control.tenants SET erased_at = $2 WHERE id = $1;
