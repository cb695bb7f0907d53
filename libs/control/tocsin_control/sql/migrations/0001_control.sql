-- Schema `control`: primary data, changed by people through the CLI and by plain forward migrations.
-- Every name carries its schema: the roles have an empty search path.

-- Whoever runs this (the owner itself, or an administrator), tocsin_owner owns what it makes.
CREATE SCHEMA IF NOT EXISTS control AUTHORIZATION tocsin_owner;
SET LOCAL ROLE tocsin_owner;

CREATE TABLE control.settings (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    value jsonb NOT NULL
);
COMMENT ON TABLE control.settings IS 'Recorded once for all services: partitions (of both topics), worker_rate_per_min.';

CREATE TABLE control.tenants (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64),
    name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    partition integer NOT NULL CHECK (partition BETWEEN 0 AND 65535),
    rate_limit_per_min integer NOT NULL CHECK (rate_limit_per_min > 0),
    burst integer NOT NULL CHECK (burst > 0),
    erased_at text CHECK (erased_at ~ '^[0-9]{1,5}:[0-9]{1,15}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN control.tenants.partition IS 'Of both topics; assigned at creation, never changed.';
COMMENT ON COLUMN control.tenants.erased_at IS 'Position of the TenantErased record: readers skip the tenant''s records up to it.';

CREATE TABLE control.integrations (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64),
    tenant_id text NOT NULL REFERENCES control.tenants (id),
    source text NOT NULL CHECK (source ~ '^[a-z][a-z0-9_]{0,63}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    version integer NOT NULL CHECK (version > 0),
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name),
    UNIQUE (tenant_id, id)
);

CREATE TABLE control.integration_versions (
    integration_id text NOT NULL REFERENCES control.integrations (id) DEFERRABLE INITIALLY DEFERRED,
    version integer NOT NULL CHECK (version > 0),
    settings jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
    rate_limit_per_min integer NOT NULL DEFAULT 1000 CHECK (rate_limit_per_min > 0),
    burst integer NOT NULL DEFAULT 2000 CHECK (burst > 0),
    signature_required boolean NOT NULL DEFAULT true,
    signature_header text CHECK (signature_header ~ '^[A-Za-z0-9-]{1,100}$'),
    signature_algorithm text CHECK (signature_algorithm IN ('hmac-sha256')),
    signature_format text CHECK (signature_format IN ('hex', 'sha256=hex')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (integration_id, version),
    CHECK (num_nulls(signature_header, signature_algorithm, signature_format) IN (0, 3))
);
COMMENT ON TABLE control.integration_versions IS 'Immutable: a delivery names the version it came in under, for ever.';
COMMENT ON COLUMN control.integration_versions.signature_header IS 'With algorithm and format: instead of what the source''s file says (D1); NULL: as it says.';
ALTER TABLE control.integrations ADD CONSTRAINT integrations_version_exists
    FOREIGN KEY (id, version) REFERENCES control.integration_versions (integration_id, version) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE control.secrets (
    tenant_id text NOT NULL,
    integration_id text NOT NULL,
    purpose text NOT NULL DEFAULT 'webhook' CHECK (purpose IN ('webhook')),
    slot smallint NOT NULL CHECK (slot IN (1, 2)),
    version integer NOT NULL CHECK (version > 0),
    key_id text NOT NULL CHECK (key_id ~ '^[0-9a-f]{8}$'),
    ciphertext bytea NOT NULL,
    not_after timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    PRIMARY KEY (integration_id, purpose, slot),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES control.integrations (tenant_id, id)
);
COMMENT ON COLUMN control.secrets.slot IS 'Two slots, so that at most two secrets of an integration can be active.';

CREATE TABLE control.api_keys (
    id text PRIMARY KEY CHECK (id ~ '^[0-9A-Za-z]{10}$'),
    tenant_id text NOT NULL REFERENCES control.tenants (id),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    scopes text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 20),
    actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'machine')),
    actor_name text NOT NULL CHECK (length(actor_name) BETWEEN 1 AND 200),
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
);
COMMENT ON COLUMN control.api_keys.id IS 'The public part of the key; the secret part is stored as its SHA-256 only.';
CREATE INDEX api_keys_by_tenant ON control.api_keys (tenant_id);

