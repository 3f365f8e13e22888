-- Credentials that we asked an issuer for, or that it offers, wait in the same queue.

ALTER TABLE approval DROP CONSTRAINT approval_kind_check;
ALTER TABLE approval ADD CONSTRAINT approval_kind_check CHECK (kind IN ('negotiation', 'audit', 'credential'));
