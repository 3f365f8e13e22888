"""Custody of private keys: a URI says where a key lies, `open_signer` makes a `Signer` of it."""
