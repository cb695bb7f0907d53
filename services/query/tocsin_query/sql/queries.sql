-- Reads of single things. Lists are composed in domain/statement.py. Every statement takes the tenant as $1.

-- name: enter
-- The first statement of each transaction: names the tenant for row-level security, and says how far the fold has come.
SELECT entered.tenant, tenants.partition, progress.source_next, partitions.clock, partitions.last_raw
  FROM (SELECT set_config('app.tenant', $1, true) AS tenant) AS entered
  LEFT JOIN control.tenants ON tenants.id = $1
  LEFT JOIN control.progress
         ON progress.generation = $2 AND progress.consumer = $3 AND progress.partition = tenants.partition
  LEFT JOIN proj.partitions ON partitions.partition = tenants.partition;

-- name: probe
-- Of no tenant: does PostgreSQL answer, is there a projection, how far has it come? The only statement without a tenant.
SELECT partition, last_raw FROM proj.partitions ORDER BY partition LIMIT 1000;

-- name: incident_choices
SELECT id, title, status FROM proj.incidents
 WHERE tenant_id = $1 AND id >= $2 AND id <= $3 ORDER BY id LIMIT $4;

-- name: incident
SELECT id, status, severity, worst AS worst_severity, title, source, integration_id, project, service, environment, team,
       category, link, assignee, runbook_url, snoozed_until, flapping, merged_into, split_from, alert_count, firing_count,
       event_count, first_seen_at, last_alert_at, created_at, updated_at, acknowledged_at, resolved_at, closed_at, version,
       revision, description, labels, group_key, rule, rule_version, reason, previous_id, partition, opened_offset,
       changed_offset
  FROM proj.incidents WHERE tenant_id = $1 AND id = $2;

-- name: incident_standing
SELECT id, title, status, severity, worst AS worst_severity, version FROM proj.incidents WHERE tenant_id = $1 AND id = $2;

-- name: incident_opening
SELECT version, kind, at, partition, "offset", body FROM proj.facts WHERE tenant_id = $1 AND incident_id = $2 AND version = 1;

-- name: incident_alerts
-- Active ones first. An incident may have thousands: the index finds them, the sort keeps the first.
-- None of them waits for others: who has an incident does not.
SELECT id, status, severity, title, source, integration_id, identity, problem, project, service, environment, team, category,
       host, link, incident_id, heartbeat, event_count, occurred_at, opened_at, resolved_at, created_at, updated_at,
       last_seen_at
  FROM proj.alerts WHERE tenant_id = $1 AND incident_id = $2
 ORDER BY status IN ('OPEN', 'ACKNOWLEDGED') DESC, last_seen_at DESC, id LIMIT $3;

-- name: incident_alerts_total
SELECT count(*) AS total FROM proj.alerts WHERE tenant_id = $1 AND incident_id = $2;

-- name: incident_actions
SELECT version, kind, actor_kind, actor_id, actor_name, from_status, to_status, comment, detail, command_id, at, partition,
       "offset"
  FROM proj.incident_actions WHERE tenant_id = $1 AND incident_id = $2 ORDER BY version DESC LIMIT $3;

-- name: incident_links
-- What it is linked to: the last word about each other one counts, whichever of the two it was said of.
SELECT id, title, status, severity FROM proj.incidents
 WHERE tenant_id = $1 AND id IN (
    SELECT said.other
      FROM (SELECT DISTINCT ON (other) other, linked
              FROM (SELECT detail ->> 'other' AS other, detail ->> 'linked' AS linked, partition, "offset"
                      FROM proj.incident_actions WHERE tenant_id = $1 AND incident_id = $2 AND kind = 'link-changed'
                     UNION ALL
                    SELECT incident_id, detail ->> 'linked', partition, "offset"
                      FROM proj.incident_actions WHERE tenant_id = $1 AND kind = 'link-changed' AND detail ->> 'other' = $2
                   ) AS words
             ORDER BY other, partition DESC, "offset" DESC) AS said
     WHERE said.linked = 'true')
 ORDER BY id LIMIT $3;

-- name: incident_facts
SELECT version, kind, at, partition, "offset", body
  FROM proj.facts WHERE tenant_id = $1 AND incident_id = $2 ORDER BY version DESC LIMIT $3;

-- name: alert
SELECT id, status, severity, title, source, integration_id, identity, problem, project, service, environment, team, category,
       host, link, incident_id, heartbeat, event_count, occurred_at, opened_at, resolved_at, created_at, updated_at,
       last_seen_at, never_resolves, episode_at, partition, changed_offset, held
  FROM proj.alerts WHERE tenant_id = $1 AND id = $2;

