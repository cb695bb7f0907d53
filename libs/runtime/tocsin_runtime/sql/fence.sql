-- The fence on control.progress: who may move a partition's position, and from where.

-- name: claim
-- The upsert locks the row, so two claims of one partition take turns and get different epochs.
INSERT INTO control.progress AS p (generation, consumer, partition, topic_id, next, source_next, epoch)
VALUES ($1, $2, $3, $4, 0, NULL, 1)
ON CONFLICT (generation, consumer, partition) DO UPDATE
   SET epoch = p.epoch + 1
 WHERE p.topic_id = excluded.topic_id
RETURNING next, source_next, epoch;

-- name: recorded_topic
SELECT topic_id FROM control.progress WHERE generation = $1 AND consumer = $2 AND partition = $3;

-- name: advance
UPDATE control.progress
   SET next = $6, source_next = $7
 WHERE generation = $1 AND consumer = $2 AND partition = $3
   AND next = $5 AND epoch = $4
RETURNING epoch;
