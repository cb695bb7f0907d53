-- Roles of Tocsin: one for each service, with just what it needs. Run it on the target database as a superuser (or as the
-- database's owner with CREATEROLE), as often as you like; it changes no password:
--
--     psql -d tocsin -v ON_ERROR_STOP=1 -f roles.sql
--
-- Then give each role a password (ALTER ROLE … PASSWORD, or `\password tocsin_ingest`) and run `tocsin migrate`.
-- What each role may do with tables of `control` stands in the migrations; with `proj`, in the grouper's DDL.

DO $roles$
DECLARE
    role text;
    roles constant text[] := ARRAY[
        'tocsin_owner', 'tocsin_ingest', 'tocsin_normalizer', 'tocsin_grouper', 'tocsin_query', 'tocsin_notifier',
        'tocsin_manager'];
BEGIN
    FOREACH role IN ARRAY roles LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', role);
        EXCEPTION
            -- Roles belong to the cluster: another database's bootstrap may be making them at this moment.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END
$roles$;

ALTER ROLE tocsin_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20;
ALTER ROLE tocsin_ingest LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 50;
ALTER ROLE tocsin_normalizer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 50;
ALTER ROLE tocsin_grouper LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 50;
ALTER ROLE tocsin_query LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 100;
ALTER ROLE tocsin_notifier LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20;

-- Nobody logs in as the manager: the gateway puts it on for a transaction, and sees nothing until an API key proved whose (ADR 10).
ALTER ROLE tocsin_manager NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $membership$
BEGIN
    GRANT tocsin_manager TO tocsin_ingest WITH INHERIT FALSE, SET TRUE, ADMIN FALSE;
EXCEPTION
    WHEN unique_violation THEN NULL; -- another database's bootstrap did it at this moment
END
$membership$;

-- No search path: every name in our SQL says its schema, so no schema put in front can capture it.
ALTER ROLE tocsin_owner SET search_path = '';
ALTER ROLE tocsin_ingest SET search_path = '';
ALTER ROLE tocsin_normalizer SET search_path = '';
ALTER ROLE tocsin_grouper SET search_path = '';
ALTER ROLE tocsin_query SET search_path = '';
ALTER ROLE tocsin_notifier SET search_path = '';

-- Time-outs against a statement, a lock or a client that hangs. Rebuilds and migrations take long: those roles set their own.
ALTER ROLE tocsin_ingest SET statement_timeout = '5s';
ALTER ROLE tocsin_ingest SET lock_timeout = '2s';
ALTER ROLE tocsin_ingest SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE tocsin_normalizer SET statement_timeout = '5s';
ALTER ROLE tocsin_normalizer SET lock_timeout = '2s';
ALTER ROLE tocsin_normalizer SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE tocsin_grouper SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE tocsin_query SET statement_timeout = '3s';
ALTER ROLE tocsin_query SET lock_timeout = '2s';
ALTER ROLE tocsin_query SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE tocsin_notifier SET statement_timeout = '5s';
ALTER ROLE tocsin_notifier SET lock_timeout = '2s';
ALTER ROLE tocsin_notifier SET idle_in_transaction_session_timeout = '10s';
-- A reminder, not a wall: a session can unset it. The wall is that query has no grant to write.
ALTER ROLE tocsin_query SET default_transaction_read_only = on;

DO $database$
DECLARE
    role text;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    FOREACH role IN ARRAY ARRAY[
        'tocsin_owner', 'tocsin_ingest', 'tocsin_normalizer', 'tocsin_grouper', 'tocsin_query', 'tocsin_notifier']
    LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    END LOOP;
    -- The owner makes schema control; the grouper makes proj and the shadow schemas of rebuilds.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO tocsin_owner', current_database());
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO tocsin_grouper', current_database());
END
$database$;

-- Only the owner writes in public: the list of applied migrations stands there.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO tocsin_owner;
