"""Run inside a network namespace of its own: companies as they stand on the internet, and what one of them meets there.

Public addresses and names, https on port 443 with a front that ends TLS and speaks plain http to the connector behind
it, as a reverse proxy does; configurations as `init` writes them, with nothing unsafe in them. One name leads to a
private address. Prints what was answered as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connector.cli.client import Management
from connector.cli.init import Company, make
from connector.errors import CannotCheck, ConnectorError
from connector.model import JsonObject
from tests.bench.pair import PLAN, write_rows

COMMAND = (sys.executable, "-m", "connector")
NAMES = ("association", "mine", "refiner")
HIDDEN = "connector.hidden.example"
TRUST = """
[trusted_issuers]
MembershipCredential = ["did:web:connector.association.example"]
FacilityRecord = ["members"]
"""
POLICY = json.dumps({
    "@type": "Set",
    "permission": [{"action": "use", "constraint": [
        {"leftOperand": "membership", "operator": "eq", "rightOperand": "active"},
        {"leftOperand": "accessClass", "operator": "isAnyOf", "rightOperand": ["PUB", "B2B"]},
    ]}],
})  # fmt: skip
READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of them stands."""

    number: int
    name: str
    folder: Path

    @property
    def host(self) -> str:
        """Its name."""
        return f"connector.{self.name}.example"

    @property
    def address(self) -> str:
        """A public one, which is nobody's in here."""
        return f"11.0.0.{self.number}"

    @property
    def port(self) -> int:
        """Where the connector itself listens."""
        return 8080 + self.number

    @property
    def management(self) -> Management:
        """Its management API."""
        return Management.of(self.folder / "connector.toml")


def found(place: Place) -> None:
    """A company, as `init` makes it."""
    company = Company(
        name=place.name, address=f"https://{place.host}", port=place.port, management_port=place.port + 1000,
        algorithm="ES256", loopback=False, offset=0,
    )  # fmt: skip
    with make(place.folder, company).open("a", encoding="utf-8") as file:
        file.write(TRUST)
    (place.folder / "plans" / "sites.yaml").write_text(PLAN, "utf-8")
    (place.folder / "policies" / "members.json").write_text(POLICY, "utf-8")
    write_rows(place.folder, 2)


def admit(association: Place, member: Place) -> None:
    """Sign a membership."""
    claims = association.folder / f"{member.name}.json"
    said = {"memberOf": "Association", "membershipNumber": str(member.number), "memberSince": "2025-01-01"}
    claims.write_text(json.dumps({"id": f"did:web:{member.host}", "type": "Party", **said}))
    words = ["credential", "issue", str(claims), "--type", "MembershipCredential"]
    out = ["--out", str(member.folder / "held" / "membership.jwt")]
    config = ["--config", str(association.folder / "connector.toml")]
    subprocess.run([*COMMAND, *words, *out, *config], check=True, stdout=sys.stderr)


def certificate(file: Path, hosts: list[str]) -> Path:
    """A certificate for all of them, that vouches for itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a namespace")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(days=1), now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


def settle(folder: Path, places: list[Place]) -> None:
    """Addresses and names of this namespace."""
    lines = ["127.0.0.1 localhost", f"10.0.0.9 {HIDDEN}", *(f"{one.address} {one.host}" for one in places)]
    hosts = folder / "hosts"
    hosts.write_text("\n".join(lines) + "\n")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (*(one.address for one in places), "10.0.0.9"):
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)


async def front(places: list[Place], pem: Path, seen: list[str]) -> None:
    """TLS for all, and for the hidden one, which must not be reached."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
            writer.close()

    for address, port in (*((one.address, one.port) for one in places), ("10.0.0.9", 0)):

        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, at: str = address, port: int = port
        ) -> None:
            seen.append(at)
            with contextlib.suppress(OSError):
                behind = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(pipe(reader, behind[1]), pipe(behind[0], writer))

        await asyncio.start_server(serve, address, 443, ssl=context)


def served(place: Place) -> subprocess.Popen[bytes]:
    """Its process; the log beside it."""
    words = [*COMMAND, "serve", "--config", str(place.folder / "connector.toml")]
    with (place.folder / "log").open("wb") as log:
        return subprocess.Popen(words, stdout=log, stderr=log)


def ready(place: Place) -> None:
    """Wait for it."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            place.management.get("/health/ready")
        except CannotCheck:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def trade(mine: Place, refiner: Place) -> JsonObject:
    """The refiner gets the mine's data; nobody gets to the hidden one."""
    published = mine.management.work("/v1/publish", {
        "plan": str(mine.folder / "plans" / "sites.yaml"), "policy": str(mine.folder / "policies" / "members.json"),
    })  # fmt: skip
    wanted: JsonObject = {"peer": f"did:web:{mine.host}", "dataset": "bench-sites", "wait_seconds": 60}
    asked = refiner.management.post("/v1/request", wanted)
    got = refiner.management.work("/v1/fetch", {"agreement": asked["agreement"], "wait_seconds": 60})
    try:
        hidden = str(refiner.management.get(f"/v1/catalog?peer=did:web:{HIDDEN}"))
    except ConnectorError as error:
        hidden = error.detail
    return {"published": published, "asked": asked, "got": got, "hidden": hidden, **look(mine, refiner)}


def look(mine: Place, refiner: Place) -> JsonObject:
    """What two commands tell of the certificate."""
    told: JsonObject = {}
    for name, words in (("trace", ("did", "resolve", f"did:web:{mine.host}", "--trace")), ("doctor", ("doctor",))):
        asked = (*COMMAND, *words, "--config", str(refiner.folder / "connector.toml"), "--json")
        told[name] = json.loads(subprocess.run(asked, check=False, capture_output=True).stdout)
    return told


def main(folder: Path) -> None:
    """All of it."""
    places = [Place(number, name, folder / name) for number, name in enumerate(NAMES, 1)]
    association, mine, refiner = places
    settle(folder, places)
    for one in places:
        found(one)
    for one in (mine, refiner):
        admit(association, one)
    pem, seen = certificate(folder / "front.pem", [*(one.host for one in places), HIDDEN]), list[str]()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(front(places, pem, seen))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    os.environ["SSL_CERT_FILE"] = str(pem)
    processes = [served(one) for one in places]
    try:
        for one in places:
            ready(one)
        told = trade(mine, refiner)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
    logs = "".join((one.folder / "log").read_text() for one in places)
    print(json.dumps({**told, "reached": sorted(set(seen)), "logs": logs}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
