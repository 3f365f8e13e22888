"""An Eclipse EDC as a process: control and data plane, all in memory, driven by its management API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from connector.cli.companies import free_ports
from connector.model import Json, JsonObject
from tests.interop import java

MAIN = "org.eclipse.edc.boot.system.runtime.BaseRuntime"
POM = Path(__file__).parent / "pom.xml"
PROTOCOL = "dataspace-protocol-http:2025-1"
_CONTEXTS = ("api", "control", "management", "protocol", "public", "version")
_READY_SECONDS = 300.0
_LOOK_SECONDS = 0.1
NAMESPACE: JsonObject = {"@vocab": "https://w3id.org/edc/v0.0.1/ns/"}
"""The context of a management request."""


class EdcError(Exception):
    """EDC answered a management request otherwise than with success. `unknown`: it knows no such thing, or not yet."""

    def __init__(self, said: str, status: int) -> None:
        super().__init__(said)
        self.unknown = status == HTTPStatus.NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Edc:
    """One that runs."""

    participant: str
    ports: Mapping[str, int]
    log: Path
    pid: int

    @property
    def protocol_url(self) -> str:
        """Its versioned DSP address."""
        return f"http://localhost:{self.ports['protocol']}/protocol/2025-1"

    @property
    def management_url(self) -> str:
        """Where version 3 of its management API is."""
        return f"http://localhost:{self.ports['management']}/management/v3"

    def post(self, path: str, body: JsonObject) -> Json:
        """POST to its management API, version 3."""
        return self._ask("POST", path, {"@context": NAMESPACE, **body})

    def get(self, path: str) -> JsonObject:
        """GET an object from it."""
        answer = self._ask("GET", path, None)
        assert isinstance(answer, dict), answer
        return answer

    def _ask(self, method: str, path: str, body: JsonObject | None) -> Json:
        request = urllib.request.Request(
            self.management_url + path, method=method,
            data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                octets = response.read()
        except urllib.error.HTTPError as error:
            said = f"{method} {path}: {error.code} {error.read()[:500]!r}"
            raise EdcError(said, error.code) from None
        return json.loads(octets) if octets else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Which EDC: what the pom names, with a class of ours, settings and arguments beside the usual ones."""

    pom: Path = POM
    classes: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    words: Sequence[str] = ()


MOCK = Kind()
"""With an identity that proves nothing."""


def free_contexts() -> dict[str, int]:
    """A port for each of its faces."""
    return dict(zip(_CONTEXTS, free_ports(len(_CONTEXTS)), strict=True))


@contextmanager
def running(
    folder: Path,
    participant: str,
    *,
    wait_millis: int | None,
    ports: Mapping[str, int] | None = None,
    kind: Kind = MOCK,
) -> Iterator[Edc]:
    """An EDC until the block ends. `wait_millis`: how long its state machines idle; None for its own default."""
    ports = ports or free_contexts()
    settings, log = folder / "edc.properties", folder / "edc.log"
    settings.write_text(properties({**_settings(participant, ports, wait_millis), **kind.settings}), "utf-8")
    words = [f"-Dedc.fs.config={settings}", MAIN, *kind.words]
    with java.running(words, kind.pom, log, classes=kind.classes) as process:
        edc = Edc(participant=participant, ports=ports, log=log, pid=process.pid)
        deadline = time.monotonic() + _READY_SECONDS
        while not _is_ready(edc):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"EDC did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")
            time.sleep(_LOOK_SECONDS)
        yield edc


def _is_ready(edc: Edc) -> bool:
    if f"{edc.participant} ready" not in edc.log.read_text("utf-8", "replace"):
        return False
    try:
        edc.post("/assets/request", {"@type": "QuerySpec"})
    except (OSError, EdcError):
        return False
    return True


def _settings(participant: str, ports: Mapping[str, int], wait_millis: int | None) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    settings = {
        "edc.runtime.id": participant,
        "edc.participant.id": participant,
        "edc.hostname": "localhost",
        "edc.dsp.callback.address": f"http://localhost:{ports['protocol']}/protocol",
        "edc.dataplane.api.public.baseurl": f"http://localhost:{ports['public']}/public",
        "edc.transfer.proxy.token.signer.privatekey.alias": "private-key",
        "edc.transfer.proxy.token.verifier.publickey.alias": "public-key",
        "private-key": private,
        "edc.iam.publickeys.pk.id": "public-key",
        "edc.iam.publickeys.pk.value": public,
    }
    for name, port in ports.items():
        prefix = "web.http" if name == "api" else f"web.http.{name}"
        settings |= {f"{prefix}.port": str(port), f"{prefix}.path": f"/{name}"}
    if wait_millis is not None:
        for machine in ("negotiation", "transfer"):
            settings[f"edc.{machine}.state-machine.iteration-wait-millis"] = str(wait_millis)
    return settings


def properties(settings: Mapping[str, str]) -> str:
    """Settings as Java reads them from a file."""
    return "".join(f"{name}={value.replace(chr(10), chr(92) + 'n')}\n" for name, value in settings.items())
