"""The server edge: HTTP in, journeys called, answers out. Handlers parse, call one journey and render; nothing else.

The map of the files is README.md.
"""
