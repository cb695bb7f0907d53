-- Which migrations were applied, and the lock that lets one migrator work at a time.

-- name: lock
-- The number is arbitrary and fixed: "tocsin" in hexadecimal.
SELECT pg_advisory_lock(x'746f6373696e'::bigint);

-- name: unlock
SELECT pg_advisory_unlock(x'746f6373696e'::bigint);

-- name: prepare
CREATE TABLE IF NOT EXISTS public.tocsin_migrations (
    package    text        NOT NULL,
    number     integer     NOT NULL,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (package, number)
);

-- name: applied
SELECT number, checksum FROM public.tocsin_migrations WHERE package = $1 ORDER BY number;

-- name: record
INSERT INTO public.tocsin_migrations (package, number, name, checksum) VALUES ($1, $2, $3, $4);
