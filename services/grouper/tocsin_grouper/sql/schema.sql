-- The projection: disposable, one writer (the grouper, its owner), made anew by `tocsin rebuild`, never ALTERed.
-- A shadow is this same file with another schema name in place of `proj`; a change of this file is a rebuild.
-- No serials, no identity columns, no now(): every value comes from the fold, so that two rebuilds are byte for byte the same.
-- Row-level security is enabled and not forced: the owner COPYs, every other role sees one tenant (`app.tenant`).

CREATE SCHEMA proj;

-- The fold's own state of each partition: clock, absence time, the last record.
CREATE TABLE proj.partitions (
    partition    integer     NOT NULL PRIMARY KEY,
    clock        timestamptz NOT NULL,           -- max of all append times: what the fold calls now
    last_raw     bigint      NOT NULL,           -- append time of the last record as the broker gave it, µs
    observed     bigint      NOT NULL,           -- absence time, µs: grows only while records come (DESIGN 3, "Time")
    last_offset  bigint      NOT NULL            -- offset in tocsin.log of the last record folded
) WITH (fillfactor = 50);

-- How much absence time each integration is owed, because a gateway refused it.
CREATE TABLE proj.refusals (
    tenant_id      text COLLATE "C" NOT NULL,
    integration_id text COLLATE "C" NOT NULL,    -- '' for the whole partition
    partition      integer NOT NULL,
    owed           bigint  NOT NULL,             -- µs
    PRIMARY KEY (partition, tenant_id, integration_id)
);

-- What waits for an absence. `due` is in absence time and may lie behind the subject's real deadline: it is re-armed when it fires.
CREATE TABLE proj.timers (
    tenant_id      text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    partition      integer NOT NULL,
    kind           text    NOT NULL,
    integration_id text COLLATE "C" NOT NULL,
    subject        text    NOT NULL,
    due            bigint  NOT NULL,
    PRIMARY KEY (partition, tenant_id, key)
);

-- The types below are what a batch says of many rows in one parameter. Measured: an array for each column costs half as much again.
CREATE TYPE proj.armed_timer AS (
    tenant_id text, key text, kind text, integration_id text, subject text, due bigint
);

CREATE TABLE proj.facts (
    tenant_id   text COLLATE "C" NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    seq         integer     NOT NULL,            -- several facts of one record and tenant, in order
    incident_id text COLLATE "C" NOT NULL,
    version     integer     NOT NULL,            -- gapless 1..n an incident (P3)
    kind        text        NOT NULL,
    at          timestamptz NOT NULL,
    body        jsonb       NOT NULL,
    PRIMARY KEY (partition, "offset", tenant_id, seq)
);
CREATE UNIQUE INDEX facts_incident ON proj.facts (tenant_id, incident_id, version);
-- Few facts are more than counting, and `why` looks for them among all: what happened since the opening, and what silence ended.
CREATE INDEX facts_told ON proj.facts (tenant_id, incident_id, version)
    WHERE version > 1 AND (kind <> 'alerts-recorded' OR body ? 'ended');

CREATE TABLE proj.incidents (
    tenant_id       text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    group_key       text        NOT NULL,
    status          text        NOT NULL,
    severity        text        NOT NULL,        -- the highest so far (E9)
    worst           text        NOT NULL,        -- the highest that alerts and escalations had; `severity` may be a person's
    title           text        NOT NULL,
    description     text,
    source          text        NOT NULL,
    integration_id  text        NOT NULL,        -- of the alert that opened it
    project         text        NOT NULL,
    service         text,
    environment     text,
    team            text,
    category        text,
    link            text,
    labels          jsonb       NOT NULL,        -- of the alert that opened it
    rule            text        NOT NULL,        -- which rule grouped it, and why
    rule_version    integer     NOT NULL,        -- of the tenant's rule set; 0: before there was any
    reason          text        NOT NULL,
    policy          jsonb       NOT NULL,        -- how it behaves, where that is not the default
    previous_id     text,                        -- the incident of the same group before this one
    split_from      text,                        -- the incident that its first alerts were taken out of
    merged_into     text,                        -- the incident that took its alerts
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    first_seen_at   timestamptz NOT NULL,
    last_alert_at   timestamptz NOT NULL,
    acknowledged_at timestamptz,
    resolved_at     timestamptz,
    closed_at       timestamptz,
    snoozed_until   timestamptz,
    assignee        text,
    runbook_url     text,
    alert_count     integer     NOT NULL,        -- that became members; one that went on elsewhere and came back counts twice
    firing_count    integer     NOT NULL,        -- of them active now
    event_count     integer     NOT NULL,
    version         integer     NOT NULL,        -- every fact
    revision        integer     NOT NULL,        -- what people change: If-Match
    partition       integer     NOT NULL,
    opened_offset   bigint      NOT NULL,
    changed_offset  bigint      NOT NULL,
    over_observed   bigint,                      -- absence time when it became RESOLVED or CLOSED, µs
    turned_observed bigint,                      -- absence time when it last began or ceased to have active alerts, µs
    flapping        boolean     NOT NULL,        -- opened too often: kept open, and quiet
    silent          boolean     NOT NULL,        -- its last alert ended by silence: it collects no more
    recent          bigint[]    NOT NULL,        -- minutes and events in turn, for spikes; empty unless its policy counts
    merged_by       text,                        -- the command that moved its alerts into `merged_into`
    PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 50);
