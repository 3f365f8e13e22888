-- Credentials that we asked an issuer for, or that it offers, wait in the same queue.

CREATE TABLE approval_of_three (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('negotiation', 'audit', 'credential')),
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

INSERT INTO approval_of_three SELECT * FROM approval;
DROP TABLE approval;
ALTER TABLE approval_of_three RENAME TO approval;
