-- Files, each under its digest: offered in a dataset of ours, or received under an agreement. Their octets lie outside.

CREATE TABLE file (
  tenant TEXT NOT NULL,
  dataset_id TEXT NOT NULL, -- empty: received
  agreement_id TEXT NOT NULL, -- empty: our own
  digest TEXT NOT NULL,
  holder TEXT NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  access_class TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, dataset_id, agreement_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_digest ON file (tenant, digest);
