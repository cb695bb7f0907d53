-- What the grouper reads and writes in the projection, all set-based. `proj` is replaced by the shadow's name in a rebuild.
-- Times travel as µs since the epoch (see adapters/codec.py).

-- name: load_partition
SELECT clock, last_raw, observed, last_offset FROM proj.partitions WHERE partition = $1;

-- name: load_refusals
SELECT tenant_id, integration_id, owed FROM proj.refusals WHERE partition = $1;

-- name: load_timers
SELECT tenant_id, key, kind, integration_id, subject, due FROM proj.timers WHERE partition = $1;

-- name: load_erased
SELECT tenant_id, "offset" FROM proj.erased WHERE partition = $1;

-- name: load_leaving
SELECT id FROM control.tenants WHERE partition = $1 AND erased_at IS NOT NULL;

-- name: load_restored
-- Erased by the log, and there again: a backup of before was restored.
SELECT e.tenant_id FROM proj.erased AS e JOIN control.tenants AS t ON t.id = e.tenant_id AND t.erased_at IS NULL
 WHERE e.partition = $1 ORDER BY 1;

-- name: load_rules
SELECT DISTINCT ON (tenant_id) tenant_id, version, document FROM proj.rule_sets
 WHERE partition = $1 ORDER BY tenant_id, version DESC;

-- name: load_gateways
SELECT gateway, observed FROM proj.gateways WHERE partition = $1;

-- name: load_alerts
SELECT tenant_id, id, integration_id, incident_id, status, severity, heartbeat, never_resolves, episode_at, occurred_at,
       opened_at, resolved_at, created_at, updated_at, last_seen_at, event_count, content, content_status, content_at,
       last_observed, group_window_s, silence_s, changed_offset, ruled_window_s, held
  FROM proj.alerts JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, name) ON tenant_id = tenant AND id = name;

-- name: load_incidents
SELECT tenant_id, id, group_key, integration_id AS integration, rule, rule_version, status, severity, worst, created_at, updated_at,
       first_seen_at, last_alert_at, acknowledged_at, resolved_at, closed_at, snoozed_until, assignee, team, category, runbook_url,
       merged_into, alert_count, firing_count, event_count, version, revision, flapping, silent, turned_observed, over_observed,
       policy, recent, changed_offset, merged_by
  FROM proj.incidents JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, name) ON tenant_id = tenant AND id = name;

-- name: load_groups
SELECT tenant_id, group_key, incident_id, held, openings
  FROM proj.groups JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, name) ON tenant_id = tenant AND group_key = name;

-- name: load_actions
SELECT f.tenant_id, f.incident_id, f.version, f.kind, f.at, f.body
  FROM proj.facts AS f JOIN unnest($1::text[], $2::text[], $3::integer[]) AS wanted(tenant, incident, number)
    ON f.tenant_id = tenant AND f.incident_id = incident AND f.version = number;

-- name: load_openings
SELECT f.tenant_id, f.incident_id, f.version, f.kind, f.at, f.body
  FROM proj.facts AS f JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, incident)
    ON f.tenant_id = tenant AND f.incident_id = incident AND f.version = 1;

-- name: load_members
SELECT tenant AS tenant_id, incident AS incident_id, ARRAY(
           SELECT a.id FROM proj.alerts AS a WHERE a.tenant_id = tenant AND a.incident_id = incident ORDER BY a.id
       ) AS alerts
  FROM unnest($1::text[], $2::text[]) AS wanted(tenant, incident);

-- name: load_merged
SELECT tenant AS tenant_id, incident AS incident_id, ARRAY(
           SELECT i.id FROM proj.incidents AS i WHERE i.tenant_id = tenant AND i.merged_into = incident ORDER BY i.id
       ) AS incidents
  FROM unnest($1::text[], $2::text[]) AS wanted(tenant, incident);

-- name: load_texts
SELECT a.tenant_id, a.id, a.source, a.identity, a.problem, a.project, a.title, a.service, a.environment, a.team, a.category,
       a.host, a.link, b.description, b.labels
  FROM unnest($1::text[], $2::text[]) AS wanted(tenant, name)
  JOIN proj.alerts AS a ON a.tenant_id = tenant AND a.id = name
  JOIN proj.alert_bodies AS b ON b.tenant_id = tenant AND b.alert_id = name;

-- name: load_unresolved
SELECT tenant AS tenant_id, ARRAY(
           SELECT i.id FROM proj.incidents AS i
            WHERE i.tenant_id = tenant AND i.status IN ('OPEN', 'ACKNOWLEDGED', 'INVESTIGATING') ORDER BY i.id
       ) AS incidents
  FROM unnest($1::text[]) AS wanted(tenant);

-- name: load_commands
SELECT tenant_id, id, request_hash
  FROM proj.commands JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, name) ON tenant_id = tenant AND id = name;

-- name: load_senders
-- The newest processed delivery of each sender's id; older than the horizon never counts, so old days need not be there.
SELECT DISTINCT ON (tenant_id, integration_id, sender_id) tenant_id, integration_id, sender_id, "offset", logged_at
  FROM proj.deliveries JOIN unnest($1::text[], $2::text[], $3::text[]) AS wanted(tenant, integration, name)
    ON tenant_id = tenant AND integration_id = integration AND sender_id = name
 WHERE outcome = 'processed'
 ORDER BY tenant_id, integration_id, sender_id, logged_at DESC, "offset" DESC;

