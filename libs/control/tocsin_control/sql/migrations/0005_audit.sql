-- Who sent failed deliveries again, or let them be, stands in the audit as every other change does; and who may read it.
SET LOCAL ROLE tocsin_owner;

-- The gateway writes these entries in its own name: a redrive is a record of the log, which no transaction of ours holds.
GRANT INSERT (at, actor, action, tenant_id, subject, detail) ON control.audit TO tocsin_ingest;
CREATE POLICY deliveries ON control.audit FOR INSERT TO tocsin_ingest
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')
                AND action IN ('delivery.discarded', 'delivery.redriven', 'deliveries.redrive-begun', 'deliveries.redriven'));

-- Holders of an admin key read what was done in their tenant.
GRANT SELECT ON control.audit TO tocsin_manager;
CREATE POLICY read ON control.audit FOR SELECT TO tocsin_manager
    USING (tenant_id = (SELECT control.acting_tenant('admin')));
CREATE INDEX audit_by_tenant ON control.audit (tenant_id, id);

SET LOCAL ROLE NONE;
