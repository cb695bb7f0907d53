-- What must hold of the projection at any moment. Each query gives the rows that break its rule, a few at most.

-- name: deliveries
-- Not a rule: the outcomes of a range of the log.
SELECT "offset", id, tenant_id, outcome, alert_count FROM proj.deliveries WHERE partition = $1 AND "offset" >= $2 AND "offset" < $3;

-- name: events
-- Not a rule: the alert events of a range of the log.
SELECT "offset", array_agg(seq ORDER BY seq) AS seqs FROM proj.alert_events
WHERE partition = $1 AND "offset" >= $2 AND "offset" < $3 GROUP BY "offset";

-- name: versions
-- Versions are gapless 1..n and rise with the position, in incidents that a range of the log touched (P3).
WITH touched AS (
    SELECT DISTINCT tenant_id, incident_id FROM proj.facts WHERE partition = $1 AND "offset" >= $2 AND "offset" < $3
), told AS (
    SELECT f.tenant_id, f.incident_id, f.version,
        row_number() OVER (PARTITION BY f.tenant_id, f.incident_id ORDER BY f.partition, f."offset", f.seq) AS place
    FROM proj.facts AS f JOIN touched USING (tenant_id, incident_id)
)
SELECT incident_id, version, place FROM told WHERE version <> place LIMIT 5;

-- name: heads
-- An incident's version is the number of its facts, and every fact has its incident.
SELECT f.incident_id, f.facts, i.version FROM (
    SELECT tenant_id, incident_id, count(*) AS facts FROM proj.facts GROUP BY tenant_id, incident_id
) AS f FULL JOIN proj.incidents AS i ON (i.tenant_id, i.id) = (f.tenant_id, f.incident_id)
WHERE f.facts IS DISTINCT FROM i.version LIMIT 5;

-- name: alerts
-- An alert counted each of its events once, but the late ones, which count nothing.
SELECT a.id, a.event_count, e.events FROM proj.alerts AS a LEFT JOIN (
    SELECT tenant_id, alert_id, count(*) FILTER (WHERE effect <> 'late') AS events FROM proj.alert_events GROUP BY tenant_id, alert_id
) AS e ON (e.tenant_id, e.alert_id) = (a.tenant_id, a.id)
WHERE a.event_count IS DISTINCT FROM coalesce(e.events, 0) LIMIT 5;

-- name: incidents
-- An incident counted each event of its alerts once; merges take the count with them, splits leave it: facts tell.
SELECT i.id, i.event_count, f.told, f.recorded, e.events FROM proj.incidents AS i LEFT JOIN (
    SELECT tenant_id, incident_id,
        coalesce(sum((body ->> 'events')::bigint) FILTER (WHERE kind = 'alerts-recorded'), 0) AS recorded,
        coalesce(sum((body ->> 'events')::bigint * CASE kind WHEN 'alerts-left' THEN -1 ELSE 1 END)
            FILTER (WHERE kind IN ('alerts-recorded', 'alerts-came', 'alerts-left')), 0) AS told
    FROM proj.facts GROUP BY tenant_id, incident_id
) AS f ON (f.tenant_id, f.incident_id) = (i.tenant_id, i.id) LEFT JOIN (
    SELECT tenant_id, incident_id, count(*) FILTER (WHERE effect NOT IN ('late', 'recorded', 'heartbeat', 'held')) AS events
    FROM proj.alert_events WHERE incident_id IS NOT NULL GROUP BY tenant_id, incident_id
) AS e ON (e.tenant_id, e.incident_id) = (i.tenant_id, i.id)
WHERE i.event_count IS DISTINCT FROM f.told OR f.recorded IS DISTINCT FROM coalesce(e.events, 0) LIMIT 5;

-- name: members
-- An incident counts its members as its alerts name it; as many of them fire as it says.
SELECT i.id, i.alert_count, i.firing_count, a.alerts, a.active FROM proj.incidents AS i LEFT JOIN (
    SELECT tenant_id, incident_id, count(*) AS alerts, count(*) FILTER (WHERE status IN ('OPEN', 'ACKNOWLEDGED')) AS active
    FROM proj.alerts WHERE incident_id IS NOT NULL AND held IS NULL GROUP BY tenant_id, incident_id
) AS a ON (a.tenant_id, a.incident_id) = (i.tenant_id, i.id)
WHERE i.firing_count <> coalesce(a.active, 0) OR i.alert_count < coalesce(a.alerts, 0) LIMIT 5;
