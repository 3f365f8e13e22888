"""A participant of the tests: an identity with a static web site, whose messages say exactly what a test wants.

`ask` speaks over a plain socket, so that what no HTTP client would send can be sent as well.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson

from connector.credentials import jose, token
from connector.credentials.did import MethodKey, build_document
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, JsonObject
from tests.listening import Asked, listening

LIFETIME_SECONDS = 300
NOTHING = timedelta()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> JsonObject:
        """The body as an object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody with a key and a DID document, known to nobody."""

    port: int
    name: str

    @property
    def did(self) -> Did:
        """Its identity."""
        return Did(f"did:web:localhost%3A{self.port}:{self.name}")

    @property
    def signer(self) -> MemorySigner:
        """Its key."""
        return signer_from_seed(self.name.encode(), "EdDSA", f"{self.did}#authentication-1")

    def document(self) -> bytes:
        """Its DID document, without services."""
        key = MethodKey(key_id=self.signer.key_id, public_jwk=self.signer.public_jwk)
        return orjson.dumps(build_document(self.did, assertion=[], authentication=[key], services=()))

    def token(self, audience: str, others: Mapping[str, str | int] | None = None, *, ago: timedelta = NOTHING) -> str:
        """A self-issued token, good unless told otherwise."""
        said = token.claims(
            issuer=self.did, audience=Did(audience), jti=uuid4().urn, now=datetime.now(UTC) - ago,
            lifetime_seconds=LIFETIME_SECONDS,
        )  # fmt: skip
        unsigned = token.token_input({**said, **(others or {})}, key_id=self.signer.key_id, alg=self.signer.alg)
        return jose.attach(unsigned, self.signer.sign_now(unsigned)).decode("ascii")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that came to a stranger."""

    path: str
    body: bytes


@contextmanager
def site_of(*strangers: Stranger) -> Iterator[list[Heard]]:
    """Their DID documents, on the one port that they share; what is posted there is taken, and told."""
    heard: list[Heard] = []
    documents = {f"/{one.name}/did.json": one.document() for one in strangers}

    def answer(asked: Asked) -> tuple[int, bytes]:
        if asked.method == "POST":
            heard.append(Heard(asked.path, asked.body))
            return 200, b""
        return (200, documents[asked.path]) if asked.path in documents else (404, b"")

    with listening(answer, strangers[0].port, "application/did+json"):
        yield heard


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """One request; underlines in the names of headers stand for hyphens."""
    named = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body or None, named)
        response = connection.getresponse()
        said = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.read(), said)
    finally:
        connection.close()


def shout(port: int, octets: bytes) -> bytes:
    """Bytes as they are; what comes back until the other side closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.sendall(octets)
        heard = b""
        try:
            while piece := sock.recv(65_536):
                heard += piece
                if b"\r\n\r\n" in heard and b"content-length" in heard.lower():
                    head, _, rest = heard.partition(b"\r\n\r\n")
                    length = next(
                        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
                    )
                    if len(rest) >= length:
                        break
        except TimeoutError:
            return heard
        return heard
