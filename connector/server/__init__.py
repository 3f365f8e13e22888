"""The server edge: HTTP in, journeys called, answers out. Handlers parse, call one journey and render; nothing else.

site        the two faces: public (peers) and management (loopback, token); middlewares for all routes
problems    the one place that knows HTTP status codes
dsp         Dataspace Protocol 2025-1 over HTTPS
dcp         the CredentialService: presentation queries (DCP 1.0)
data        data pages and credential octets under a data token
wellknown   DID document, version document, status lists
audits      audit reads by peers
management  what operators and the command line use
passport    the public passport page
report      an audit report as one HTML file
fence       the operating system's fence around this process
"""
