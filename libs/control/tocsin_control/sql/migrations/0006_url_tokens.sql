-- A token in the URL of an integration that opts in, for senders that can set nothing but a URL (security S17).
SET LOCAL ROLE tocsin_owner;

ALTER TABLE control.integration_versions ADD COLUMN url_token boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN control.integration_versions.url_token IS 'Whether a token in its URL proves a request.';

-- Only compared, so only a hash is kept: unlike a webhook secret, nobody needs the token itself again.
CREATE TABLE control.url_tokens (
    tenant_id text NOT NULL,
    integration_id text NOT NULL,
    slot smallint NOT NULL CHECK (slot IN (1, 2)),
    version integer NOT NULL CHECK (version > 0),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    not_after timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    PRIMARY KEY (integration_id, slot),
    FOREIGN KEY (tenant_id, integration_id) REFERENCES control.integrations (tenant_id, id)
);
COMMENT ON COLUMN control.url_tokens.slot IS 'Two slots, so that at most two tokens of an integration can be active.';

-- Not on last_used_at: use is not a change.
CREATE TRIGGER url_tokens_changed AFTER INSERT OR DELETE OR UPDATE OF
        tenant_id, integration_id, slot, version, sha256, not_after ON control.url_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION control.bump_revision();

GRANT SELECT, UPDATE (last_used_at) ON control.url_tokens TO tocsin_ingest;
GRANT SELECT (tenant_id, integration_id, slot, version, not_after, created_at, last_used_at),
      INSERT (tenant_id, integration_id, slot, version, sha256),
      UPDATE (version, sha256, not_after, created_at, last_used_at), DELETE
    ON control.url_tokens TO tocsin_manager;

ALTER TABLE control.url_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON control.url_tokens FOR SELECT TO tocsin_ingest USING (true);
CREATE POLICY used ON control.url_tokens FOR UPDATE TO tocsin_ingest USING (true);
CREATE POLICY managed ON control.url_tokens TO tocsin_manager
    USING (tenant_id = (SELECT control.acting_tenant('integrations:admin')));

SET LOCAL ROLE NONE;
