-- What one worker folds stands here and nowhere else: gateways report partitions whose tenants are allowed more (P9).
SET LOCAL ROLE tocsin_owner;

CREATE TRIGGER settings_changed AFTER INSERT OR UPDATE OR DELETE ON control.settings
    FOR EACH STATEMENT EXECUTE FUNCTION control.bump_revision();
GRANT SELECT ON control.settings TO tocsin_ingest;

SET LOCAL ROLE NONE;
