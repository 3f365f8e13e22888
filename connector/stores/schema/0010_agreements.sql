-- Agreements by party and dataset; ids of agreements that are on their way; what came later, page by page.

CREATE INDEX agreement_with ON agreement (tenant, counterparty, dataset_id);

-- A given id is claimed by the first negotiation that is to have it: the agreement itself stands only once the peer has
-- acknowledged it.
CREATE TABLE agreement_claim (
  tenant TEXT NOT NULL,
  agreement_id TEXT NOT NULL,
  negotiation_pid TEXT NOT NULL,
  PRIMARY KEY (tenant, agreement_id)
) STRICT, WITHOUT ROWID;

DROP INDEX link_to;
CREATE INDEX link_to ON link (tenant, to_record, from_record, from_holder, from_version);