CREATE TABLE control.progress (
    generation text NOT NULL,
    consumer text NOT NULL,
    partition integer NOT NULL,
    topic_id text NOT NULL,
    next bigint NOT NULL,
    source_next bigint,
    epoch bigint NOT NULL,
    PRIMARY KEY (generation, consumer, partition)
);
COMMENT ON TABLE control.progress IS 'The fence: rows and progress commit together, from the expected value and epoch only.';

CREATE TABLE control.projection (
    generation text PRIMARY KEY,
    fold_version integer NOT NULL,
    ddl_hash text NOT NULL,
    start_positions jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE control.rejections (
    day date NOT NULL,
    tenant_id text NOT NULL DEFAULT '',
    integration_id text NOT NULL DEFAULT '',
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 100),
    count bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (day, tenant_id, integration_id, reason)
);
COMMENT ON COLUMN control.rejections.tenant_id IS 'Empty where a request named nobody that we know.';

CREATE TABLE control.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    action text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    tenant_id text,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE control.audit IS 'Append only. Details hold ids and settings, never a secret.';

-- One number that grows with every change a gateway must see. Gateways poll it: one row, one page.
CREATE TABLE control.revision (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    revision bigint NOT NULL
);
INSERT INTO control.revision (revision) VALUES (0);

-- The row lock is held until commit, so revisions become visible in the order in which they were given.
CREATE FUNCTION control.bump_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE control.revision SET revision = revision + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER tenants_changed AFTER INSERT OR UPDATE OR DELETE ON control.tenants
    FOR EACH STATEMENT EXECUTE FUNCTION control.bump_revision();
CREATE TRIGGER integrations_changed AFTER INSERT OR UPDATE OR DELETE ON control.integrations
    FOR EACH STATEMENT EXECUTE FUNCTION control.bump_revision();
-- Not on last_used_at: use is not a change.
CREATE TRIGGER secrets_changed AFTER INSERT OR DELETE OR UPDATE OF
        tenant_id, integration_id, purpose, slot, version, key_id, ciphertext, not_after ON control.secrets
    FOR EACH STATEMENT EXECUTE FUNCTION control.bump_revision();
CREATE TRIGGER api_keys_changed AFTER INSERT OR DELETE OR UPDATE OF
        id, tenant_id, sha256, scopes, actor_kind, actor_name, expires_at, revoked_at ON control.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION control.bump_revision();

CREATE FUNCTION control.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: its rows never change', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON control.audit
    FOR EACH STATEMENT EXECUTE FUNCTION control.refuse_change();
CREATE TRIGGER versions_are_immutable BEFORE UPDATE ON control.integration_versions
    FOR EACH STATEMENT EXECUTE FUNCTION control.refuse_change();
CREATE FUNCTION control.refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'tenant %: its partition never changes', OLD.id USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER partition_never_changes BEFORE UPDATE OF id, partition ON control.tenants
    FOR EACH ROW WHEN (OLD.id <> NEW.id OR OLD.partition <> NEW.partition) EXECUTE FUNCTION control.refuse_move();

-- Grants: each role just what its service does. tests/integration/control holds this list against what it must not do.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA control FROM PUBLIC;
GRANT USAGE ON SCHEMA control TO tocsin_ingest, tocsin_normalizer, tocsin_grouper, tocsin_query;

GRANT SELECT (id, name, partition, rate_limit_per_min, burst, erased_at) ON control.tenants TO tocsin_ingest;
GRANT SELECT ON control.integrations, control.integration_versions, control.revision TO tocsin_ingest;
GRANT SELECT, UPDATE (last_used_at) ON control.secrets, control.api_keys TO tocsin_ingest;
GRANT SELECT, INSERT, UPDATE (count) ON control.rejections TO tocsin_ingest;

GRANT SELECT (integration_id, version, settings) ON control.integration_versions TO tocsin_normalizer;

GRANT SELECT, INSERT, UPDATE, DELETE ON control.progress, control.projection TO tocsin_grouper;
GRANT SELECT (id, partition, erased_at) ON control.tenants TO tocsin_grouper;

GRANT SELECT (id, tenant_id, sha256, scopes, actor_kind, actor_name, expires_at, revoked_at) ON control.api_keys TO tocsin_query;
GRANT SELECT (id, name, partition, erased_at) ON control.tenants TO tocsin_query;
GRANT SELECT ON control.progress, control.projection TO tocsin_query;

-- Back to whoever runs this, who records it.
SET LOCAL ROLE NONE;
