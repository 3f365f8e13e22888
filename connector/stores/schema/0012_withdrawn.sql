-- A dataset that is no longer offered stays, for what was agreed on it; the catalogue never reads it.
ALTER TABLE dataset ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0; -- since when; 0: it is offered
DROP INDEX dataset_policy;
CREATE INDEX dataset_policy ON dataset (tenant, policy_digest, dataset_id) WHERE withdrawn = 0;
