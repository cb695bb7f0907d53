-- What the gateway saw: last use, and rejections by day. One statement a kind, whatever the number of rows.

-- name: secrets_used
UPDATE control.secrets s SET last_used_at = u.at
  FROM (SELECT unnest($1::text[]) AS integration_id, unnest($2::smallint[]) AS slot, unnest($3::timestamptz[]) AS at) u
 WHERE s.integration_id = u.integration_id AND s.purpose = 'webhook' AND s.slot = u.slot
   AND (s.last_used_at IS NULL OR s.last_used_at < u.at);

-- name: url_tokens_used
UPDATE control.url_tokens t SET last_used_at = u.at
  FROM (SELECT unnest($1::text[]) AS integration_id, unnest($2::smallint[]) AS slot, unnest($3::timestamptz[]) AS at) u
 WHERE t.integration_id = u.integration_id AND t.slot = u.slot AND (t.last_used_at IS NULL OR t.last_used_at < u.at);

-- name: keys_used
UPDATE control.api_keys k SET last_used_at = u.at
  FROM (SELECT unnest($1::text[]) AS id, unnest($2::timestamptz[]) AS at) u
 WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at);

-- name: rejected
INSERT INTO control.rejections AS r (day, tenant_id, integration_id, reason, count)
SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (day, tenant_id, integration_id, reason) DO UPDATE SET count = r.count + excluded.count;

-- name: sampled
-- The newest sample of a slot stays: two gateways may have one of the same second.
INSERT INTO control.rejection_samples AS s
    (tenant_id, integration_id, slot, at, reason, status, request_id, address, size)
SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::text[], $6::smallint[], $7::text[],
                     $8::text[], $9::integer[])
ON CONFLICT (tenant_id, integration_id, slot) DO UPDATE
   SET at = excluded.at, reason = excluded.reason, status = excluded.status, request_id = excluded.request_id,
       address = excluded.address, size = excluded.size
 WHERE s.at < excluded.at;

-- name: forget_samples
DELETE FROM control.rejection_samples WHERE at < $1;
