-- Each change of a process asks whether these two indices have it. A list of more than two words is made into a table for
-- each question, which doubled the price of a change; comparisons cost nothing.
DROP INDEX process_ended;
CREATE INDEX process_ended ON process (tenant, updated)
  WHERE state = '' OR state = 'COMPLETED' OR state = 'TERMINATED';
DROP INDEX process_open;
CREATE INDEX process_open ON process (tenant, counterparty)
  WHERE state <> '' AND state <> 'FINALIZED' AND state <> 'COMPLETED' AND state <> 'TERMINATED';
