-- Columns stand in the order of the row's fields in exchange/rows.py.

-- name: insert_record
INSERT INTO record (tenant, record_id, version, record_type, key, subject_id, holder, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at, newest)
VALUES (:tenant, :record_id, :version, :record_type, :key, :subject_id, :holder, :origin, :dataset_id, :agreement_id,
  :content_digest, :content, :lineage, :digests, :buyers, :at, 0)
ON CONFLICT DO NOTHING;

-- name: delete_record
DELETE FROM record
WHERE tenant = :tenant AND holder = :holder AND record_id = :record_id AND version = :version;

-- name: delete_links
DELETE FROM link
WHERE tenant = :tenant AND from_holder = :holder AND from_record = :record_id AND from_version = :version;

-- name: mark_newest
UPDATE record SET newest = CASE WHEN version = (
  SELECT max(version) FROM record WHERE tenant = :tenant AND holder = :holder AND record_id = :record_id)
  THEN 1 ELSE 0 END
WHERE tenant = :tenant AND holder = :holder AND record_id = :record_id;

-- name: load_record
SELECT tenant, record_id, version, record_type, key, subject_id, holder, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at
FROM record WHERE tenant = :tenant AND holder = :holder AND record_id = :record_id AND version = :version;

-- name: load_newest
SELECT tenant, record_id, version, record_type, key, subject_id, holder, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at
FROM record WHERE tenant = :tenant AND holder = :holder AND record_id = :record_id AND newest = 1;

-- name: load_records
SELECT tenant, record_id, version, record_type, record.key, subject_id, holder, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at
FROM json_each(:record_ids) AS wanted
CROSS JOIN record ON tenant = :tenant AND holder = :holder AND record_id = wanted.value AND newest = 1;

-- name: find_records
SELECT record.tenant, record.record_id, version, record_type, key, subject_id, record.holder, origin, dataset_id,
  agreement_id, content_digest, content, lineage, digests, buyers, at
FROM (
  SELECT holder, record_id FROM identifier
  WHERE tenant = :tenant AND value = :value AND (:scheme IS NULL OR scheme = :scheme)
    AND (:issuer IS NULL OR issuer = :issuer)
  UNION SELECT holder, record_id FROM record
  WHERE :scheme IS NULL AND tenant = :tenant AND record_id = :value AND newest = 1
  UNION SELECT holder, record_id FROM record
  WHERE :scheme IS NULL AND tenant = :tenant AND subject_id = :value AND newest = 1) AS found
CROSS JOIN record ON tenant = :tenant AND record.holder = found.holder AND record.record_id = found.record_id
  AND newest = 1
WHERE :record_type IS NULL OR record_type = :record_type
ORDER BY record.record_id, record.holder;

-- name: find_units
SELECT record.tenant, record.record_id, version, record_type, key, subject_id, record.holder, origin, dataset_id,
  agreement_id, content_digest, content, lineage, digests, buyers, at
FROM (
  SELECT record_id FROM (
    SELECT record_id FROM identifier
    WHERE tenant = :tenant AND value = :value AND holder = :holder LIMIT :most) AS carrier
  UNION SELECT record_id FROM record
  WHERE tenant = :tenant AND record_id = :value AND holder = :holder AND newest = 1
  UNION SELECT record_id FROM (
    SELECT record_id FROM record
    WHERE tenant = :tenant AND subject_id = :value AND holder = :holder AND newest = 1 LIMIT :most) AS about) AS found
CROSS JOIN record ON tenant = :tenant AND record.holder = :holder AND record.record_id = found.record_id AND newest = 1
WHERE dataset_id = :dataset_id
ORDER BY record.record_id LIMIT :limit;

-- name: list_records
SELECT tenant, record_id, version, record_type, key, subject_id, holder, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at
FROM record
WHERE tenant = :tenant AND newest = 1 AND (record_id, holder) > (:after, :after_holder)
  AND (:origin IS NULL OR origin = :origin)
ORDER BY record_id, holder LIMIT :limit;

-- name: list_records_of_dataset
SELECT tenant, record_id, version, record_type, key, subject_id, holder, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at
FROM record
WHERE tenant = :tenant AND dataset_id = :dataset_id AND newest = 1 AND (record_id, holder) > (:after, :after_holder)
  AND (:origin IS NULL OR origin = :origin)
ORDER BY record_id, holder LIMIT :limit;

-- name: later_records
-- In the order of the links' index, so that a page costs the same among many.
SELECT record.tenant, record_id, version, record_type, key, subject_id, record.holder, origin, dataset_id, agreement_id,
  content_digest, content, lineage, digests, buyers, at
FROM link CROSS JOIN record
  ON record.tenant = link.tenant AND record.holder = from_holder AND record_id = from_record
    AND version = from_version AND newest = 1 AND origin IN ('own', 'received')