-- name: load_deliveries
SELECT partition, "offset", tenant_id, outcome, logged_at
  FROM proj.deliveries JOIN unnest($1::integer[], $2::bigint[]) AS wanted(place, number)
    ON partition = place AND "offset" = number;

-- name: save_partition
INSERT INTO proj.partitions (partition, clock, last_raw, observed, last_offset) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (partition) DO UPDATE
   SET clock = excluded.clock, last_raw = excluded.last_raw, observed = excluded.observed, last_offset = excluded.last_offset;

-- name: save_refusals
INSERT INTO proj.refusals (partition, tenant_id, integration_id, owed)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[])
ON CONFLICT (partition, tenant_id, integration_id) DO UPDATE SET owed = excluded.owed;

-- name: save_timers
INSERT INTO proj.timers (partition, tenant_id, key, kind, integration_id, subject, due)
SELECT $1, * FROM unnest($2::proj.armed_timer[])
ON CONFLICT (partition, tenant_id, key) DO UPDATE
   SET kind = excluded.kind, integration_id = excluded.integration_id, subject = excluded.subject, due = excluded.due;

-- name: drop_timers
DELETE FROM proj.timers USING unnest($2::text[], $3::text[]) AS gone(tenant, name)
 WHERE partition = $1 AND tenant_id = tenant AND key = name;

-- name: save_groups
INSERT INTO proj.groups (partition, tenant_id, group_key, incident_id, held, openings)
SELECT $1, * FROM unnest($2::proj.saved_group[])
ON CONFLICT (tenant_id, group_key) DO UPDATE
   SET incident_id = excluded.incident_id, held = excluded.held, openings = excluded.openings;

-- name: save_gateways
INSERT INTO proj.gateways (partition, gateway, observed) SELECT $1, * FROM unnest($2::text[], $3::bigint[])
ON CONFLICT (partition, gateway) DO UPDATE SET observed = excluded.observed;

-- name: drop_gateways
DELETE FROM proj.gateways WHERE partition = $1 AND gateway = ANY($2::text[]);

-- name: update_incidents
UPDATE proj.incidents AS i
   SET group_key = n.group_key, rule = n.rule, rule_version = n.rule_version, reason = coalesce(n.reason, i.reason),
       policy = n.policy, status = n.status, severity = n.severity, worst = n.worst, updated_at = n.updated_at,
       first_seen_at = n.first_seen_at, last_alert_at = n.last_alert_at, acknowledged_at = n.acknowledged_at,
       resolved_at = n.resolved_at, closed_at = n.closed_at, snoozed_until = n.snoozed_until, assignee = n.assignee,
       team = n.team, category = n.category, runbook_url = n.runbook_url, merged_into = n.merged_into,
       alert_count = n.alert_count, firing_count = n.firing_count, event_count = n.event_count, version = n.version,
       revision = n.revision, over_observed = n.over_observed, turned_observed = n.turned_observed, flapping = n.flapping,
       silent = n.silent, recent = n.recent, changed_offset = n.changed_offset, merged_by = n.merged_by
  FROM unnest($1::proj.moved_incident[]) AS n
 WHERE i.tenant_id = n.tenant_id AND i.id = n.id;

-- name: update_alerts
-- One statement, for each touch of a row writes all of it anew. Of what is said, the newest stays where a sender leaves it out.
UPDATE proj.alerts AS a
   SET incident_id = n.incident_id, status = n.status, severity = n.severity, heartbeat = n.heartbeat,
       never_resolves = n.never_resolves, episode_at = n.episode_at, occurred_at = n.occurred_at, opened_at = n.opened_at,
       resolved_at = n.resolved_at, updated_at = n.updated_at, last_seen_at = n.last_seen_at, event_count = n.event_count,
       content = n.content, content_status = n.content_status, content_at = n.content_at, last_observed = n.last_observed,
       group_window_s = n.group_window_s, silence_s = n.silence_s, changed_offset = n.changed_offset,
       ruled_window_s = n.ruled_window_s, held = n.held, category = coalesce(n.category, a.category),
       title = coalesce(n.title, a.title), service = coalesce(n.service, a.service),
       environment = coalesce(n.environment, a.environment), team = coalesce(n.team, a.team),
       host = coalesce(n.host, a.host), link = coalesce(n.link, a.link)
  FROM unnest($1::proj.moved_alert[]) AS n
 WHERE a.tenant_id = n.tenant_id AND a.id = n.id;

-- name: update_bodies
-- Only of alerts whose content changed: `raw` is what the sender wrote last, of the rest the newest that was said.
UPDATE proj.alert_bodies AS b
   SET description = coalesce(n.description, b.description), labels = coalesce(n.labels, b.labels),
       metadata = coalesce(n.metadata, b.metadata), raw = n.raw
  FROM unnest($1::proj.said_body[]) AS n
 WHERE b.tenant_id = n.tenant_id AND b.alert_id = n.alert_id;

-- name: mark_redriven
UPDATE proj.deliveries AS d SET outcome = 'redriven', redriven_to = n.next
  FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS n(place, number, next)
 WHERE d.partition = n.place AND d."offset" = n.number;
