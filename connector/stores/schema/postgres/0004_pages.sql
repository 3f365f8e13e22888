-- Agreements are listed page by page, the newest or the oldest first; how many stand on an offer is counted for its page.
CREATE INDEX agreement_at ON agreement (tenant, at, agreement_id);
CREATE INDEX agreement_on ON agreement (tenant, dataset_id, role) WHERE replaced_by IS NULL;