WHERE link.tenant = :tenant AND to_record = :record_id AND (from_record, from_holder) > (:after, :after_holder)
GROUP BY from_record, from_holder
ORDER BY from_record, from_holder LIMIT :limit;

-- name: insert_credential
INSERT INTO credential (tenant, digest, holder, record_id, version, credential_type, access_class, level, subject_id,
  issuer, media_type, octets, status_list, status_index, origin, report)
VALUES (:tenant, :digest, :holder, :record_id, :version, :credential_type, :access_class, :level, :subject_id,
  :issuer, :media_type, :octets, :status_list, :status_index, :origin, :report)
ON CONFLICT DO NOTHING;

-- name: credential_there
SELECT 1 FROM credential
WHERE tenant = :tenant AND holder = :holder AND record_id = :record_id AND version = :version AND digest = :digest;

-- name: delete_credential
DELETE FROM credential WHERE tenant = :tenant AND holder = :holder AND digest = :digest;

-- name: credentials
SELECT tenant, digest, holder, record_id, version, credential_type, access_class, level, subject_id, issuer, media_type,
  octets, status_list, status_index, origin, report
FROM credential WHERE tenant = :tenant AND holder = :holder AND record_id = :record_id AND version = :version
ORDER BY digest;

-- name: find_credential
SELECT tenant, digest, holder, record_id, version, credential_type, access_class, level, subject_id, issuer, media_type,
  octets, status_list, status_index, origin, report
FROM credential WHERE tenant = :tenant AND digest = :digest
ORDER BY origin = 'received', version DESC, record_id, holder LIMIT 1;

-- name: status_mark
SELECT next FROM status_mark WHERE tenant = :tenant;

-- name: set_status_mark
INSERT INTO status_mark (tenant, next) VALUES (:tenant, :next)
ON CONFLICT (tenant) DO UPDATE
SET next = CASE WHEN excluded.next > status_mark.next THEN excluded.next ELSE status_mark.next END;

-- name: first_version
SELECT first_version FROM status_mark WHERE tenant = :tenant;

-- name: set_first_version
INSERT INTO status_mark (tenant, next, first_version) VALUES (:tenant, 0, :first_version)
ON CONFLICT (tenant) DO UPDATE SET first_version =
  CASE WHEN excluded.first_version > status_mark.first_version THEN excluded.first_version
    ELSE status_mark.first_version END;

-- name: is_copy
SELECT user_version FROM pragma_user_version;

-- name: is_a_copy
PRAGMA user_version = 1;

-- name: is_no_copy
PRAGMA user_version = 0;

-- name: put_link
INSERT INTO link (tenant, link_id, from_holder, from_record, from_version, to_record, to_version, holder)
VALUES (:tenant, :link_id, :from_holder, :from_record, :from_version, :to_record, :to_version, :holder)
ON CONFLICT (tenant, link_id, from_holder, from_record, from_version) DO UPDATE
SET to_record = excluded.to_record, to_version = excluded.to_version, holder = excluded.holder;

-- name: find_link
SELECT link.tenant, link_id, from_holder, from_record, from_version, to_record, to_version, link.holder
FROM link CROSS JOIN record
  ON record.tenant = link.tenant AND record.holder = from_holder AND record_id = from_record
    AND version = from_version AND origin = 'own'
WHERE link.tenant = :tenant AND link_id = :link_id
ORDER BY from_version DESC, from_record LIMIT 1;

-- name: put_identifier
INSERT INTO identifier (tenant, scheme, value, issuer, holder, record_id, subject_id)
VALUES (:tenant, :scheme, :value, :issuer, :holder, :record_id, :subject_id)
ON CONFLICT (tenant, value, scheme, issuer, holder, record_id) DO UPDATE SET subject_id = excluded.subject_id;

-- name: put_dataset
INSERT INTO dataset (tenant, dataset_id, title, plan, record_types, policy, policy_digest, at, approval, withdrawn)
VALUES (:tenant, :dataset_id, :title, :plan, :record_types, :policy, :policy_digest, :at, :approval, :withdrawn)
ON CONFLICT (tenant, dataset_id) DO UPDATE SET title = excluded.title, plan = excluded.plan,
  record_types = excluded.record_types, policy = excluded.policy, policy_digest = excluded.policy_digest,
  at = excluded.at, approval = excluded.approval, withdrawn = excluded.withdrawn;

-- name: load_dataset
SELECT tenant, dataset_id, title, plan, record_types, policy, policy_digest, at, approval, withdrawn
FROM dataset WHERE tenant = :tenant AND dataset_id = :dataset_id;

-- name: offered_dataset
SELECT 1 FROM dataset WHERE tenant = :tenant AND dataset_id = :dataset_id AND withdrawn = 0;

-- name: own_credentials
-- Of the newest versions that stand since before a time.
SELECT credential_type, octets
FROM record
CROSS JOIN credential ON credential.tenant = record.tenant AND credential.holder = record.holder
  AND credential.record_id = record.record_id AND credential.version = record.version
