-- Columns stand in the order of the row's fields in exchange/keeping.py.

-- name: content_version
SELECT version FROM dataset_content WHERE tenant = :tenant AND dataset_id = :dataset_id;

-- name: content_changed
INSERT INTO dataset_content (tenant, dataset_id, version) VALUES (:tenant, :dataset_id, 1)
ON CONFLICT (tenant, dataset_id) DO UPDATE SET version = dataset_content.version + 1;

-- name: put_delivered
INSERT INTO delivered (tenant, agreement_id, unit, version, digests, at)
VALUES (:tenant, :agreement_id, :unit, :version, :digests, :at)
ON CONFLICT (tenant, agreement_id, unit) DO UPDATE SET version = excluded.version, digests = excluded.digests,
  at = excluded.at;

-- name: list_delivered
SELECT tenant, agreement_id, unit, version, digests, at FROM delivered
WHERE tenant = :tenant AND agreement_id = :agreement_id AND unit >= :start ORDER BY unit LIMIT :limit;
