-- What `../0001` to `../0015` made of an SQLite store, in one step; why it is so is said there.
-- COLLATE "C": texts are ordered by their code points, as in the other stores, whatever the database was made with.

-- Whose store this is. The one row is also the turn to write: every transaction locks it first (`postgres_writer`).
CREATE TABLE company (
  id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  did text COLLATE "C" NOT NULL
);

CREATE TABLE process (
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  pid text COLLATE "C" NOT NULL,
  peer_pid text COLLATE "C",
  counterparty text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  body bytea NOT NULL,
  deadline bigint,
  created bigint NOT NULL,
  updated bigint NOT NULL,
  last_seq bigint NOT NULL,
  PRIMARY KEY (tenant, kind, pid)
);
CREATE UNIQUE INDEX process_peer ON process (tenant, kind, counterparty, peer_pid) WHERE peer_pid IS NOT NULL;
CREATE INDEX process_ended ON process (tenant, updated) WHERE state IN ('', 'COMPLETED', 'TERMINATED');
CREATE INDEX process_open ON process (tenant, counterparty)
  WHERE state NOT IN ('', 'FINALIZED', 'COMPLETED', 'TERMINATED');

CREATE TABLE tombstone (
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  pid text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, kind, pid)
);
CREATE FUNCTION bury_process() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tombstone (tenant, kind, pid) VALUES (old.tenant, old.kind, old.pid);
  RETURN NULL;
END $$;
CREATE TRIGGER process_buried AFTER DELETE ON process FOR EACH ROW EXECUTE FUNCTION bury_process();

CREATE TABLE message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  pid text COLLATE "C" NOT NULL,
  direction text COLLATE "C" NOT NULL,
  counterparty text COLLATE "C" NOT NULL,
  message_type text COLLATE "C" NOT NULL,
  message_id text COLLATE "C",
  sha256 text COLLATE "C" NOT NULL,
  body bytea NOT NULL,
  token text COLLATE "C" NOT NULL,
  verification_key text COLLATE "C" NOT NULL,
  status bigint NOT NULL,
  answer_headers text COLLATE "C" NOT NULL,
  answer_body bytea NOT NULL,
  at bigint NOT NULL,
  receipt text COLLATE "C" NOT NULL DEFAULT '',
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
);
CREATE INDEX message_process ON message (tenant, kind, pid, message_id);

CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  pid text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  counterparty text COLLATE "C" NOT NULL,
  message_type text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  url text COLLATE "C" NOT NULL,
  body bytea NOT NULL,
  not_before bigint NOT NULL,
  lease_owner text COLLATE "C" NOT NULL,
  lease_until bigint NOT NULL,
  fence bigint NOT NULL,
  attempts bigint NOT NULL,
  created bigint NOT NULL,
  due bigint NOT NULL GENERATED ALWAYS AS (greatest(not_before, lease_until)) STORED,
  UNIQUE (tenant, kind, pid, seq),
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
);
CREATE INDEX outbox_peer ON outbox (tenant, counterparty, due);

CREATE TABLE attempt (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  pid text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  at bigint NOT NULL,
  status bigint NOT NULL,
  detail text COLLATE "C" NOT NULL,
  next_at bigint,
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
);
CREATE INDEX attempt_process ON attempt (tenant, kind, pid);

CREATE TABLE timer (
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  pid text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  due bigint NOT NULL,
  PRIMARY KEY (tenant, kind, pid, name),
  FOREIGN KEY (tenant, kind, pid) REFERENCES process ON DELETE CASCADE
);
CREATE INDEX timer_due ON timer (due);

CREATE TABLE approval (
  tenant text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('negotiation', 'audit')),
  pid text COLLATE "C" NOT NULL,
  turn text COLLATE "C" NOT NULL,
  counterparty text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  asked bigint NOT NULL,
  due bigint NOT NULL,
  decision text COLLATE "C" NOT NULL,
  not_before bigint NOT NULL,
  detail bytea NOT NULL,
  PRIMARY KEY (tenant, kind, pid)
);

CREATE TABLE agreement (
  tenant text COLLATE "C" NOT NULL,
  agreement_id text COLLATE "C" NOT NULL,
  negotiation_pid text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  counterparty text COLLATE "C" NOT NULL,
  dataset_id text COLLATE "C" NOT NULL,
  agreement bytea NOT NULL,
  at bigint NOT NULL,
  replaced_by text COLLATE "C",
  PRIMARY KEY (tenant, agreement_id)
);
CREATE INDEX agreement_with ON agreement (tenant, counterparty, dataset_id);
CREATE INDEX agreement_negotiation ON agreement (tenant, negotiation_pid);

CREATE TABLE agreement_claim (
  tenant text COLLATE "C" NOT NULL,
  agreement_id text COLLATE "C" NOT NULL,
  negotiation_pid text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, agreement_id)
);

CREATE TABLE evidence (
  tenant text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  at bigint NOT NULL,
  event text COLLATE "C" NOT NULL,
  body bytea NOT NULL,
  previous text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, seq)
);

CREATE TABLE replay (
  tenant text COLLATE "C" NOT NULL,
  issuer text COLLATE "C" NOT NULL,
  jti text COLLATE "C" NOT NULL,
  request_digest text COLLATE "C" NOT NULL,
  expires bigint NOT NULL,
  PRIMARY KEY (tenant, issuer, jti)
);
CREATE INDEX replay_expires ON replay (expires);

