-- One breach of each rule that the checker of the kill tests holds; each statement changes one row.

-- name: lose_an_outcome
WITH chosen AS (SELECT partition, "offset" FROM proj.deliveries WHERE outcome = 'failed' ORDER BY logged_at DESC LIMIT 1)
DELETE FROM proj.deliveries AS d USING chosen AS c WHERE (d.partition, d."offset") = (c.partition, c."offset");

-- name: apply_an_event_twice
INSERT INTO proj.alert_events SELECT * FROM proj.alert_events WHERE effect = 'opened' ORDER BY logged_at DESC LIMIT 1;

-- name: invent_an_event
-- At the position of the partition's first tick.
INSERT INTO proj.alert_events (tenant_id, logged_at, partition, "offset", seq, alert_id, status, effect, occurred_at)
SELECT 'nobody', logged_at, 0, 0, 0, 'nothing', 'firing', 'late', logged_at FROM proj.alert_events LIMIT 1;

-- name: leave_a_gap_in_versions
WITH chosen AS (SELECT ctid, tableoid FROM proj.facts ORDER BY "offset" DESC, partition, tenant_id, seq LIMIT 1)
UPDATE proj.facts AS f SET version = version + 1000 FROM chosen AS c
WHERE (f.ctid, f.tableoid) = (c.ctid, c.tableoid);

-- name: forget_a_version
UPDATE proj.incidents SET version = version + 1 WHERE id = (SELECT min(id) FROM proj.incidents);
