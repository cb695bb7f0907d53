-- Tenants and where they live.

-- name: lock
-- One assignment at a time: two creations must not both see the same partition as the emptiest.
LOCK TABLE control.tenants IN SHARE ROW EXCLUSIVE MODE;

-- name: setting
SELECT value::text FROM control.settings WHERE name = $1;

-- name: record_setting
INSERT INTO control.settings (name, value) VALUES ($1, $2::text::jsonb)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: loads
SELECT partition, count(*) AS tenants, sum(rate_limit_per_min)::bigint AS rate_per_min
  FROM control.tenants WHERE erased_at IS NULL GROUP BY partition;

-- name: insert
INSERT INTO control.tenants (id, name, partition, rate_limit_per_min, burst) VALUES ($1, $2, $3, $4, $5)
RETURNING id, name, partition, rate_limit_per_min, burst, enabled, erased_at, created_at;

-- name: list
SELECT id, name, partition, rate_limit_per_min, burst, enabled, erased_at, created_at
  FROM control.tenants ORDER BY created_at, id LIMIT $1;

-- name: find
SELECT id, name, partition, rate_limit_per_min, burst, enabled, erased_at, created_at
  FROM control.tenants WHERE id = $1 OR name = $1 ORDER BY (id = $1) DESC LIMIT 1;

-- name: lock_one
SELECT 1 FROM control.tenants WHERE id = $1 AND erased_at IS NULL FOR UPDATE;

-- name: set_enabled
UPDATE control.tenants SET enabled = $2 WHERE id = $1
RETURNING id, name, partition, rate_limit_per_min, burst, enabled, erased_at, created_at;

-- name: set_limits
UPDATE control.tenants SET rate_limit_per_min = $2, burst = $3 WHERE id = $1
RETURNING id, name, partition, rate_limit_per_min, burst, enabled, erased_at, created_at;
