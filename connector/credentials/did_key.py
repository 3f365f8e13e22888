"""`did:key`: an identifier that is its own key (did:key method, 2.2 and 3.1). Nothing is fetched for it.

Only for the development face (`server/vc_api`): such a key can be neither replaced nor withdrawn, and names no company.
"""

from __future__ import annotations

from connector.credentials.did import RELATIONSHIPS, DidDocument, Method
from connector.credentials.multikey import key_from_multikey
from connector.credentials.refused import Refused
from connector.model import Did

_PREFIX = "did:key:"


def key_did(multikey: str) -> Did:
    """The identifier that is this key."""
    return Did(_PREFIX + multikey)


def key_id_in(did: Did) -> str:
    """Its one verification method."""
    return f"{did}#{did.removeprefix(_PREFIX)}"


def document_in(did: Did) -> DidDocument:
    """The document that the identifier stands for: one key, good for everything that we know."""
    if not did.startswith(_PREFIX):
        raise Refused("did-method-unsupported", f"{did:.40} is no did:key")
    key, key_id = key_from_multikey(did.removeprefix(_PREFIX)), key_id_in(did)
    return DidDocument(
        id=did,
        methods={key_id: Method(id=key_id, controller=did, key=key)},
        relationships={name: frozenset({key_id}) for name in RELATIONSHIPS},
        services=(),
    )
