"""Who vouches for the two connectors: signs their membership, keeps DID document and status list on a static site."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
from aiohttp import web

from connector.credentials import jose
from connector.credentials.datamodel import VC_CONTEXT, time_text
from connector.credentials.did import MethodKey, build_document
from connector.credentials.issue import attach, prepare
from connector.credentials.status_list import changes_input, list_payload
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, JsonObject
from connector.vocabulary.bundle import load_bundle

PARTY_CREDENTIALS = ("MembershipCredential", "RoleCredential")


@dataclass(frozen=True, slots=True)
class Authority:
    """A signer with a web site of files at this port."""

    port: int
    at: datetime | None = None
    """The time of its signatures, where a test has a clock of its own."""
    revoked: list[int] = field(default_factory=list, compare=False)
    """What it has revoked by now, by status index."""

    @property
    def now(self) -> datetime:
        """When it signs."""
        return self.at or datetime.now(UTC)

    @property
    def did(self) -> Did:
        """Its identity."""
        return Did(f"did:web:localhost%3A{self.port}")

    @property
    def signer(self) -> MemorySigner:
        """Its key, which protects nothing."""
        return signer_from_seed(b"bench authority", "ES256", f"{self.did}#assertion-1")

    @property
    def list_url(self) -> str:
        """Its one status list."""
        return f"http://localhost:{self.port}/status/0"

    def party_credential(self, party: Did, kind: str, index: int) -> bytes:
        """A membership or role credential for a party, in the octets that it will show."""
        said: dict[str, JsonObject] = {
            "MembershipCredential": {"memberOf": "Bench", "membershipNumber": str(index), "memberSince": "2025-01-01"},
            "RoleCredential": {"role": ["refiner"], "purpose": ["production"]},
        }
        credential: JsonObject = {
            "@context": [VC_CONTEXT, load_bundle().context_url],
            "type": ["VerifiableCredential", kind],
            "issuer": self.did,
            "validFrom": time_text(self.now - timedelta(days=1)),
            "credentialStatus": {
                "id": f"{self.list_url}#{index}",
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": str(index),
                "statusListCredential": self.list_url,
            },
            "credentialSubject": {"id": party, "type": "Party", **said[kind]},
        }
        unsigned = prepare(credential, key_id=self.signer.key_id, alg=self.signer.alg)
        return attach(unsigned, self.signer.sign_now(unsigned)).octets

    def files(self) -> dict[str, tuple[bytes, str]]:
        """Path -> content and media type of the whole site."""
        now, signer = self.now, self.signer
        key = MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk)
        document = build_document(self.did, assertion=[key], authentication=[], services=())
        payload = list_payload(
            url=self.list_url, issuer=self.did, indices=self.revoked, valid_from=now - timedelta(hours=1),
            valid_until=now + timedelta(days=30),
        )  # fmt: skip
        listed = prepare(payload, key_id=signer.key_id, alg=signer.alg)
        changed = changes_input(list_url=self.list_url, key_id=signer.key_id, alg=signer.alg, now=now, changes=())
        return {
            "/.well-known/did.json": (orjson.dumps(document), "application/did+json"),
            "/status/0": (jose.attach(listed, signer.sign_now(listed)), "application/vc+jwt"),
            "/status/0/changes": (jose.attach(changed, signer.sign_now(changed)), "application/jwt"),
        }

    async def serve(self) -> web.AppRunner:
        """The site, until the runner is cleaned up."""
        app = web.Application()
        for path in self.files():
            app.router.add_get(path, self._file)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        return runner

    async def _file(self, request: web.Request) -> web.Response:
        body, media_type = self.files()[request.path]
        return web.Response(body=body, content_type=media_type)
