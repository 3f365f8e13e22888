"""A dataspace's issuer that takes every request and never delivers: a DID document and an IssuerService on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from connector.credentials.issuance import SERVICE
from connector.credentials.query import DCP_CONTEXT
from connector.model import JsonObject
from tests.listening import Asked, listening


@contextmanager
def issuing() -> Iterator[str]:
    """It listens until the block ends. Its DID."""
    files: dict[str, JsonObject] = {}

    def answer(asked: Asked) -> tuple[int, bytes]:
        return (201, b"{}") if asked.method == "POST" else (200, json.dumps(files[asked.path]).encode())

    with listening(answer) as port:
        did, here = f"did:web:localhost%3A{port}", f"http://localhost:{port}"
        supported: JsonObject = {"id": "m1", "credentialType": "MembershipCredential", "profile": "vc20-bssl/jwt"}
        files["/.well-known/did.json"] = {
            "id": did, "service": [{"id": "#issuer", "type": SERVICE, "serviceEndpoint": here}]
        }  # fmt: skip
        files["/metadata"] = {
            "@context": [DCP_CONTEXT], "type": "IssuerMetadata", "issuer": did, "credentialsSupported": [supported]
        }  # fmt: skip
        yield did
