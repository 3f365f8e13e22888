"""The way to other parties: one guarded HTTP client, resolvers, conversations. The only room that opens connections.

`client` and `addresses` decide what is connected to; `resolver` fetches what proves who a party is; `messenger` and
`verifier` use both for the journeys.
"""
