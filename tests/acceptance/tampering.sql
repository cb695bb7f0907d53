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

-- name: lose_a_decision
WITH chosen AS (SELECT tenant_id, id FROM proj.commands WHERE outcome = 'rejected' ORDER BY decided_at DESC LIMIT 1)
DELETE FROM proj.commands AS d USING chosen AS c WHERE (d.tenant_id, d.id) = (c.tenant_id, c.id);

-- name: apply_a_command_twice
INSERT INTO proj.facts (tenant_id, partition, "offset", seq, incident_id, version, kind, at, body)
SELECT tenant_id, partition, "offset", seq + 5000, incident_id, version + 5000, kind, at, body FROM proj.facts
WHERE kind = 'commented' ORDER BY "offset" DESC LIMIT 1;
