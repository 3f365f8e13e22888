-- What ended without an agreement is forgotten after a time, the longest unchanged first. Finalized negotiations stay, so
-- they are not in the way; what is told to be kept for an agreement's sake is found by it.
CREATE INDEX process_ended ON process (tenant, updated) WHERE state IN ('', 'COMPLETED', 'TERMINATED');
CREATE INDEX agreement_negotiation ON agreement (tenant, negotiation_pid);
