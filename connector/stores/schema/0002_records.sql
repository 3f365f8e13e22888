-- What was published, received and held, and what is offered.

CREATE TABLE record (
  tenant TEXT NOT NULL,
  record_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  record_type TEXT NOT NULL,
  key TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  holder TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('own', 'received', 'held')),
  dataset_id TEXT NOT NULL,
  agreement_id TEXT NOT NULL,
  content_digest TEXT NOT NULL,
  content BLOB NOT NULL,
  lineage BLOB NOT NULL,
  digests TEXT NOT NULL, -- JSON array
  buyers TEXT NOT NULL, -- JSON array
  at INTEGER NOT NULL,
  newest INTEGER NOT NULL CHECK (newest IN (0, 1)),
  PRIMARY KEY (tenant, record_id, version)
) STRICT;
CREATE INDEX record_newest ON record (tenant, record_id) WHERE newest = 1;
CREATE INDEX record_dataset ON record (tenant, dataset_id, record_id) WHERE newest = 1;
CREATE INDEX record_subject ON record (tenant, subject_id) WHERE newest = 1;

CREATE TABLE credential (
  tenant TEXT NOT NULL,
  digest TEXT NOT NULL,
  record_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  credential_type TEXT NOT NULL,
  access_class TEXT NOT NULL,
  level TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  media_type TEXT NOT NULL,
  octets BLOB NOT NULL,
  status_list INTEGER,
  status_index INTEGER CHECK (status_index BETWEEN 0 AND 131071),
  origin TEXT NOT NULL CHECK (origin IN ('own', 'received', 'held')),
  report BLOB NOT NULL,
  PRIMARY KEY (tenant, record_id, version, digest)
) STRICT;
CREATE INDEX credential_digest ON credential (tenant, digest);
CREATE UNIQUE INDEX credential_status ON credential (tenant, status_list, status_index)
  WHERE origin = 'own' AND status_index IS NOT NULL;

-- The lowest status index never given: an overwritten credential's index is not given again.
CREATE TABLE status_mark (
  tenant TEXT PRIMARY KEY,
  next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
  tenant TEXT NOT NULL,
  link_id TEXT NOT NULL,
  from_record TEXT NOT NULL,
  from_version INTEGER NOT NULL,
  to_record TEXT NOT NULL,
  to_version INTEGER NOT NULL,
  holder TEXT NOT NULL,
  PRIMARY KEY (tenant, link_id, from_record, from_version)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_to ON link (tenant, to_record);
CREATE INDEX link_from ON link (tenant, from_record, from_version);

CREATE TABLE identifier (
  tenant TEXT NOT NULL,
  scheme TEXT NOT NULL,
  value TEXT NOT NULL,
  issuer TEXT NOT NULL,
  record_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  PRIMARY KEY (tenant, value, scheme, issuer, record_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset (
  tenant TEXT NOT NULL,
  dataset_id TEXT NOT NULL,
  title TEXT NOT NULL,
  plan TEXT NOT NULL,
  record_types TEXT NOT NULL, -- JSON array
  policy BLOB NOT NULL,
  policy_digest TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, dataset_id)
) STRICT;

CREATE TABLE status_change (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  list_number INTEGER NOT NULL,
  list_index INTEGER NOT NULL CHECK (list_index BETWEEN 0 AND 131071),
  digest TEXT NOT NULL,
  purpose TEXT NOT NULL,
  effective INTEGER NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX status_change_list ON status_change (tenant, list_number, effective, list_index);
