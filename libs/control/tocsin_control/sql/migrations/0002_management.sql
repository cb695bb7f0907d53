-- Management by API (ADR 10): a key's holder changes the integrations and keys of the key's tenant, and nobody else's.
SET LOCAL ROLE tocsin_owner;

ALTER TABLE control.tenants ADD COLUMN enabled boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN control.tenants.enabled IS 'A disabled tenant''s deliveries and commands are 403; its data stays and can be read.';

-- Whether an integration is enabled is part of its version, as every other setting is.
ALTER TABLE control.integration_versions ADD COLUMN enabled boolean NOT NULL DEFAULT true;
INSERT INTO control.integration_versions (integration_id, version, settings, rate_limit_per_min, burst, signature_required,
    signature_header, signature_algorithm, signature_format, enabled)
SELECT v.integration_id, v.version + 1, v.settings, v.rate_limit_per_min, v.burst, v.signature_required,
       v.signature_header, v.signature_algorithm, v.signature_format, false
  FROM control.integrations i JOIN control.integration_versions v ON v.integration_id = i.id AND v.version = i.version
 WHERE NOT i.enabled;
UPDATE control.integrations SET version = version + 1 WHERE NOT enabled;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE control.integrations DROP COLUMN enabled;

-- A deleted integration keeps its row and versions, which deliveries in the log name; its secrets go, its name is free again.
ALTER TABLE control.integrations ADD COLUMN deleted_at timestamptz;
ALTER TABLE control.integrations DROP CONSTRAINT integrations_tenant_id_name_key;
CREATE UNIQUE INDEX integrations_name ON control.integrations (tenant_id, name) WHERE deleted_at IS NULL;

ALTER TABLE control.api_keys ADD COLUMN proof_sha256 bytea CHECK (length(proof_sha256) = 32);
COMMENT ON COLUMN control.api_keys.proof_sha256 IS
    'Of the proof, which is made from the key''s secret: who shows the proof acts as the key''s holder. NULL: made before; cannot manage.';

-- Whoever changes a table moves the revision, without a right of his own to write it.
ALTER FUNCTION control.bump_revision() SECURITY DEFINER;
ALTER FUNCTION control.bump_revision() SET search_path = '';

-- The one place that believes a key. The gateway's role may read hashes, so a hash proves nothing here: the proof does.
CREATE FUNCTION control.acting_tenant(scope text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    SELECT k.tenant_id
      FROM control.api_keys k JOIN control.tenants t ON t.id = k.tenant_id AND t.enabled AND t.erased_at IS NULL
     WHERE k.id = current_setting('app.key', true)
       AND k.proof_sha256 = sha256(decode(current_setting('app.proof', true), 'hex'))
       AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
       AND k.scopes && ARRAY[scope, 'admin'];
END;
REVOKE ALL ON FUNCTION control.acting_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION control.acting_tenant(text) TO tocsin_manager;

GRANT USAGE ON SCHEMA control TO tocsin_manager;
GRANT SELECT, INSERT (id, tenant_id, source, name, version), UPDATE (name, version, deleted_at)
    ON control.integrations TO tocsin_manager;
GRANT SELECT, INSERT ON control.integration_versions TO tocsin_manager;
GRANT SELECT (tenant_id, integration_id, purpose, slot, version, not_after, created_at, last_used_at),
      INSERT (tenant_id, integration_id, purpose, slot, version, key_id, ciphertext),
      UPDATE (version, key_id, ciphertext, not_after, created_at, last_used_at), DELETE
    ON control.secrets TO tocsin_manager;
GRANT SELECT (id, tenant_id, scopes, actor_kind, actor_name, expires_at, revoked_at, created_at, last_used_at),
      INSERT (id, tenant_id, sha256, proof_sha256, scopes, actor_kind, actor_name, expires_at), UPDATE (revoked_at)
    ON control.api_keys TO tocsin_manager;
GRANT INSERT (actor, action, tenant_id, subject, detail) ON control.audit TO tocsin_manager;
GRANT SELECT (enabled) ON control.tenants TO tocsin_ingest;

-- Enabled, not forced: the owner (CLI, migrations) is exempt; services read as their grants say; the manager sees one tenant.
ALTER TABLE control.integrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.integration_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.audit ENABLE ROW LEVEL SECURITY;

CREATE POLICY read ON control.integrations FOR SELECT TO tocsin_ingest USING (true);
CREATE POLICY read ON control.integration_versions FOR SELECT TO tocsin_ingest, tocsin_normalizer USING (true);
CREATE POLICY read ON control.secrets FOR SELECT TO tocsin_ingest USING (true);
CREATE POLICY used ON control.secrets FOR UPDATE TO tocsin_ingest USING (true);
CREATE POLICY read ON control.api_keys FOR SELECT TO tocsin_ingest, tocsin_query USING (true);
CREATE POLICY used ON control.api_keys FOR UPDATE TO tocsin_ingest USING (true);

-- The sub-selects are asked once a statement, not once a row.
CREATE POLICY managed ON control.integrations TO tocsin_manager
    USING (tenant_id = (SELECT control.acting_tenant('integrations:admin')));
CREATE POLICY managed ON control.integration_versions TO tocsin_manager
    USING (integration_id IN (SELECT id FROM control.integrations));
CREATE POLICY managed ON control.secrets TO tocsin_manager
    USING (tenant_id = (SELECT control.acting_tenant('integrations:admin')));
CREATE POLICY managed ON control.api_keys TO tocsin_manager
    USING (tenant_id = (SELECT control.acting_tenant('admin')));
CREATE POLICY managed ON control.audit FOR INSERT TO tocsin_manager
    WITH CHECK (tenant_id = (SELECT control.acting_tenant('integrations:admin'))
                AND detail ->> 'key' = current_setting('app.key', true));

SET LOCAL ROLE NONE;
