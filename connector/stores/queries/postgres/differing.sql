-- Statements that PostgreSQL can't read as they stand in the folder above, or would run badly.

-- name: later_records
SELECT DISTINCT ON (from_record, from_holder) record.tenant, record_id, version, record_type, key, subject_id,
  record.holder, origin, dataset_id, agreement_id, content_digest, content, lineage, digests, buyers, at
FROM link JOIN record
  ON record.tenant = link.tenant AND record.holder = from_holder AND record_id = from_record
    AND version = from_version AND newest = 1 AND origin IN ('own', 'received')
WHERE link.tenant = :tenant AND to_record = :record_id AND (from_record, from_holder) > (:after, :after_holder)
ORDER BY from_record, from_holder LIMIT :limit;

-- name: forget_commands
-- Rows do not stay in the order in which they came, so an index leads to the oldest.
DELETE FROM command WHERE (tenant, key) IN (
  SELECT tenant, key FROM command WHERE at < :before ORDER BY at LIMIT :limit);

-- name: is_copy
-- A database brought back from a dump does not know it: `serve --restored` says so.
SELECT 0;

-- name: is_a_copy
SELECT 0;

-- name: is_no_copy
SELECT 0;
