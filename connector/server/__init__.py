"""The server edge: HTTP in, journeys called, answers out. Handlers parse, call one journey and render; nothing else.

site         the two faces, public (peers) and management (loopback, token), and the limits of all routes
services     what the handlers call
dsp          Dataspace Protocol 2025-1 over HTTPS
peers_face   DID document, credential service (DCP 1.0), data, status lists, audit reads, contexts
statements   DID document, status lists and changes as octets
management   what operators and the command line use; `commands` does it, `processes` shows negotiations
problems     the one place that knows HTTP status codes
passport     the public passport page
report       an audit as one HTML file; `chain_picture` draws it
fence        the operating system's fence around this process
"""