WHERE record.tenant = :tenant AND record.newest = 1 AND record.origin = 'own' AND record.at < :before;

-- name: list_datasets
SELECT tenant, dataset_id, title, plan, record_types, policy, policy_digest, at, approval, withdrawn
FROM dataset WHERE tenant = :tenant AND dataset_id > :after ORDER BY dataset_id LIMIT :limit;

-- name: policies_from
-- One look-up per distinct policy, however many datasets each has.
WITH RECURSIVE known(digest) AS (
  SELECT min(policy_digest) FROM dataset WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest >= :start
  UNION ALL
  SELECT (SELECT min(policy_digest) FROM dataset WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest > digest)
  FROM known WHERE digest IS NOT NULL)
SELECT digest, (SELECT policy FROM dataset WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest = digest LIMIT 1)
FROM known WHERE digest IS NOT NULL LIMIT :limit;

-- name: policies_down_from
WITH RECURSIVE known(digest) AS (
  SELECT max(policy_digest) FROM dataset WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest <= :start
  UNION ALL
  SELECT (SELECT max(policy_digest) FROM dataset WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest < digest)
  FROM known WHERE digest IS NOT NULL)
SELECT digest, (SELECT policy FROM dataset WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest = digest LIMIT 1)
FROM known WHERE digest IS NOT NULL LIMIT :limit;

-- name: datasets_after
SELECT tenant, dataset_id, title, plan, record_types, policy, policy_digest, at, approval, withdrawn
FROM dataset
WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest = :policy_digest AND dataset_id > :place
  AND (:ids IS NULL OR dataset_id IN (SELECT value FROM json_each(:ids) AS one))
  AND (:names IS NULL OR title IN (SELECT value FROM json_each(:names) AS one))
  AND (:name_glob IS NULL OR title GLOB :name_glob)
  AND (:types IS NULL OR EXISTS (
    SELECT 1 FROM json_each(record_types) AS own CROSS JOIN json_each(:types) AS asked ON own.value = asked.value))
ORDER BY dataset_id LIMIT :limit OFFSET :skip;

-- name: datasets_before
SELECT tenant, dataset_id, title, plan, record_types, policy, policy_digest, at, approval, withdrawn
FROM dataset
WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest = :policy_digest AND (:place = '' OR dataset_id < :place)
  AND (:ids IS NULL OR dataset_id IN (SELECT value FROM json_each(:ids) AS one))
  AND (:names IS NULL OR title IN (SELECT value FROM json_each(:names) AS one))
  AND (:name_glob IS NULL OR title GLOB :name_glob)
  AND (:types IS NULL OR EXISTS (
    SELECT 1 FROM json_each(record_types) AS own CROSS JOIN json_each(:types) AS asked ON own.value = asked.value))
ORDER BY dataset_id DESC LIMIT :limit;

-- name: count_datasets
SELECT count(*) FROM dataset
WHERE tenant = :tenant AND withdrawn = 0 AND policy_digest = :policy_digest
  AND (:ids IS NULL OR dataset_id IN (SELECT value FROM json_each(:ids) AS one))
  AND (:names IS NULL OR title IN (SELECT value FROM json_each(:names) AS one))
  AND (:name_glob IS NULL OR title GLOB :name_glob)
  AND (:types IS NULL OR EXISTS (
    SELECT 1 FROM json_each(record_types) AS own CROSS JOIN json_each(:types) AS asked ON own.value = asked.value));

-- name: insert_status_change
INSERT INTO status_change (tenant, list_number, list_index, digest, purpose, effective, reason, at)
VALUES (:tenant, :list_number, :index, :digest, :purpose, :effective, :reason, :at);

-- name: status_bits
SELECT DISTINCT list_index FROM (
    SELECT list_index, purpose, row_number() OVER (PARTITION BY list_index ORDER BY effective DESC, id DESC) AS nth
    FROM status_change WHERE tenant = :tenant AND list_number = :list_number AND effective <= :now
) AS changed WHERE purpose = 'revocation' OR (nth = 1 AND purpose = 'suspension') ORDER BY list_index;

-- name: status_changes
SELECT tenant, list_number, list_index, digest, purpose, effective, reason, at
FROM status_change WHERE tenant = :tenant AND list_number = :list_number ORDER BY id;

-- name: count_records
SELECT 'records', count(*) FROM record WHERE tenant = :tenant AND newest = 1
UNION ALL SELECT 'credentials', count(*) FROM credential WHERE tenant = :tenant
UNION ALL SELECT 'agreements', count(*) FROM agreement WHERE tenant = :tenant
UNION ALL SELECT 'outbox', count(*) FROM outbox WHERE tenant = :tenant
UNION ALL SELECT 'evidence', coalesce(max(seq), 0) FROM evidence WHERE tenant = :tenant;
