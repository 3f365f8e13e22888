-- Processes, what was said in them, what is still to be said, and the log.
-- Times are microseconds since the epoch. The tenant comes first in every key.

CREATE TABLE process (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  pid TEXT NOT NULL,
  peer_pid TEXT,
  counterparty TEXT NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  body BLOB NOT NULL,
  deadline INTEGER,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  last_seq INTEGER NOT NULL, -- the last number given to an outbox row: numbers are never used twice
  PRIMARY KEY (tenant, kind, pid)
) STRICT;
CREATE UNIQUE INDEX process_peer ON process (tenant, kind, counterparty, peer_pid) WHERE peer_pid IS NOT NULL;

-- A process that is deleted leaves its pid: it may never mean anything else.
CREATE TABLE tombstone (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  pid TEXT NOT NULL,
  PRIMARY KEY (tenant, kind, pid)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER process_buried AFTER DELETE ON process BEGIN
  INSERT INTO tombstone (tenant, kind, pid) VALUES (old.tenant, old.kind, old.pid);
END;

CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  pid TEXT NOT NULL,
  direction TEXT NOT NULL,
  counterparty TEXT NOT NULL,
  message_type TEXT NOT NULL,
  message_id TEXT,
  sha256 TEXT NOT NULL,
  body BLOB NOT NULL,
  token TEXT NOT NULL,
  verification_key TEXT NOT NULL,
  status INTEGER NOT NULL,
  answer_headers TEXT NOT NULL,
  answer_body BLOB NOT NULL,
  at INTEGER NOT NULL,
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
) STRICT;
-- With the id, so that "was this said before?" is mostly answered without reading a message.
CREATE INDEX message_process ON message (tenant, kind, pid, message_id);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  pid TEXT NOT NULL,
  seq INTEGER NOT NULL,
  counterparty TEXT NOT NULL,
  message_type TEXT NOT NULL,
  message_id TEXT NOT NULL,
  url TEXT NOT NULL,
  body BLOB NOT NULL,
  not_before INTEGER NOT NULL,
  lease_owner TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  created INTEGER NOT NULL,
  due INTEGER NOT NULL GENERATED ALWAYS AS (max(not_before, lease_until)) STORED,
  UNIQUE (tenant, kind, pid, seq),
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
) STRICT;
CREATE INDEX outbox_due ON outbox (due);
CREATE INDEX outbox_peer ON outbox (tenant, counterparty, not_before);

CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  pid TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  status INTEGER NOT NULL,
  detail TEXT NOT NULL,
  next_at INTEGER,
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
) STRICT;
CREATE INDEX attempt_process ON attempt (tenant, kind, pid);

CREATE TABLE timer (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  pid TEXT NOT NULL,
  name TEXT NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (tenant, kind, pid, name),
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due);

-- Agreements outlive their negotiation, so nothing cascades to them.
CREATE TABLE agreement (
  tenant TEXT NOT NULL,
  agreement_id TEXT NOT NULL,
  negotiation_pid TEXT NOT NULL,
  role TEXT NOT NULL,
  counterparty TEXT NOT NULL,
  dataset_id TEXT NOT NULL,
  agreement BLOB NOT NULL,
  at INTEGER NOT NULL,
  replaced_by TEXT,
  PRIMARY KEY (tenant, agreement_id)
) STRICT;

CREATE TABLE evidence (
  tenant TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  event TEXT NOT NULL,
  body BLOB NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (tenant, seq)
) STRICT;

CREATE TABLE replay (
  tenant TEXT NOT NULL,
  issuer TEXT NOT NULL,
  jti TEXT NOT NULL,
  request_digest TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (tenant, issuer, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_expires ON replay (expires);

CREATE TABLE command (
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  request_digest TEXT NOT NULL,
  pid TEXT NOT NULL,
  answer BLOB,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT;

CREATE TABLE data_token (
  tenant TEXT NOT NULL,
  transfer_pid TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  token TEXT NOT NULL,
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  PRIMARY KEY (tenant, transfer_pid)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX data_token_sha256 ON data_token (tenant, sha256);
