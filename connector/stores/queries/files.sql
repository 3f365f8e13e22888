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

-- name: received_bytes
SELECT (
  SELECT coalesce(sum(length(octets)), 0) FROM credential
  WHERE tenant = :tenant AND holder = :holder AND origin = 'received'
) + (
  SELECT coalesce(sum(size), 0) FROM file WHERE tenant = :tenant AND holder = :holder AND agreement_id <> ''
);

-- name: list_files
SELECT tenant, dataset_id, agreement_id, digest, holder, name, media_type, size, access_class, at
FROM file
WHERE tenant = :tenant AND dataset_id = :dataset_id AND agreement_id = :agreement_id AND digest > :after
ORDER BY digest LIMIT :limit;