-- name: alert_body
-- Each alert has one: both are written in one transaction.
SELECT description, labels, metadata, raw FROM proj.alert_bodies WHERE tenant_id = $1 AND alert_id = $2;

-- name: alert_standing
SELECT id, title, status, severity, incident_id, held, heartbeat, opened_at, never_resolves, ruled_window_s, group_window_s
  FROM proj.alerts WHERE tenant_id = $1 AND id = $2;

-- name: alert_beginning
-- An episode begins at the moment of its event, so its day and its place in the index are known.
SELECT partition, "offset", seq, incident_id, status, severity, effect, occurred_at, logged_at, why
  FROM proj.alert_events WHERE tenant_id = $1 AND alert_id = $2 AND logged_at = $3 AND why IS NOT NULL
 ORDER BY "offset" DESC, seq DESC LIMIT 1;

-- name: alert_move
-- What people did that brought an alert into an incident; few did anything there.
SELECT version, kind, actor_kind, actor_id, actor_name, from_status, to_status, comment, detail, command_id, at, partition,
       "offset"
  FROM proj.incident_actions
 WHERE tenant_id = $1 AND incident_id = $2 AND kind = 'alerts-came' AND detail::jsonb -> 'alerts' ? $3
 ORDER BY version DESC LIMIT 1;

-- name: alert_end
-- What ended an alert's episode without a resolve, as the incidents tell in which it was meanwhile.
SELECT incident_id, version, kind, at, partition, "offset", body
  FROM proj.facts
 WHERE tenant_id = $1 AND incident_id = ANY($2::text[]) AND version > 1 AND (kind <> 'alerts-recorded' OR body ? 'ended')
   AND kind = 'alerts-recorded' AND body -> 'ended' ? $3 AND at >= $4
 ORDER BY partition DESC, "offset" DESC LIMIT 1;

-- name: alert_events
SELECT partition, "offset", seq, alert_id, incident_id, status, severity, effect, occurred_at, logged_at
  FROM proj.alert_events WHERE tenant_id = $1 AND alert_id = $2
 ORDER BY logged_at DESC, "offset" DESC, seq DESC LIMIT $3;

-- name: delivery
SELECT id, outcome, reason, detail, source, integration_id, integration_version, sender_id, duplicate_of, redrive_of,
       redriven_to, partition, "offset", received_at, logged_at, size, alert_count, incident_ids, request_id, release
  FROM proj.deliveries WHERE tenant_id = $1 AND partition = $2 AND "offset" = $3;

-- name: delivery_discard
SELECT at, why, actor_kind, actor_id, actor_name
  FROM control.discards WHERE tenant_id = $1 AND partition = $2 AND "offset" = $3;

-- name: delivery_events
SELECT partition, "offset", seq, alert_id, incident_id, status, severity, effect, occurred_at, logged_at
  FROM proj.alert_events WHERE tenant_id = $1 AND partition = $2 AND "offset" = $3 ORDER BY seq LIMIT $4;

-- name: delivery_incidents
SELECT id, title, status, severity FROM proj.incidents
 WHERE tenant_id = $1 AND id = ANY($2::text[]) ORDER BY created_at, id LIMIT $3;

-- name: delivery_attempts
-- The redrives of a delivery, newest first.
SELECT id, outcome, reason, detail, logged_at, partition, "offset" FROM proj.deliveries
 WHERE tenant_id = $1 AND redrive_of = $2 ORDER BY logged_at DESC, "offset" DESC LIMIT $3;

-- name: rejections
SELECT day, integration_id, reason, count FROM control.rejections
 WHERE tenant_id = $1 ORDER BY day DESC, count DESC, integration_id, reason LIMIT $2;

-- name: rejection_samples
SELECT at, integration_id, reason, status, request_id, address, size FROM control.rejection_samples
 WHERE tenant_id = $1 ORDER BY at DESC, integration_id LIMIT $2;

-- name: command
SELECT id, request_hash, outcome, status, kind, detail, actor_kind, actor_id, actor_name, decided_at, partition, "offset"
  FROM proj.commands WHERE tenant_id = $1 AND id = $2;

-- name: rules
SELECT version, document, actor_kind, actor_id, actor_name, comment, command_id, at, partition, "offset"
  FROM proj.rule_sets WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1;

-- name: rules_of_version
SELECT version, document, actor_kind, actor_id, actor_name, comment, command_id, at, partition, "offset"
  FROM proj.rule_sets WHERE tenant_id = $1 AND version = $2;