CREATE TABLE command (
  tenant text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  request_digest text COLLATE "C" NOT NULL,
  pid text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX command_at ON command (at);

CREATE TABLE data_token (
  tenant text COLLATE "C" NOT NULL,
  transfer_pid text COLLATE "C" NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  refresh_sha256 text COLLATE "C" NOT NULL,
  expires bigint NOT NULL,
  live bigint NOT NULL CHECK (live IN (0, 1)),
  PRIMARY KEY (tenant, transfer_pid, sha256)
);
CREATE UNIQUE INDEX data_token_sha256 ON data_token (tenant, sha256);

CREATE TABLE record (
  tenant text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  record_type text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  origin text COLLATE "C" NOT NULL CHECK (origin IN ('own', 'received', 'held')),
  dataset_id text COLLATE "C" NOT NULL,
  agreement_id text COLLATE "C" NOT NULL,
  content_digest text COLLATE "C" NOT NULL,
  content bytea NOT NULL,
  lineage bytea NOT NULL,
  digests text COLLATE "C" NOT NULL, -- JSON array
  buyers text COLLATE "C" NOT NULL, -- JSON array
  at bigint NOT NULL,
  newest bigint NOT NULL CHECK (newest IN (0, 1)),
  PRIMARY KEY (tenant, holder, record_id, version)
);
CREATE INDEX record_newest ON record (tenant, record_id, holder) WHERE newest = 1;
CREATE INDEX record_dataset ON record (tenant, dataset_id, record_id, holder) WHERE newest = 1;
CREATE INDEX record_subject ON record (tenant, subject_id, holder, record_id) WHERE newest = 1;

CREATE TABLE credential (
  tenant text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  credential_type text COLLATE "C" NOT NULL,
  access_class text COLLATE "C" NOT NULL,
  level text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  issuer text COLLATE "C" NOT NULL,
  media_type text COLLATE "C" NOT NULL,
  octets bytea NOT NULL,
  status_list bigint,
  status_index bigint CHECK (status_index BETWEEN 0 AND 131071),
  origin text COLLATE "C" NOT NULL CHECK (origin IN ('own', 'received', 'held')),
  report bytea NOT NULL,
  PRIMARY KEY (tenant, holder, record_id, version, digest)
);
CREATE INDEX credential_digest ON credential (tenant, digest);
CREATE UNIQUE INDEX credential_status ON credential (tenant, status_list, status_index)
  WHERE origin = 'own' AND status_index IS NOT NULL;

CREATE TABLE status_mark (
  tenant text COLLATE "C" NOT NULL PRIMARY KEY,
  next bigint NOT NULL,
  first_version bigint NOT NULL DEFAULT 1
);

CREATE TABLE link (
  tenant text COLLATE "C" NOT NULL,
  link_id text COLLATE "C" NOT NULL,
  from_holder text COLLATE "C" NOT NULL,
  from_record text COLLATE "C" NOT NULL,
  from_version bigint NOT NULL,
  to_record text COLLATE "C" NOT NULL,
  to_version bigint NOT NULL,
  holder text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, link_id, from_holder, from_record, from_version)
);
CREATE INDEX link_to ON link (tenant, to_record, from_record, from_holder, from_version);
CREATE INDEX link_from ON link (tenant, from_holder, from_record, from_version);

CREATE TABLE identifier (
  tenant text COLLATE "C" NOT NULL,
  scheme text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  issuer text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, value, scheme, issuer, holder, record_id)
);

CREATE TABLE dataset (
  tenant text COLLATE "C" NOT NULL,
  dataset_id text COLLATE "C" NOT NULL,
  title text COLLATE "C" NOT NULL,
  plan text COLLATE "C" NOT NULL,
  record_types text COLLATE "C" NOT NULL, -- JSON array
  policy bytea NOT NULL,
  policy_digest text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  approval bigint NOT NULL DEFAULT 0 CHECK (approval IN (0, 1)),
  withdrawn bigint NOT NULL DEFAULT 0, -- since when; 0: it is offered
  PRIMARY KEY (tenant, dataset_id)
);
CREATE INDEX dataset_policy ON dataset (tenant, policy_digest, dataset_id) WHERE withdrawn = 0;

CREATE TABLE dataset_content (
  tenant text COLLATE "C" NOT NULL,
  dataset_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (tenant, dataset_id)
);

CREATE TABLE delivered (
  tenant text COLLATE "C" NOT NULL,
  agreement_id text COLLATE "C" NOT NULL,
  unit text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  digests text COLLATE "C" NOT NULL, -- JSON array
  at bigint NOT NULL,
  PRIMARY KEY (tenant, agreement_id, unit)
);

CREATE TABLE file (
  tenant text COLLATE "C" NOT NULL,
  dataset_id text COLLATE "C" NOT NULL, -- empty: received
  agreement_id text COLLATE "C" NOT NULL, -- empty: our own
  digest text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  media_type text COLLATE "C" NOT NULL,
  size bigint NOT NULL,
  access_class text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (tenant, dataset_id, agreement_id, digest)
);
CREATE INDEX file_digest ON file (tenant, digest);

CREATE TABLE status_change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  list_number bigint NOT NULL,
  list_index bigint NOT NULL CHECK (list_index BETWEEN 0 AND 131071),
  digest text COLLATE "C" NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  effective bigint NOT NULL,
  reason text COLLATE "C" NOT NULL,
  at bigint NOT NULL
);
CREATE INDEX status_change_list ON status_change (tenant, list_number, effective, list_index);
