-- What was decided about commands.

-- name: decided
SELECT "offset", tenant_id, id, outcome, status, detail::text AS detail FROM proj.commands
WHERE partition = $1 AND "offset" >= $2 AND "offset" < $3;

-- name: deeds
-- How many facts name a command, by where they stand.
SELECT "offset", tenant_id, body ->> 'command' AS command, count(*) AS facts FROM proj.facts
WHERE partition = $1 AND "offset" >= $2 AND "offset" < $3 AND body ? 'command' GROUP BY 1, 2, 3;

-- name: rules
-- Not gapless, or not as the command's outcome says; a rule set that was applied and has no version. Each row breaks a rule.
SELECT r.tenant_id, r.version, r.place, c.id, c.outcome, c.detail FROM (
    SELECT *, row_number() OVER (PARTITION BY tenant_id ORDER BY partition, "offset") AS place FROM proj.rule_sets
) AS r FULL JOIN (
    SELECT * FROM proj.commands WHERE kind = 'set-rules' AND outcome = 'applied'
) AS c ON (c.tenant_id, c.id, c.partition, c."offset") = (r.tenant_id, r.command_id, r.partition, r."offset")
WHERE c.id IS NULL OR r.version IS DISTINCT FROM r.place OR (c.detail ->> 'version')::int IS DISTINCT FROM r.version LIMIT 5;
