"""What the kit needs beside itself and a connector, on one port: a secure token service of our company, a place where a
test can set our verifier going, the kit's DID documents with what they lack, and its issuer before it runs.

The token service is no part of DCP's protocol: it is how a holder's own programs get tokens. Ours are made by the
product's own functions with our company's keys. The trigger hands the kit's `Authorization` on to a dataset that only
members see, and gives our connector's answer back. The kit delivers credentials that nobody asked it for, and is there
only while a test runs: so our connector asks its issuer here beforehand, as it asks any, and the kit is told under
which id.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs

from connector.credentials import jose, token
from connector.credentials.access import mint_access
from connector.credentials.did import RELATIONSHIPS
from connector.credentials.issuance import SERVICE
from connector.credentials.query import DCP_CONTEXT
from connector.keys.ring import open_keys
from connector.model import Did, Json, JsonObject
from tests.interop.company import Company
from tests.listening import Asked, listening

_SECONDS = 60
_LIFETIME = timedelta(minutes=5)
_OK, _CREATED = 200, 201
TYPES = ("MembershipCredential", "SensitiveDataCredential")
ROLES = ("holder", "issuer", "verifier", "thirdparty")
CLIENT = {"client_id": "kit", "client_secret": "trial"}
"""What the kit says to the token service, which is a test's: there is nothing to guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """It stands before the kit's port."""

    us: Company
    port: int
    kit_port: int
    dataset: str

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://localhost:{self.port}"

    def did(self, run: str, role: str) -> Did:
        """The name of a party of the kit in one run of it: each run makes keys of its own."""
        return Did(f"did:web:localhost%3A{self.port}:{run}:{role}")

    def ask(self, run: str) -> str:
        """Our connector asks the kit's issuer for both credentials that the kit knows. The id of its request."""
        body: JsonObject = {"issuer": self.did(run, "issuer"), "types": [*TYPES]}
        asked = self.us.post("/v1/credential-requests", body)
        assert asked["state"] == "requested", asked
        return str(asked["id"])

    def settings(self, run: str, ours: str) -> dict[str, str]:
        """The kit's settings; `ours` is the role that our connector has."""
        parties = {role: self.us.did if role == ours else self.did(run, role) for role in ROLES}
        settings = {
            "dataspacetck.launcher": "org.eclipse.dataspacetck.dcp.system.DcpSystemLauncher",
            "dataspacetck.ansi": "false",
            "dataspacetck.port": str(self.kit_port),
            "dataspacetck.callback.address": f"http://localhost:{self.kit_port}",
            "dataspacetck.vpp.trigger.endpoint": f"{self.address}/trigger",
            **{f"dataspacetck.did.{role}": did for role, did in parties.items()},
        }
        if ours == "holder":
            client = {f"dataspacetck.sts.{name.replace('_', '.')}": said for name, said in CLIENT.items()}
            settings |= {"dataspacetck.sts.url": self.address, **client}
        return settings

    def document(self, run: str, role: str) -> JsonObject:
        """The kit's DID document. It says for no purpose that its key serves it, which DCP 4.3.3 asks for."""
        try:
            with urllib.request.urlopen(f"http://localhost:{self.kit_port}/{role}/did.json", timeout=_SECONDS) as found:
                document: JsonObject = json.loads(found.read())
        except HTTPError:  # between two tests the kit has none
            raise
        except URLError:  # it does not run yet
            service: JsonObject = {"id": "#issuer", "type": SERVICE, "serviceEndpoint": f"{self.address}/{run}"}
            return {"id": self.did(run, role), "service": [service]}
        methods = document["verificationMethod"]
        assert isinstance(methods, list), document
        keys = [one["id"] for one in methods if isinstance(one, dict)]
        assert document["id"] == self.did(run, role), document
        return document | {name: list(keys) for name in RELATIONSHIPS}

    def metadata(self, run: str) -> JsonObject:
        """What the kit's issuer can issue."""
        supported: list[Json] = [
            {"id": kind, "type": "CredentialObject", "credentialType": kind, "profile": "vc11-sl2021/jwt"}
            for kind in TYPES
        ]
        said: JsonObject = {"@context": [DCP_CONTEXT], "type": "IssuerMetadata", "issuer": self.did(run, "issuer")}
        return {**said, "credentialsSupported": supported}

    def token(self, form: Mapping[str, str]) -> JsonObject:
        """An access token for a verifier and these scopes, in a token of ours (DCP 1.0.1, section 4.3.1)."""
        assert CLIENT.items() <= form.items(), form
        config, now = self.us.running.config, datetime.now(UTC)
        keys, verifier = open_keys(config, now), Did(form["audience"])
        access = mint_access(
            keys.access_token_key,
            verifier=verifier,
            scopes=form["bearer_access_scope"].split(),
            expires=now + _LIFETIME,
        )
        signer = keys.own.authentication(now)
        said = token.claims(
            issuer=config.did, audience=verifier, jti=now.isoformat(), now=now, access_token=access,
            lifetime_seconds=int(_LIFETIME.total_seconds()),
        )  # fmt: skip
        unsigned = token.token_input(said, key_id=signer.key_id, alg=signer.alg)
        signed = jose.attach(unsigned, asyncio.run(signer.sign(unsigned))).decode()
        return {"access_token": signed, "token_type": "Bearer", "expires_in": int(_LIFETIME.total_seconds())}

    def trigger(self, authorization: str) -> tuple[int, bytes]:
        """What our connector answers to who asks for what members see."""
        request = urllib.request.Request(
            f"{self.us.dsp}/catalog/datasets/{self.dataset}", headers={"Authorization": authorization}
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:
                return response.status, response.read()
        except HTTPError as error:
            return error.code, error.read()


@contextmanager
def standing_by(us: Company, dataset: str, port: int, kit_port: int, log: Path) -> Iterator[Companion]:
    """It listens until the block ends; what it answers stands in the log."""
    companion = Companion(us=us, port=port, kit_port=kit_port, dataset=dataset)

    def answer(asked: Asked) -> tuple[int, bytes]:
        status, body = _answer(companion, asked)
        with log.open("ab") as out:
            out.write(b"%s %d %s\n" % (asked.path.encode(), status, body))
        return status, body

    with listening(answer, port):
        yield companion


def _answer(companion: Companion, asked: Asked) -> tuple[int, bytes]:
    if asked.method == "GET":
        _, run, role, *_ = asked.path.split("/")
        try:
            said = companion.metadata(run) if role == "metadata" else companion.document(run, role)
        except HTTPError as error:  # between two tests the kit has none
            return error.code, b"{}"
        return _OK, json.dumps(said).encode()
    if asked.path == "/token":
        form = {name: said for name, (said,) in parse_qs(asked.body.decode()).items()}
        return _OK, json.dumps(companion.token(form)).encode()
    if asked.path.endswith("/credentials"):
        return _CREATED, b"{}"
    return companion.trigger(asked.headers["Authorization"] or "")
