-- Columns stand in the order of the row's fields in exchange/rows.py.

-- name: load_process
SELECT tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated
FROM process WHERE tenant = :tenant AND kind = :kind AND pid = :pid;

-- name: find_process
SELECT tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated
FROM process WHERE tenant = :tenant AND kind = :kind AND counterparty = :counterparty AND peer_pid = :peer_pid;

-- name: newest_processes
SELECT tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated
FROM process WHERE rowid IN (
  SELECT rowid FROM process WHERE tenant = :tenant AND kind IN (SELECT value FROM json_each(:kinds) AS one)
  AND (:counterparty = '' OR counterparty = :counterparty) AND (:role = '' OR role = :role)
  AND (:states = '[]' OR state IN (SELECT value FROM json_each(:states) AS one))
  AND (updated, pid) < (:before, :before_pid)
  ORDER BY state IN (SELECT value FROM json_each(:behind) AS one), updated DESC, pid DESC LIMIT :limit
) ORDER BY state IN (SELECT value FROM json_each(:behind) AS one), updated DESC, pid DESC;

-- name: list_processes
SELECT tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated
FROM process
WHERE tenant = :tenant AND kind = :kind AND pid > :after AND state NOT IN (SELECT value FROM json_each(:without) AS one)
ORDER BY pid LIMIT :limit;

-- name: processes_of_peer_pid
SELECT tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated
FROM process WHERE tenant = :tenant AND peer_pid = :peer_pid;

-- name: insert_process
INSERT INTO process
  (tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated, last_seq)
SELECT :tenant, :kind, :pid, :peer_pid, :counterparty, :role, :state, :version, :body, :deadline, :created, :updated,
  :queued
WHERE NOT EXISTS (SELECT 1 FROM tombstone WHERE tenant = :tenant AND kind = :kind AND pid = :pid)
ON CONFLICT DO NOTHING
RETURNING last_seq;

-- name: update_process
-- Counterparty, role and creation never change. No OR IGNORE: it doubles the cost.
UPDATE process SET peer_pid = :peer_pid, state = :state, version = :version, body = :body, deadline = :deadline,
  updated = :updated, last_seq = last_seq + :queued
WHERE tenant = :tenant AND kind = :kind AND pid = :pid AND version = :expected
RETURNING last_seq;

-- name: count_open
SELECT count(*) FROM (
  SELECT 1 FROM process INDEXED BY process_open
  WHERE tenant = :tenant AND counterparty = :counterparty
    AND state <> '' AND state <> 'FINALIZED' AND state <> 'COMPLETED' AND state <> 'TERMINATED' LIMIT :most) AS open;

-- name: forgettable_processes
-- The states stand here in words, as in the index: those in which nothing goes on, without the one that agreements need.
SELECT tenant, kind, pid, peer_pid, counterparty, role, state, version, body, deadline, created, updated
FROM process INDEXED BY process_ended
WHERE tenant = :tenant AND updated < :before AND (state = '' OR state = 'COMPLETED' OR state = 'TERMINATED')
  AND NOT EXISTS (SELECT 1 FROM agreement
    WHERE agreement.tenant = process.tenant AND agreement.negotiation_pid = process.pid)
  AND NOT EXISTS (SELECT 1 FROM outbox
    WHERE outbox.tenant = process.tenant AND outbox.kind = process.kind AND outbox.pid = process.pid)
  AND NOT EXISTS (SELECT 1 FROM timer
    WHERE timer.tenant = process.tenant AND timer.kind = process.kind AND timer.pid = process.pid)
ORDER BY updated LIMIT :limit;

-- name: forget_process
DELETE FROM process WHERE tenant = :tenant AND kind = :kind AND pid = :pid AND version = :version;

-- name: insert_message
INSERT INTO message (tenant, kind, pid, direction, counterparty, message_type, message_id, sha256, body, token,
  verification_key, status, answer_headers, answer_body, at, receipt)
VALUES (:tenant, :kind, :pid, :direction, :counterparty, :message_type, :message_id, :sha256, :body, :token,
  :verification_key, :status, :answer_headers, :answer_body, :at, :receipt);

-- name: settle_receipt
UPDATE message SET receipt = :receipt
WHERE tenant = :tenant AND kind = :kind AND pid = :pid AND message_id = :message_id AND direction = 'out'
  AND receipt = 'signed';

-- name: find_message
SELECT tenant, kind, pid, direction, counterparty, message_type, message_id, sha256, body, token, verification_key,
  status, answer_headers, answer_body, at, receipt
FROM message
WHERE tenant = :tenant AND kind = :kind AND pid = :pid AND direction = 'in' AND counterparty = :counterparty
  AND message_id = :message_id
ORDER BY id DESC LIMIT 1;

