-- What the gateway saw: last use, and rejections by day. One statement a kind, whatever the number of rows.

-- name: secrets_used
UPDATE control.secrets s SET last_used_at = u.at
  FROM (SELECT unnest($1::text[]) AS integration_id, unnest($2::smallint[]) AS slot, unnest($3::timestamptz[]) AS at) u
 WHERE s.integration_id = u.integration_id AND s.purpose = 'webhook' AND s.slot = u.slot
   AND (s.last_used_at IS NULL OR s.last_used_at < u.at);

-- name: keys_used
UPDATE control.api_keys k SET last_used_at = u.at
  FROM (SELECT unnest($1::text[]) AS id, unnest($2::timestamptz[]) AS at) u
 WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at);

-- name: rejected
INSERT INTO control.rejections AS r (day, tenant_id, integration_id, reason, count)
SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (day, tenant_id, integration_id, reason) DO UPDATE SET count = r.count + excluded.count;
