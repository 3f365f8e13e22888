-- What the receipt in a peer's answer is worth. Of what was said before there were receipts nothing is known.
ALTER TABLE message ADD COLUMN receipt TEXT NOT NULL DEFAULT '';
