-- What is remembered beside the processes: evidence, accepted tokens, commands.

-- name: last_evidence
SELECT seq, hash FROM evidence WHERE tenant = :tenant ORDER BY seq DESC LIMIT 1;

-- name: insert_evidence
INSERT INTO evidence (tenant, seq, at, event, body, previous, hash)
VALUES (:tenant, :seq, :at, :event, :body, :previous, :hash);

-- name: evidence
SELECT tenant, seq, at, event, body, previous, hash FROM evidence
WHERE tenant = :tenant AND seq > :after ORDER BY seq LIMIT :limit;

-- name: insert_replay
INSERT INTO replay (tenant, issuer, jti, request_digest, expires)
VALUES (:tenant, :issuer, :jti, :request_digest, :expires)
ON CONFLICT DO NOTHING;

-- name: find_replay
SELECT tenant, issuer, jti, request_digest, expires FROM replay
WHERE tenant = :tenant AND issuer = :issuer AND jti = :jti;

-- name: forget_replays
DELETE FROM replay WHERE (tenant, issuer, jti) IN
  (SELECT tenant, issuer, jti FROM replay WHERE expires < :before LIMIT :limit);

-- name: forget_commands
-- The first rows are the oldest ones: no index is needed to find them.
DELETE FROM command WHERE rowid IN
  (SELECT rowid FROM (SELECT rowid, at FROM command ORDER BY rowid LIMIT :limit) AS oldest WHERE at < :before);

-- name: load_command
SELECT tenant, key, request_digest, pid, at FROM command WHERE tenant = :tenant AND key = :key;

-- name: insert_command
INSERT INTO command (tenant, key, request_digest, pid, at)
VALUES (:tenant, :key, :request_digest, :pid, :at)
ON CONFLICT DO NOTHING;
