-- What redrives read of the projection, and what people say of failed deliveries.

-- name: set_tenant
SELECT set_config('app.tenant', $1, true);

-- name: fates
SELECT "offset", outcome, reason FROM proj.deliveries WHERE tenant_id = $1 AND partition = $2 AND "offset" = ANY($3::bigint[]);

-- name: failed
SELECT "offset" FROM proj.deliveries AS p
 WHERE tenant_id = $1 AND partition = $2 AND outcome = 'failed' AND redrive_of IS NULL AND "offset" > $3
   AND (cardinality($4::text[]) = 0 OR reason = ANY($4)) AND (cardinality($5::text[]) = 0 OR source = ANY($5))
   AND (cardinality($6::text[]) = 0 OR integration_id = ANY($6))
   AND logged_at >= coalesce($7::timestamptz, '-infinity') AND logged_at < coalesce($8::timestamptz, 'infinity')
   AND NOT EXISTS (SELECT 1 FROM control.discards AS d WHERE d.tenant_id = $1 AND d.partition = $2 AND d."offset" = p."offset")
 ORDER BY "offset" LIMIT $9;

-- name: folded
SELECT last_offset FROM proj.partitions WHERE partition = $1;

-- name: discard
INSERT INTO control.discards (tenant_id, partition, "offset", why, actor_kind, actor_id, actor_name)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING;

-- name: hold
SELECT pg_try_advisory_lock(hashtext('tocsin.redrive'), hashtext($1));

-- name: release
SELECT pg_advisory_unlock(hashtext('tocsin.redrive'), hashtext($1));
