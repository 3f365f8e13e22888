-- Columns stand in the order of the row's fields in exchange/rows.py.

-- name: replaced_files
DELETE FROM file
WHERE tenant = :tenant AND dataset_id = :dataset_id AND agreement_id = '' AND :agreement_id = '' AND name = :name
  AND digest <> :digest
RETURNING digest;

-- name: put_file
INSERT INTO file (tenant, dataset_id, agreement_id, digest, holder, name, media_type, size, access_class, at)
VALUES (:tenant, :dataset_id, :agreement_id, :digest, :holder, :name, :media_type, :size, :access_class, :at)
ON CONFLICT (tenant, dataset_id, agreement_id, digest) DO UPDATE SET
  name = excluded.name, media_type = excluded.media_type, access_class = excluded.access_class, at = excluded.at;

-- name: file_named
SELECT 1 FROM file WHERE tenant = :tenant AND digest = :digest LIMIT 1;

-- name: find_file
SELECT tenant, dataset_id, agreement_id, digest, holder, name, media_type, size, access_class, at
FROM file
WHERE tenant = :tenant AND dataset_id = :dataset_id AND agreement_id = :agreement_id AND digest = :digest;

-- name: used_records
SELECT DISTINCT to_record
FROM json_each(:record_ids) AS wanted
CROSS JOIN link INDEXED BY link_to ON link.tenant = :tenant AND to_record = wanted.value AND link.holder = :holder
CROSS JOIN record ON record.tenant = link.tenant AND record.holder = from_holder AND record_id = from_record
  AND version = from_version AND origin = 'own';

-- name: discard_links
DELETE FROM link INDEXED BY link_from WHERE tenant = :tenant
  AND (from_holder, from_record) IN (
    SELECT record.holder, record.record_id FROM json_each(:records) AS meant CROSS JOIN record
      ON record.tenant = :tenant AND record.holder = meant.value ->> 0 AND record.record_id = meant.value ->> 1
        AND origin = 'received');

-- name: discard_identifiers
DELETE FROM identifier WHERE tenant = :tenant
  AND (holder, record_id) IN (
    SELECT record.holder, record.record_id FROM json_each(:records) AS meant CROSS JOIN record
      ON record.tenant = :tenant AND record.holder = meant.value ->> 0 AND record.record_id = meant.value ->> 1
        AND origin = 'received');

-- name: discard_credentials
DELETE FROM credential WHERE tenant = :tenant AND origin = 'received'
  AND (holder, record_id) IN (SELECT meant.value ->> 0, meant.value ->> 1 FROM json_each(:records) AS meant);

-- name: discard_records
DELETE FROM record WHERE tenant = :tenant AND origin = 'received'
  AND (holder, record_id) IN (SELECT meant.value ->> 0, meant.value ->> 1 FROM json_each(:records) AS meant);

-- name: discard_file
DELETE FROM file WHERE tenant = :tenant AND dataset_id = '' AND agreement_id = :agreement_id AND digest = :digest;

-- name: received_bytes
SELECT (
  SELECT CAST(coalesce(sum(length(octets)), 0) AS bigint) FROM credential
  WHERE tenant = :tenant AND holder = :holder AND origin = 'received'
) + (
  SELECT CAST(coalesce(sum(size), 0) AS bigint) FROM file WHERE tenant = :tenant AND holder = :holder AND agreement_id <> ''
);

-- name: list_files
SELECT tenant, dataset_id, agreement_id, digest, holder, name, media_type, size, access_class, at
FROM file
WHERE tenant = :tenant AND dataset_id = :dataset_id AND agreement_id = :agreement_id AND digest > :after
ORDER BY digest LIMIT :limit;

-- name: received_files
SELECT tenant, dataset_id, agreement_id, digest, holder, name, media_type, size, access_class, at
FROM file
WHERE tenant = :tenant AND dataset_id = '' AND (agreement_id, digest) > (:agreement_id, :after)
ORDER BY agreement_id, digest LIMIT :limit;
