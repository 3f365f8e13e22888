-- Credentials that holders ask us for wait in the same queue; each decided one is its own timer until it is delivered.

ALTER TABLE approval DROP CONSTRAINT approval_kind_check;
ALTER TABLE approval ADD CONSTRAINT approval_kind_check
  CHECK (kind IN ('negotiation', 'audit', 'credential', 'issuance'));
CREATE INDEX issuance_due ON approval (not_before) WHERE kind = 'issuance' AND not_before > 0;
CREATE INDEX issuance_waiting ON approval (tenant, counterparty) WHERE kind = 'issuance' AND decision = '';
