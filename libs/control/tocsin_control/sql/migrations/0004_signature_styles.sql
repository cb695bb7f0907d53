-- More ways for one integration to sign (D1): times that are signed, several signatures, base64, a header with the secret itself.
SET LOCAL ROLE tocsin_owner;

ALTER TABLE control.integration_versions
    DROP CONSTRAINT integration_versions_signature_algorithm_check,
    DROP CONSTRAINT integration_versions_signature_format_check,
    ADD CHECK (signature_algorithm IN ('hmac-sha256', 'hmac-sha512', 'hmac-sha1')),
    ADD CHECK (signature_format = 'secret' OR signature_format ~ '^([A-Za-z0-9_-]{1,16}=)?(hex|base64)(-list)?$'),
    ADD COLUMN signature_signs text NOT NULL DEFAULT 'body'
        CHECK (signature_signs IN ('body', 'time:body', 'v0:time:body', 'time.body')),
    ADD COLUMN signature_time_header text CHECK (signature_time_header ~ '^[A-Za-z0-9-]{1,100}$'),
    ADD COLUMN signature_tolerance_s integer NOT NULL DEFAULT 300 CHECK (signature_tolerance_s BETWEEN 1 AND 3600),
    ADD CHECK ((signature_signs = 'body') = (signature_time_header IS NULL));
COMMENT ON COLUMN control.integration_versions.signature_signs IS 'What the signature covers; a time stands in signature_time_header, and may be signature_tolerance_s from ours.';
