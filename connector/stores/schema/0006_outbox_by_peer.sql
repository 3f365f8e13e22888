-- What is due is looked for per counterparty (claims take some of each), so its time stands in that index.
DROP INDEX outbox_peer;
CREATE INDEX outbox_peer ON outbox (tenant, counterparty, due);
DROP INDEX outbox_due;