CREATE INDEX incidents_created ON proj.incidents (tenant_id, created_at DESC, id DESC);
CREATE INDEX incidents_service ON proj.incidents (tenant_id, service, created_at DESC, id DESC);
CREATE INDEX incidents_team    ON proj.incidents (tenant_id, team, created_at DESC, id DESC);
CREATE INDEX incidents_source  ON proj.incidents (tenant_id, source, created_at DESC, id DESC);
-- Few are given to somebody, and people ask for their own.
CREATE INDEX incidents_assignee ON proj.incidents (tenant_id, assignee, created_at DESC, id DESC) WHERE assignee IS NOT NULL;
-- For lists with two filters and their totals: an index-only count. Its columns rarely change, so other updates stay HOT.
CREATE INDEX incidents_facets  ON proj.incidents (tenant_id, status, severity, source, environment, team);
CREATE INDEX incidents_unresolved ON proj.incidents (tenant_id, created_at DESC, id DESC)
    WHERE status IN ('OPEN', 'ACKNOWLEDGED', 'INVESTIGATING');
-- Few are merged; a change of rules asks which groups' next alerts go along.
CREATE INDEX incidents_merged ON proj.incidents (tenant_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX incidents_flapping ON proj.incidents (tenant_id, created_at DESC, id DESC) WHERE flapping;
CREATE INDEX incidents_updated ON proj.incidents USING brin (updated_at);

CREATE TYPE proj.moved_incident AS (
    tenant_id text, id text, group_key text, rule text, rule_version integer, reason text, policy jsonb, status text,
    severity text, worst text, updated_at timestamptz, first_seen_at timestamptz, last_alert_at timestamptz,
    acknowledged_at timestamptz, resolved_at timestamptz, closed_at timestamptz, snoozed_until timestamptz, assignee text,
    team text, category text, runbook_url text, merged_into text, alert_count integer, firing_count integer,
    event_count integer, version integer, revision integer, over_observed bigint, turned_observed bigint, flapping boolean,
    silent boolean, recent bigint[], changed_offset bigint, merged_by text
);

-- Which incident a group's next alert joins, if that one still collects; and what waits for others, and how often it opened.
CREATE TABLE proj.groups (
    tenant_id   text COLLATE "C" NOT NULL,
    group_key   text COLLATE "C" NOT NULL,
    incident_id text,                            -- NULL: its alerts wait for a threshold, or it moved under another key
    held        json        NOT NULL,            -- what fires and waits for a threshold: alert, since when (µs), what rules
                                                 -- demanded, why, and what was told of it by the minute
    openings    bigint[]    NOT NULL,            -- when it opened lately, µs: for flapping
    partition   integer     NOT NULL,
    PRIMARY KEY (tenant_id, group_key)
) WITH (fillfactor = 50);

CREATE TYPE proj.saved_group AS (
    tenant_id text, group_key text, incident_id text, held json, openings bigint[]
);

CREATE TABLE proj.alerts (
    tenant_id        text COLLATE "C" NOT NULL,
    id               text COLLATE "C" NOT NULL,
    integration_id   text        NOT NULL,
    source           text        NOT NULL,
    identity         text        NOT NULL,
    problem          text        NOT NULL,
    project          text        NOT NULL,
    status           text        NOT NULL,
    severity         text        NOT NULL,
    title            text        NOT NULL,
    service          text,
    environment      text,
    team             text,
    category         text,                       -- by the rules in force when its newest episode began
    host             text,
    link             text,
    incident_id      text COLLATE "C",           -- of its current or last episode
    heartbeat        boolean     NOT NULL,
    never_resolves   boolean     NOT NULL,
    episode_at       timestamptz,                -- the sender's hint
    occurred_at      timestamptz NOT NULL,       -- orders events inside an episode
    opened_at        timestamptz,                -- the fold's clock when the episode began
    resolved_at      timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    event_count      integer     NOT NULL,
    content          text        NOT NULL,       -- of the last event that was not a duplicate
    content_status   text        NOT NULL,
    content_at       timestamptz NOT NULL,
    last_observed    bigint      NOT NULL,       -- absence time of the last event less what was owed then, µs
    group_window_s   integer     NOT NULL,       -- settings in force at the last event
    silence_s        integer     NOT NULL,
    ruled_window_s   integer,                    -- the window that its rule gives in place of the integration's
    held             text,                       -- the group in which it waits for a threshold
    partition        integer     NOT NULL,
    changed_offset   bigint      NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 50);
CREATE INDEX alerts_created  ON proj.alerts (tenant_id, created_at DESC, id DESC);
CREATE INDEX alerts_incident ON proj.alerts (tenant_id, incident_id);
CREATE TYPE proj.moved_alert AS (
    tenant_id text, id text, incident_id text, status text, severity text, heartbeat boolean, never_resolves boolean,
    episode_at timestamptz, occurred_at timestamptz, opened_at timestamptz, resolved_at timestamptz, updated_at timestamptz,
    last_seen_at timestamptz, event_count integer, content text, content_status text, content_at timestamptz,
    last_observed bigint, group_window_s integer, silence_s integer, changed_offset bigint, ruled_window_s integer, held text,
    title text, service text, environment text, team text, host text, link text, category text
);

-- What an alert's sender says of it at length: shown with the one alert and in no list. One row an alert, written again only
-- when the content's hash (`alerts.content`) changed: each touch of a row writes all of it anew.
CREATE TABLE proj.alert_bodies (
    tenant_id   text COLLATE "C" NOT NULL,
    alert_id    text COLLATE "C" NOT NULL,
    partition   integer     NOT NULL,
    description text,
    labels      json        NOT NULL,            -- shown and never searched: parsing it into jsonb costs more than storing it
    metadata    json        NOT NULL,
    raw         json,                            -- the alert's own JSON as its sender wrote it; null above 64 kB
    PRIMARY KEY (tenant_id, alert_id)
) WITH (fillfactor = 50);
CREATE TYPE proj.said_body AS (
    tenant_id text, alert_id text, description text, labels json, metadata json, raw json
);

-- One row an alert event; day tables, kept 90 days by default.
CREATE TABLE proj.alert_events (
    tenant_id   text COLLATE "C" NOT NULL,
    logged_at   timestamptz NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    seq         integer     NOT NULL,            -- place in its delivery
    alert_id    text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C",
    status      text        NOT NULL,            -- what the event said
    severity    text,
    effect      text        NOT NULL,            -- what it did
    occurred_at timestamptz NOT NULL,
    why         json                             -- what decided where an episode begins; NULL for what only went on
) PARTITION BY RANGE (logged_at);
CREATE INDEX alert_events_position ON proj.alert_events (partition, "offset", seq);
CREATE INDEX alert_events_alert    ON proj.alert_events (tenant_id, alert_id, logged_at DESC);

-- One row a delivery, with its outcome (P2); day tables, kept 90 days by default.
CREATE TABLE proj.deliveries (
    tenant_id      text COLLATE "C" NOT NULL,
    logged_at      timestamptz NOT NULL,
    partition      integer     NOT NULL,
    "offset"       bigint      NOT NULL,
    id             text COLLATE "C" NOT NULL,
    integration_id text        NOT NULL,
    source         text        NOT NULL,
    outcome        text        NOT NULL,
    reason         text,
    detail         text,
    sender_id      text COLLATE "C",
    duplicate_of   bigint,                       -- offset of the delivery it repeats
    redrive_of     bigint,                       -- offset of the failed delivery it sends again
    redriven_to    bigint,                       -- offset of the redrive that was processed
    received_at    timestamptz NOT NULL,
    size           integer     NOT NULL,
    alert_count    integer     NOT NULL,
    incident_ids   text[]      NOT NULL,
    request_id     text        NOT NULL,
    release        text        NOT NULL,
    integration_version integer NOT NULL
) PARTITION BY RANGE (logged_at);
CREATE INDEX deliveries_position ON proj.deliveries (partition, "offset");
CREATE INDEX deliveries_listed   ON proj.deliveries (tenant_id, logged_at DESC, "offset" DESC);
CREATE INDEX deliveries_sender   ON proj.deliveries (tenant_id, integration_id, sender_id) WHERE sender_id IS NOT NULL;
-- Few rows, so two small indexes: what failed, and which attempts were made to send it again.
CREATE INDEX deliveries_failed   ON proj.deliveries (tenant_id, logged_at DESC, "offset" DESC) WHERE outcome = 'failed';
CREATE INDEX deliveries_attempts ON proj.deliveries (tenant_id, redrive_of) WHERE redrive_of IS NOT NULL;

-- What people did, one row an action (C4).
CREATE TABLE proj.incident_actions (
    tenant_id   text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C" NOT NULL,
    version     integer     NOT NULL,
    kind        text        NOT NULL,
    actor_kind  text        NOT NULL,
    actor_id    text        NOT NULL,
    actor_name  text        NOT NULL,
    from_status text,
    to_status   text,
    comment     text,
    detail      json        NOT NULL,            -- what else it says: before and after, the other incident, the alerts
    command_id  text        NOT NULL,
    at          timestamptz NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    PRIMARY KEY (tenant_id, incident_id, version)
);
-- Links are shown at both ends.
CREATE INDEX incident_actions_linked ON proj.incident_actions (tenant_id, (detail ->> 'other')) WHERE kind = 'link-changed';

-- Every version of a tenant's rules, as it was put in force (DESIGN 3, "Rules"). `json`: the order of its members counts.
CREATE TABLE proj.rule_sets (
    tenant_id   text COLLATE "C" NOT NULL,
    version     integer     NOT NULL,            -- 1..n
    document    json        NOT NULL,
    actor_kind  text        NOT NULL,
    actor_id    text        NOT NULL,
    actor_name  text        NOT NULL,
    comment     text,
    command_id  text        NOT NULL,
    at          timestamptz NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

-- Absence time at each gateway's last tick, until it says goodbye: no absence is judged further than all of them told.
CREATE TABLE proj.gateways (
    partition   integer     NOT NULL,
    gateway     text COLLATE "C" NOT NULL,
    observed    bigint      NOT NULL,
    PRIMARY KEY (partition, gateway)
);

-- What was decided about each command, for the caller who waits and for a repeated Idempotency-Key.
CREATE TABLE proj.commands (
    tenant_id    text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    request_hash text        NOT NULL,
    kind         text        NOT NULL,
    actor_kind   text        NOT NULL,
    actor_id     text        NOT NULL,
    actor_name   text        NOT NULL,
    outcome      text        NOT NULL,           -- applied or rejected
    status       integer     NOT NULL,           -- 200, 404, 409, 412, 422
    detail       jsonb       NOT NULL,
    decided_at   timestamptz NOT NULL,
    partition    integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- Tenants that were erased, and where: whatever comes of them later is skipped (DESIGN 3, "Erase").
CREATE TABLE proj.erased (
    tenant_id   text COLLATE "C" NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,            -- of the record that erased it
    PRIMARY KEY (partition, tenant_id)
);

-- Who may see what. Only missing grants protect; policies are the second wall.
GRANT USAGE ON SCHEMA proj TO tocsin_query, tocsin_ingest;
GRANT SELECT ON proj.partitions, proj.incidents, proj.alerts, proj.alert_bodies, proj.alert_events, proj.deliveries,
    proj.incident_actions, proj.commands, proj.facts, proj.rule_sets TO tocsin_query;
GRANT SELECT ON proj.commands TO tocsin_ingest;
-- For redrives: what failed, and how far the fold is.
GRANT SELECT (tenant_id, logged_at, partition, "offset", integration_id, source, outcome, reason, redrive_of, redriven_to)
    ON proj.deliveries TO tocsin_ingest;
GRANT SELECT (partition, last_offset, clock) ON proj.partitions TO tocsin_ingest;
-- For commands: which incident a short code names, and which ones a bulk's filter matches.
GRANT SELECT (tenant_id, id, title, status, severity, service, environment, team, category, source, assignee, flapping,
    snoozed_until, created_at, updated_at) ON proj.incidents TO tocsin_ingest;

ALTER TABLE proj.partitions       ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.refusals         ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.timers           ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.groups           ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.facts            ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.incidents        ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.alerts           ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.alert_bodies     ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.alert_events     ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.deliveries       ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.incident_actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.commands         ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.erased           ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.rule_sets        ENABLE ROW LEVEL SECURITY;
ALTER TABLE proj.gateways         ENABLE ROW LEVEL SECURITY;

CREATE POLICY position ON proj.partitions FOR SELECT TO tocsin_query, tocsin_ingest USING (true); -- clocks and offsets belong to no tenant
CREATE POLICY tenant ON proj.facts            FOR SELECT TO tocsin_query USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.incidents        FOR SELECT TO tocsin_query, tocsin_ingest USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.alerts           FOR SELECT TO tocsin_query USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.alert_bodies     FOR SELECT TO tocsin_query USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.alert_events     FOR SELECT TO tocsin_query USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.deliveries       FOR SELECT TO tocsin_query, tocsin_ingest USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.incident_actions FOR SELECT TO tocsin_query USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.rule_sets        FOR SELECT TO tocsin_query USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON proj.commands         FOR SELECT TO tocsin_query, tocsin_ingest USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
