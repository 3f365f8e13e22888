-- How many processes of a party are open is counted when it opens one.
CREATE INDEX process_open ON process (tenant, counterparty)
  WHERE state NOT IN ('', 'FINALIZED', 'COMPLETED', 'TERMINATED');
