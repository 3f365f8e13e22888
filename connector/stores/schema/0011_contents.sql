-- How often a dataset's content changed, for terms that pin it; and what came under an agreement, unit by unit.

CREATE TABLE dataset_content (
  tenant TEXT NOT NULL,
  dataset_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (tenant, dataset_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivered (
  tenant TEXT NOT NULL,
  agreement_id TEXT NOT NULL,
  unit TEXT NOT NULL, -- a record's id, a file's digest; empty: all that the agreement gives came at once
  version INTEGER NOT NULL,
  digests TEXT NOT NULL, -- JSON array
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, agreement_id, unit)
) STRICT, WITHOUT ROWID;
