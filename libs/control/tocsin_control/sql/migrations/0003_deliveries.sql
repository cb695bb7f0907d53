-- What people say of deliveries, what the gateway turned away, and tenants that go (DESIGN 3, "Erase").
SET LOCAL ROLE tocsin_owner;

-- A failed delivery that somebody looked at and lets be. Primary data: the projection is disposable, what people said is not.
CREATE TABLE control.discards (
    tenant_id text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    why text NOT NULL CHECK (length(why) BETWEEN 1 AND 1000),
    actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'machine')),
    actor_id text NOT NULL CHECK (length(actor_id) BETWEEN 1 AND 200),
    actor_name text NOT NULL CHECK (length(actor_name) BETWEEN 1 AND 200),
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, partition, "offset")
);

-- Of the requests that were turned away, one a second an integration: a ring of 1,000, so a flood fills no disk.
CREATE TABLE control.rejection_samples (
    tenant_id text NOT NULL DEFAULT '',
    integration_id text NOT NULL DEFAULT '',
    slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 999),
    at timestamptz NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 100),
    status smallint NOT NULL CHECK (status BETWEEN 400 AND 599),
    request_id text NOT NULL CHECK (length(request_id) <= 64),
    address text NOT NULL CHECK (length(address) <= 64),
    size integer NOT NULL CHECK (size >= 0),
    PRIMARY KEY (tenant_id, integration_id, slot)
);
COMMENT ON COLUMN control.rejection_samples.slot IS 'Second of the sample, modulo 1,000: the newest replaces the one of 1,000 s before.';
CREATE INDEX rejection_samples_at ON control.rejection_samples (at);

-- A tenant that is to go: its rows of control go at once, and a gateway writes its TenantErased record a little later.
ALTER TABLE control.tenants ADD COLUMN erase_asked_at timestamptz;
COMMENT ON COLUMN control.tenants.erase_asked_at IS
    'Since when every gateway refuses it; its record is written once all of them have heard of it.';

GRANT SELECT ON control.discards TO tocsin_ingest, tocsin_query;
GRANT INSERT (tenant_id, partition, "offset", why, actor_kind, actor_id, actor_name) ON control.discards TO tocsin_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON control.rejection_samples TO tocsin_ingest;
GRANT SELECT ON control.rejection_samples, control.rejections TO tocsin_query;
GRANT SELECT (erase_asked_at), UPDATE (erased_at) ON control.tenants TO tocsin_ingest;
GRANT SELECT (id, erased_at) ON control.tenants TO tocsin_normalizer;

-- Two walls: grants say what a service does, policies whose rows a request of query or ingest may see.
ALTER TABLE control.discards ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.rejections ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.rejection_samples ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON control.discards TO tocsin_ingest, tocsin_query
    USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON control.rejections FOR SELECT TO tocsin_query
    USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
CREATE POLICY tenant ON control.rejection_samples FOR SELECT TO tocsin_query
    USING (tenant_id = nullif(current_setting('app.tenant', true), ''));
-- The gateway counts for all tenants at once.
CREATE POLICY counted ON control.rejections TO tocsin_ingest USING (true);
CREATE POLICY sampled ON control.rejection_samples TO tocsin_ingest USING (true);

SET LOCAL ROLE NONE;
