-- A transfer may have several data tokens at a time: the one that was renewed stays good until it expires. Each has the
-- refresh token that came with it. Tokens from before do not expire and can't be renewed.

ALTER TABLE data_token RENAME TO data_token_before;
DROP INDEX data_token_sha256;
CREATE TABLE data_token (
  tenant TEXT NOT NULL,
  transfer_pid TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  refresh_sha256 TEXT NOT NULL,
  expires INTEGER NOT NULL,
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  PRIMARY KEY (tenant, transfer_pid, sha256)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX data_token_sha256 ON data_token (tenant, sha256);
INSERT INTO data_token (tenant, transfer_pid, sha256, refresh_sha256, expires, live)
SELECT tenant, transfer_pid, sha256, '', 9223372036854775807, live FROM data_token_before;
DROP TABLE data_token_before;
