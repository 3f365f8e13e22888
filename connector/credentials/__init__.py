"""W3C credentials: DIDs, JOSE securing, self-issued tokens, presentations, status lists, issue and verify.

Values in, values out: keys sign through the `signing.Signer` port, and what a check needs from the network (DID
documents, status lists) is an argument.
"""
