-- What commands look up of incidents before they are logged; of one tenant, which row-level security holds too.

-- name: set_tenant
SELECT set_config('app.tenant', $1, true);

-- name: choices
-- The first incidents whose ids lie in each of several ranges.
SELECT wanted.place, found.id, found.title, found.status
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted(first, last, place)
 CROSS JOIN LATERAL (
    SELECT id, title, status FROM proj.incidents
     WHERE tenant_id = $1 AND id >= wanted.first AND id <= wanted.last
     ORDER BY id LIMIT $4
 ) AS found
 ORDER BY wanted.place, found.id;

-- name: matching
-- The newest incidents of which each condition holds; an empty list is no condition.
SELECT id FROM proj.incidents
 WHERE tenant_id = $1
   AND (cardinality($2::text[]) = 0 OR status = ANY ($2))
   AND (cardinality($3::text[]) = 0 OR severity = ANY ($3))
   AND (cardinality($4::text[]) = 0 OR service = ANY ($4))
   AND (cardinality($5::text[]) = 0 OR environment = ANY ($5))
   AND (cardinality($6::text[]) = 0 OR team = ANY ($6))
   AND (cardinality($7::text[]) = 0 OR source = ANY ($7))
   AND (cardinality($8::text[]) = 0 OR assignee = ANY ($8))
   AND (cardinality($9::text[]) = 0 OR category = ANY ($9))
   AND ($10::boolean IS NULL OR $10 = (status IN ('OPEN', 'ACKNOWLEDGED', 'INVESTIGATING') AND snoozed_until IS NOT NULL
        AND snoozed_until >
            (SELECT p.clock FROM proj.partitions AS p JOIN control.tenants AS t ON t.partition = p.partition WHERE t.id = $1)))
   AND ($11::boolean IS NULL OR flapping = $11)
   AND ($12::timestamptz IS NULL OR created_at >= $12)
   AND ($13::timestamptz IS NULL OR created_at < $13)
   AND ($14::timestamptz IS NULL OR updated_at >= $14)
   AND ($15::timestamptz IS NULL OR updated_at < $15)
 ORDER BY created_at DESC, id DESC LIMIT $16;

-- name: count
-- How many incidents `matching` would give without its limit.
SELECT count(*) FROM proj.incidents
 WHERE tenant_id = $1
   AND (cardinality($2::text[]) = 0 OR status = ANY ($2))
   AND (cardinality($3::text[]) = 0 OR severity = ANY ($3))
   AND (cardinality($4::text[]) = 0 OR service = ANY ($4))
   AND (cardinality($5::text[]) = 0 OR environment = ANY ($5))
   AND (cardinality($6::text[]) = 0 OR team = ANY ($6))
   AND (cardinality($7::text[]) = 0 OR source = ANY ($7))
   AND (cardinality($8::text[]) = 0 OR assignee = ANY ($8))
   AND (cardinality($9::text[]) = 0 OR category = ANY ($9))
   AND ($10::boolean IS NULL OR $10 = (status IN ('OPEN', 'ACKNOWLEDGED', 'INVESTIGATING') AND snoozed_until IS NOT NULL
        AND snoozed_until >
            (SELECT p.clock FROM proj.partitions AS p JOIN control.tenants AS t ON t.partition = p.partition WHERE t.id = $1)))
   AND ($11::boolean IS NULL OR flapping = $11)
   AND ($12::timestamptz IS NULL OR created_at >= $12)
   AND ($13::timestamptz IS NULL OR created_at < $13)
   AND ($14::timestamptz IS NULL OR updated_at >= $14)
   AND ($15::timestamptz IS NULL OR updated_at < $15);
