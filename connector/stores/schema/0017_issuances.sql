-- Credentials that holders ask us for wait in the same queue; each decided one is its own timer until it is delivered.

CREATE TABLE approval_of_four (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('negotiation', 'audit', 'credential', 'issuance')),
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

INSERT INTO approval_of_four SELECT * FROM approval;
DROP TABLE approval;
ALTER TABLE approval_of_four RENAME TO approval;
CREATE INDEX issuance_due ON approval (not_before) WHERE kind = 'issuance' AND not_before > 0;
CREATE INDEX issuance_waiting ON approval (tenant, counterparty) WHERE kind = 'issuance' AND decision = '';
