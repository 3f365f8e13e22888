-- The holder stands in a record's key: two companies may use one id, and neither blocks the other.

CREATE TABLE held_record (
  tenant TEXT NOT NULL,
  holder TEXT NOT NULL,
  record_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  record_type TEXT NOT NULL,
  key TEXT NOT NULL,
  subject_id TEXT NOT NULL,
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
  PRIMARY KEY (tenant, holder, record_id, version)
) STRICT;
INSERT INTO held_record
SELECT tenant, holder, record_id, version, record_type, key, subject_id, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at, newest
FROM record;

CREATE TABLE held_credential (
  tenant TEXT NOT NULL,
  digest TEXT NOT NULL,
  holder TEXT NOT NULL,
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
  PRIMARY KEY (tenant, holder, record_id, version, digest)
) STRICT;
INSERT INTO held_credential
SELECT tenant, digest, holder, record_id, version, credential_type, access_class, level, credential.subject_id, issuer,
  media_type, octets, status_list, status_index, credential.origin, report
FROM credential JOIN record USING (tenant, record_id, version);

CREATE TABLE held_link (
  tenant TEXT NOT NULL,
  link_id TEXT NOT NULL,
  from_holder TEXT NOT NULL,
  from_record TEXT NOT NULL,
  from_version INTEGER NOT NULL,
  to_record TEXT NOT NULL,
  to_version INTEGER NOT NULL,
  holder TEXT NOT NULL,
  PRIMARY KEY (tenant, link_id, from_holder, from_record, from_version)
) STRICT, WITHOUT ROWID;
INSERT INTO held_link
SELECT link.tenant, link_id, record.holder, from_record, from_version, to_record, to_version, link.holder
FROM link JOIN record ON record.tenant = link.tenant AND record_id = from_record AND version = from_version;

CREATE TABLE held_identifier (
  tenant TEXT NOT NULL,
  scheme TEXT NOT NULL,
  value TEXT NOT NULL,
  issuer TEXT NOT NULL,
  holder TEXT NOT NULL,
  record_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  PRIMARY KEY (tenant, value, scheme, issuer, holder, record_id)
) STRICT, WITHOUT ROWID;
INSERT INTO held_identifier
SELECT identifier.tenant, scheme, value, issuer, holder, identifier.record_id, identifier.subject_id
FROM identifier JOIN record ON record.tenant = identifier.tenant AND record.record_id = identifier.record_id
WHERE newest = 1;

DROP TABLE record;
DROP TABLE credential;
DROP TABLE link;
DROP TABLE identifier;
ALTER TABLE held_record RENAME TO record;
ALTER TABLE held_credential RENAME TO credential;
ALTER TABLE held_link RENAME TO link;
ALTER TABLE held_identifier RENAME TO identifier;

CREATE INDEX record_newest ON record (tenant, record_id, holder) WHERE newest = 1;
CREATE INDEX record_dataset ON record (tenant, dataset_id, record_id, holder) WHERE newest = 1;
CREATE INDEX record_subject ON record (tenant, subject_id, holder, record_id) WHERE newest = 1;
CREATE INDEX credential_digest ON credential (tenant, digest);
CREATE UNIQUE INDEX credential_status ON credential (tenant, status_list, status_index)
  WHERE origin = 'own' AND status_index IS NOT NULL;
CREATE INDEX link_to ON link (tenant, to_record);
CREATE INDEX link_from ON link (tenant, from_holder, from_record, from_version);
