-- The catalogue goes from policy to policy, so that each is decided once and what a caller may not see is never read.
CREATE INDEX dataset_policy ON dataset (tenant, policy_digest, dataset_id);
