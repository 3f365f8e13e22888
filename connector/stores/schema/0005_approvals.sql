-- What waits for a person's word, or has it until it is done. Datasets say whether they need one.

CREATE TABLE approval (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('negotiation', 'audit')),
  pid TEXT NOT NULL,
  turn TEXT NOT NULL,
  counterparty TEXT NOT NULL,
  subject TEXT NOT NULL,
  asked INTEGER NOT NULL,
  due INTEGER NOT NULL,
  decision TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  detail BLOB NOT NULL,
  PRIMARY KEY (tenant, kind, pid)
) STRICT, WITHOUT ROWID;

ALTER TABLE dataset ADD COLUMN approval INTEGER NOT NULL DEFAULT 0 CHECK (approval IN (0, 1));
