"""An Eclipse IdentityHub as a process: one participant's DID document, credentials and token service, all in memory.

Its management API is open (the two modules that guard it are left out): it is on loopback, and lives for a round.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connector.cli.companies import free_ports
from connector.credentials import jose
from connector.credentials.digest import digest_multibase
from connector.model import Did, Json, JsonObject, object_in, objects_in
from tests.interop import java
from tests.interop.edc.runtime import MAIN, properties

POM = Path(__file__).parent / "hub" / "pom.xml"
PARTICIPANT = "partner"
_CODE = base64.urlsafe_b64encode(PARTICIPANT.encode()).decode().rstrip("=")
_PARTICIPANTS = "/identity/v1alpha/participants"
_CONTEXTS = ("api", "identity", "credentials", "sts", "did", "version")
_READY_SECONDS = 120.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """One that runs. `secret`: with it the participant's EDC gets tokens."""

    ports: Mapping[str, int]
    did: Did
    secret: str

    @property
    def token_url(self) -> str:
        """Where its EDC gets tokens."""
        return f"http://localhost:{self.ports['sts']}/sts/token"

    @property
    def _place(self) -> str:
        return f"http://localhost:{self.ports['identity']}{_PARTICIPANTS}/{_CODE}/credentials"

    def hold(self, credential: bytes | None) -> None:
        """From now on it shows this membership credential, and no other; None: none."""
        for one in self.held():
            _ask("DELETE", f"{self._place}/{one['id']}", None)
        if credential is not None:
            _ask("POST", self._place, _manifest(credential))

    def held(self) -> list[JsonObject]:
        """What it holds, as it tells it."""
        return objects_in(_ask("GET", self._place, None))

    def octets(self) -> list[bytes]:
        """The same in octets."""
        return [str(object_in(one["verifiableCredential"])["rawVc"]).encode() for one in self.held()]

    def ask(self, issuer: str, holder_pid: str, credentials: Sequence[JsonObject]) -> None:
        """Let it ask an issuer over DCP: `id` there, `type`, and its own word for the form (`format`)."""
        _ask("POST", f"{self._place}/request", {
            "issuerDid": issuer, "holderPid": holder_pid, "credentials": [*credentials],
        })  # fmt: skip

    def until(self, holder_pid: str, state: str) -> None:
        """Once a request of its is in this state."""
        deadline = time.monotonic() + _READY_SECONDS
        while (said := object_in(_ask("GET", f"{self._place}/request/{holder_pid}", None)))["status"] != state:
            assert time.monotonic() < deadline, said
            time.sleep(_LOOK_SECONDS)


@contextmanager
def running(folder: Path, protocol_port: int, *, classes: Path | None = None) -> Iterator[Hub]:
    """A hub with one participant, whose DSP is on that port of this machine; until the block ends.

    `classes`: what its dataspace adds to it.
    """
    ports = dict(zip(_CONTEXTS, free_ports(len(_CONTEXTS)), strict=True))
    settings, log = folder / "hub.properties", folder / "hub.log"
    said = {"edc.hostname": "localhost", "edc.participant.id": "hub", "edc.iam.did.web.use.https": "false"}
    for name, port in ports.items():
        prefix = "web.http" if name == "api" else f"web.http.{name}"
        said |= {f"{prefix}.port": str(port), f"{prefix}.path": "/" if name == "did" else f"/{name}"}
    settings.write_text(properties(said), "utf-8")
    with java.running([f"-Dedc.fs.config={settings}", MAIN], POM, log, classes=classes) as process:
        deadline = time.monotonic() + _READY_SECONDS
        while " ready" not in log.read_text("utf-8", "replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"IdentityHub did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")
            time.sleep(_LOOK_SECONDS)
        did = Did(f"did:web:localhost%3A{ports['did']}:{PARTICIPANT}")
        place = f"http://localhost:{ports['identity']}{_PARTICIPANTS}"
        made = _ask("POST", place, _participant(did, ports, protocol_port))
        assert isinstance(made, dict), made
        yield Hub(ports=ports, did=did, secret=str(made["clientSecret"]))


def digest_of(held: JsonObject) -> str:
    """The digest of what it holds."""
    return digest_multibase(str(object_in(held["verifiableCredential"])["rawVc"]).encode())


def _participant(did: Did, ports: Mapping[str, int], protocol_port: int) -> JsonObject:
    """Its key is made there; where the DID document leads is said here."""
    services = {
        "CredentialService": f"http://localhost:{ports['credentials']}/credentials/v1/participants/{_CODE}",
        "DataService": f"http://localhost:{protocol_port}/protocol/.well-known/dspace-version",
    }
    return {
        "participantContextId": PARTICIPANT, "did": did, "active": True, "roles": [],
        "serviceEndpoints": [
            {"id": f"{did}#{kind}", "type": kind, "serviceEndpoint": address} for kind, address in services.items()
        ],
        "keys": [{
            "keyId": f"{did}#key-1", "privateKeyAlias": "key-1", "active": True,
            "keyGeneratorParams": {"algorithm": "EC", "curve": "secp256r1"},
            "usage": ["sign_token", "sign_presentation"],
        }],
    }  # fmt: skip


def _manifest(credential: bytes) -> JsonObject:
    """What its API wants to hear of a credential: the octets, and once more what they say.

    Its status is kept to ourselves: a hub shows no credential of which it knows that it was revoked.
    """
    claims = jose.parse(credential, 1 << 20).claims()
    said = claims["vc"]
    assert isinstance(said, dict), said
    return {
        "id": said["id"], "participantContextId": PARTICIPANT,
        "verifiableCredentialContainer": {
            "rawVc": credential.decode("ascii"), "format": "VC1_0_JWT",
            "credential": {
                "id": said["id"], "type": said["type"], "issuer": {"id": said["issuer"]},
                "issuanceDate": said["issuanceDate"], "credentialSubject": [said["credentialSubject"]],
            },
        },
    }  # fmt: skip


def _ask(method: str, url: str, body: JsonObject | None) -> Json:
    request = urllib.request.Request(
        url, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            octets = response.read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {url}: {error.code} {error.read()[:500]!r}") from None
    return json.loads(octets) if octets else None
