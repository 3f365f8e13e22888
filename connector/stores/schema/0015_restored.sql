-- The lowest version that a new one may have: above all that were given before this store was brought back from a copy.
ALTER TABLE status_mark ADD COLUMN first_version INTEGER NOT NULL DEFAULT 1;