-- name: messages
SELECT tenant, kind, pid, direction, counterparty, message_type, message_id, sha256, body, token, verification_key,
  status, answer_headers, answer_body, at, receipt
FROM message WHERE tenant = :tenant AND kind = :kind AND pid = :pid ORDER BY id;

-- name: insert_attempt
INSERT INTO attempt (tenant, kind, pid, seq, at, status, detail, next_at)
VALUES (:tenant, :kind, :pid, :seq, :at, :status, :detail, :next_at);

-- name: attempts
SELECT tenant, kind, pid, seq, at, status, detail, next_at
FROM attempt WHERE tenant = :tenant AND kind = :kind AND pid = :pid ORDER BY id;

-- name: delete_timers
DELETE FROM timer WHERE tenant = :tenant AND kind = :kind AND pid = :pid;

-- name: insert_timer
INSERT INTO timer (tenant, kind, pid, name, due) VALUES (:tenant, :kind, :pid, :name, :due);

-- name: due_timers
SELECT tenant, kind, pid, name, due FROM timer WHERE due <= :now
UNION ALL SELECT tenant, kind, pid, 'delivery', not_before FROM approval
WHERE kind = 'issuance' AND not_before > 0 AND not_before <= :now
ORDER BY due, tenant, kind, pid, name LIMIT :limit;

-- name: put_approval
INSERT INTO approval (tenant, kind, pid, turn, counterparty, subject, asked, due, decision, not_before, detail)
VALUES (:tenant, :kind, :pid, :turn, :counterparty, :subject, :asked, :due, :decision, :not_before, :detail)
ON CONFLICT (tenant, kind, pid) DO UPDATE SET turn = excluded.turn, subject = excluded.subject, asked = excluded.asked,
  due = excluded.due, decision = excluded.decision, not_before = excluded.not_before, detail = excluded.detail
WHERE :undecided = 0 OR approval.decision = '';

-- name: claim_approval
INSERT INTO approval (tenant, kind, pid, turn, counterparty, subject, asked, due, decision, not_before, detail)
VALUES (:tenant, :kind, :pid, :turn, :counterparty, :subject, :asked, :due, :decision, :not_before, :detail)
ON CONFLICT (tenant, kind, pid) DO UPDATE SET turn = excluded.turn, subject = excluded.subject, asked = excluded.asked,
  due = excluded.due, decision = excluded.decision, not_before = excluded.not_before, detail = excluded.detail
WHERE approval.decision = :seen_decision AND approval.not_before = :seen_not_before;

-- name: delete_approval
DELETE FROM approval WHERE tenant = :tenant AND kind = :kind AND pid = :pid;

-- name: load_approval
SELECT tenant, kind, pid, turn, counterparty, subject, asked, due, decision, not_before, detail
FROM approval WHERE tenant = :tenant AND kind = :kind AND pid = :pid;

-- name: list_approvals
SELECT tenant, kind, pid, turn, counterparty, subject, asked, due, decision, not_before, detail
FROM approval WHERE tenant = :tenant AND (:kind = '' OR kind = :kind)
ORDER BY asked DESC, kind DESC, pid DESC LIMIT :limit;

-- name: list_requests
SELECT tenant, kind, pid, turn, counterparty, subject, asked, due, decision, not_before, detail
FROM approval WHERE tenant = :tenant AND (kind = 'credential' OR kind = 'issuance') AND (asked, pid) > (:after, :after_pid)
ORDER BY asked, pid LIMIT :limit;

-- The last column: how many there are without the limit.
-- name: waiting_approvals
SELECT tenant, kind, pid, turn, counterparty, subject, asked, due, decision, not_before, detail, count(*) OVER ()
FROM approval WHERE tenant = :tenant
  AND (kind = 'negotiation' OR decision = '' AND (kind = 'audit' OR kind = 'issuance' AND due > :now))
ORDER BY kind = 'issuance', asked, kind, pid LIMIT :limit;

-- name: forgettable_requests
SELECT tenant, kind, pid, turn, counterparty, subject, asked, due, decision, not_before, detail
FROM approval WHERE tenant = :tenant AND (kind = 'issuance' OR kind = 'credential') AND not_before = 0 AND due < :before
ORDER BY due, pid LIMIT :limit;

-- name: forget_request
DELETE FROM approval WHERE tenant = :tenant AND kind = :kind AND pid = :pid
  AND decision = :decision AND not_before = :not_before AND due = :due;

-- name: count_issuances
SELECT count(*) FROM approval
WHERE kind = 'issuance' AND decision = '' AND tenant = :tenant AND due > :now
  AND (:counterparty IS NULL OR counterparty = :counterparty);

