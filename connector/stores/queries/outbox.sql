-- The outbox. A row is due when both its time has come and nobody's lease is on it; only heads are ever handed out.

-- name: insert_outbox
INSERT INTO outbox (tenant, kind, pid, seq, counterparty, message_type, message_id, url, body, not_before, lease_owner,
  lease_until, fence, attempts, created)
VALUES (:tenant, :kind, :pid, :seq, :counterparty, :message_type, :message_id, :url, :body, :not_before, :lease_owner,
  :lease_until, :fence, :attempts, :created);

-- name: delete_outbox
DELETE FROM outbox WHERE tenant = :tenant AND kind = :kind AND pid = :pid AND seq = :seq AND fence = :fence;

-- name: clear_outbox
DELETE FROM outbox WHERE tenant = :tenant AND kind = :kind AND pid = :pid;

-- name: next_outbox
-- From counterparty to counterparty, so that a thousand rows for one of them cost no more than one.
WITH RECURSIVE peer (tenant, counterparty) AS (
  SELECT tenant, counterparty FROM (
    SELECT tenant, counterparty FROM outbox ORDER BY tenant, counterparty LIMIT 1) AS first
  UNION ALL
  SELECT row.tenant, row.counterparty FROM peer CROSS JOIN outbox AS row
  ON row.id = (SELECT id FROM outbox AS later
    WHERE (later.tenant, later.counterparty) > (peer.tenant, peer.counterparty)
    ORDER BY later.tenant, later.counterparty LIMIT 1))
SELECT min((
  SELECT due FROM outbox AS row
  WHERE row.tenant = peer.tenant AND row.counterparty = peer.counterparty
    AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.tenant = row.tenant AND earlier.kind = row.kind
      AND earlier.pid = row.pid AND earlier.seq < row.seq)
  ORDER BY due LIMIT 1))
FROM peer WHERE counterparty NOT IN (SELECT value FROM json_each(:without) AS one);

-- name: claim_outbox
WITH RECURSIVE peer (tenant, counterparty) AS (
  SELECT tenant, counterparty FROM (
    SELECT tenant, counterparty FROM outbox ORDER BY tenant, counterparty LIMIT 1) AS first
  UNION ALL
  SELECT row.tenant, row.counterparty FROM peer CROSS JOIN outbox AS row
  ON row.id = (SELECT id FROM outbox AS later
    WHERE (later.tenant, later.counterparty) > (peer.tenant, peer.counterparty)
    ORDER BY later.tenant, later.counterparty LIMIT 1))
UPDATE outbox SET lease_owner = :owner, lease_until = :lease_until, fence = fence + 1
WHERE id IN (
  SELECT due_row.id FROM peer CROSS JOIN outbox AS due_row
  ON due_row.id IN (
    SELECT id FROM outbox AS row
    WHERE row.tenant = peer.tenant AND row.counterparty = peer.counterparty AND due <= :now
      AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.tenant = row.tenant AND earlier.kind = row.kind
        AND earlier.pid = row.pid AND earlier.seq < row.seq)
    ORDER BY due, id LIMIT :each)
  WHERE peer.counterparty NOT IN (SELECT value FROM json_each(:without) AS one)
  ORDER BY due_row.due, due_row.id LIMIT :limit)
RETURNING tenant, kind, pid, seq, counterparty, message_type, message_id, url, body, not_before, lease_owner,
  lease_until, fence, attempts, created;

-- name: postpone_outbox
UPDATE outbox SET not_before = :not_before, lease_owner = '', lease_until = 0, attempts = attempts + 1
WHERE tenant = :tenant AND kind = :kind AND pid = :pid AND seq = :seq AND fence = :fence;

-- name: release_outbox
UPDATE outbox SET lease_owner = '', lease_until = 0 WHERE lease_owner = :owner;

-- name: head_of_outbox
SELECT tenant, kind, pid, seq, counterparty, message_type, message_id, url, body, not_before, lease_owner,
  lease_until, fence, attempts, created
FROM outbox WHERE tenant = :tenant AND kind = :kind AND pid = :pid ORDER BY seq LIMIT 1;

-- name: undelivered
-- A push has its alarm as long as it is under way; its tries have the number that no message gets.
SELECT tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated
FROM process WHERE tenant = :tenant AND (kind, pid) IN (
  SELECT kind, pid FROM outbox WHERE tenant = :tenant AND attempts > 0
  UNION SELECT timer.kind, timer.pid FROM timer
  JOIN attempt ON attempt.tenant = timer.tenant AND attempt.kind = timer.kind AND attempt.pid = timer.pid
  WHERE timer.tenant = :tenant AND timer.name = 'push' AND attempt.seq = 0
) ORDER BY created, pid LIMIT :limit;

-- name: wake_beyond
UPDATE outbox SET not_before = :now, lease_owner = '', lease_until = 0 WHERE due > :beyond;

-- name: wake_timers
-- Set while the clock was ahead. A person's times, and the end of our patience, stay.
UPDATE timer SET due = :now WHERE due > :now AND name IN ('push', 'reminder', 'start-again') AND EXISTS (
  SELECT 1 FROM process
  WHERE process.tenant = timer.tenant AND process.kind = timer.kind AND process.pid = timer.pid AND updated > :now
);

-- name: wake_issuances
UPDATE approval SET not_before = :now WHERE kind = 'issuance' AND not_before > :beyond;

-- name: waiting_outbox
SELECT 1 FROM outbox WHERE tenant = :tenant AND counterparty = :counterparty AND due > :now AND not_before > :now LIMIT 1;

-- name: wake_outbox
UPDATE outbox SET not_before = :now, attempts = 0
WHERE tenant = :tenant AND counterparty = :counterparty AND due > :now AND not_before > :now;