-- name: insert_agreement
INSERT INTO agreement (tenant, agreement_id, negotiation_pid, role, counterparty, dataset_id, agreement, at, replaced_by)
SELECT :tenant, :agreement_id, :negotiation_pid, :role, :counterparty, :dataset_id, :agreement, :at, :replaced_by
WHERE NOT EXISTS (SELECT 1 FROM agreement_claim
  WHERE tenant = :tenant AND agreement_id = :agreement_id AND negotiation_pid <> :negotiation_pid)
ON CONFLICT DO NOTHING;

-- name: replace_agreement
UPDATE agreement SET replaced_by = :new WHERE tenant = :tenant AND agreement_id = :old;

-- name: load_agreement
SELECT tenant, agreement_id, negotiation_pid, role, counterparty, dataset_id, agreement, at, replaced_by
FROM agreement WHERE tenant = :tenant AND agreement_id = :agreement_id;

-- name: agreements_with
SELECT tenant, agreement_id, negotiation_pid, role, counterparty, dataset_id, agreement, at, replaced_by
FROM agreement WHERE tenant = :tenant AND counterparty = :counterparty
  AND dataset_id BETWEEN :first AND :last
ORDER BY at, agreement_id;

-- name: claim_agreement
INSERT INTO agreement_claim (tenant, agreement_id, negotiation_pid) VALUES (:tenant, :agreement_id, :negotiation_pid)
ON CONFLICT DO NOTHING;

-- name: agreement_taken
SELECT EXISTS (SELECT 1 FROM agreement WHERE tenant = :tenant AND agreement_id = :agreement_id)
  OR EXISTS (SELECT 1 FROM agreement_claim
    WHERE tenant = :tenant AND agreement_id = :agreement_id AND negotiation_pid <> :negotiation_pid);

-- name: newest_agreements
SELECT tenant, agreement_id, negotiation_pid, role, counterparty, dataset_id, agreement, at, replaced_by
FROM agreement WHERE tenant = :tenant AND replaced_by IS NULL
  AND (:counterparty = '' OR counterparty = :counterparty) AND (:dataset_id = '' OR dataset_id = :dataset_id)
  AND (at, agreement_id) < (:before, :before_id)
ORDER BY at DESC, agreement_id DESC LIMIT :limit;

-- name: list_agreements
SELECT tenant, agreement_id, negotiation_pid, role, counterparty, dataset_id, agreement, at, replaced_by
FROM agreement WHERE tenant = :tenant AND (at, agreement_id) > (:after, :after_id)
  AND (:dataset_id = '' OR dataset_id = :dataset_id)
ORDER BY at, agreement_id LIMIT :limit;

-- name: count_agreements
SELECT dataset_id, count(*) FROM json_each(:dataset_ids) AS wanted
CROSS JOIN agreement ON agreement.tenant = :tenant AND dataset_id = wanted.value AND replaced_by IS NULL
  AND agreement.role = 'provider'
CROSS JOIN process ON process.tenant = :tenant AND kind = 'negotiation' AND pid = negotiation_pid AND state = 'FINALIZED'
GROUP BY dataset_id;

-- name: agreement_parties
SELECT DISTINCT counterparty FROM agreement WHERE tenant = :tenant ORDER BY counterparty;

-- name: delete_data_tokens
DELETE FROM data_token WHERE tenant = :tenant AND transfer_pid = :transfer_pid AND sha256 <> :kept;

-- name: forget_data_tokens
DELETE FROM data_token WHERE tenant = :tenant AND transfer_pid = :pid;

-- name: insert_data_token
INSERT INTO data_token (tenant, transfer_pid, sha256, refresh_sha256, expires, live)
VALUES (:tenant, :transfer_pid, :sha256, :refresh_sha256, :expires, :live);

-- name: renew_data_token
INSERT INTO data_token (tenant, transfer_pid, sha256, refresh_sha256, expires, live)
SELECT :tenant, :transfer_pid, :sha256, :refresh_sha256, :expires, live FROM data_token
WHERE tenant = :tenant AND transfer_pid = :transfer_pid AND sha256 = :kept;

-- name: set_token_live
UPDATE data_token SET live = :live WHERE tenant = :tenant AND transfer_pid = :transfer_pid;

-- name: find_data_token
SELECT tenant, transfer_pid, sha256, refresh_sha256, expires, live
FROM data_token WHERE tenant = :tenant AND sha256 = :sha256;

-- name: data_tokens_of
SELECT tenant, transfer_pid, sha256, refresh_sha256, expires, live FROM data_token
WHERE tenant = :tenant AND transfer_pid = :transfer_pid ORDER BY sha256;

-- name: count_processes
SELECT kind || ' ' || state, count(*) FROM process WHERE tenant = :tenant GROUP BY kind, state ORDER BY kind, state;
