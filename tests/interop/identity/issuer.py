"""Who vouches for both: a connector of ours that issues memberships of VC Data Model 1.1 and withdraws them.

An Eclipse EDC 0.14 and 0.15 verify no presentation of 2.0 (eclipse-edc/Connector#4966), so the profile is
`vc11-sl2021/jwt`. EDC asks for status lists in JSON; our own connector reads the same list as a token. Beside it
stands somebody whom nobody trusts, with a static site.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from connector.credentials import jose
from connector.credentials.datamodel import parse_credential, time_text
from connector.credentials.query import PROFILES
from connector.credentials.vc11 import CONTEXT
from connector.model import Json, JsonObject, list_in, objects_in
from tests.bench.authority import Authority
from tests.bench.pair import COMMAND
from tests.interop.company import WAIT_SECONDS, Company
from tests.interop.warehouse import Warehouse

GOOD, WITHDRAWN = "good", "withdrawn"
ISSUES = f"""
[issues.membership]
type = "MembershipCredential"
profile = "{PROFILES[1]}"
valid_days = 365
"""
"""What holders may ask it for."""
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """The connector that issues, and the folder for what it hands over."""

    company: Company
    folder: Path

    def issue(self, parties: Sequence[str]) -> Mapping[tuple[str, str], Path]:
        """Two memberships for each party, one of which is to be withdrawn: files by party and kind."""
        self.folder.mkdir()
        named: dict[tuple[str, str], Path] = {}
        files: list[Path] = []
        for party in parties:
            for kind in (GOOD, WITHDRAWN):
                claims: JsonObject = {
                    "id": party, "type": "Party", "memberOf": "Bench", "membershipNumber": kind,
                    "memberSince": "2025-01-01",
                    "identifier": [
                        {"type": "Identifier", "scheme": "certificateNumber", "value": f"{len(files)}-{kind}"}
                    ],
                }  # fmt: skip
                files.append(self.folder / f"{len(files)}.json")
                files[-1].write_text(json.dumps(claims), "utf-8")
        words = ("--type", "MembershipCredential", "--profile", PROFILES[1], "--out", self.folder, "--json")
        for one in json.loads(self._run("issue", *files, *words))["credentials"]:
            file = Path(one["file"])
            said = parse_credential(file.read_bytes()).subject
            named[str(said["id"]), str(said["membershipNumber"])] = file
        return named

    def approve(self, holder: str, *claims: JsonObject) -> str:
        """A person's yes to what this holder asks for, once it does: a membership, or these. The first one's digest."""
        member: JsonObject = {"id": holder, "type": "Party", "memberOf": "Bench", "membershipNumber": "asked for"}
        words: list[str | Path] = []
        self.folder.mkdir(exist_ok=True)
        for number, one in enumerate(claims or (member,)):
            file = self.folder / f"asked-{number}.json"
            file.write_text(json.dumps(one), "utf-8")
            words += ["--claims", file]
        said = json.loads(self._command("approve", str(self._asked_by(holder)["id"]), *words, "--json"))
        return str(said["credentials"][0])

    def asked_for(self, holder: str) -> list[str]:
        """The types that this holder asks for, once it does."""
        return [str(one["type"]) for one in objects_in(self._asked_by(holder)["credentials"])]

    def _asked_by(self, holder: str) -> JsonObject:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            waiting = objects_in(self.company.get("/v1/approvals")["approvals"])
            if asked := next((one for one in waiting if one["with"] == holder), None):
                return asked
            assert time.monotonic() < deadline, waiting
            time.sleep(_LOOK_SECONDS)

    def has_delivered(self, digest: str) -> JsonObject:
        """What its operator reads of the request for which it made this, once the holder has it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            received = objects_in(self.company.get("/v1/credential-requests")["received"])
            (row,) = (one for one in received if digest in list_in(one["credentials"]))
            if row["delivered"]:
                return row
            assert time.monotonic() < deadline, row
            time.sleep(_LOOK_SECONDS)

    def revoke(self, what: Path | str) -> None:
        """Withdraw what stands in this file, or has this digest."""
        self._run("revoke", what, "--reason", "left")

    def _run(self, *words: str | Path) -> bytes:
        return self._command("credential", *words)

    def _command(self, *words: str | Path) -> bytes:
        config = self.company.running.config.folder / "connector.toml"
        return subprocess.run(
            [*COMMAND, *map(str, words), "--config", str(config)], check=True, capture_output=True
        ).stdout


def index_of(file: Path) -> int:
    """The place of this membership in its issuer's status list."""
    (entry,) = parse_credential(file.read_bytes()).status
    return entry.index


def publish(site: Warehouse) -> Authority:
    """An issuer whose files are on this site."""
    issuer = Authority(site.port)
    site.goods |= {path: body for path, (body, _) in issuer.files().items()}
    return issuer


def membership(issuer: Authority, party: str) -> bytes:
    """A membership of the party by such an issuer, as a JWT with a `vc` claim."""
    begin, end, ident = issuer.now - timedelta(hours=1), issuer.now + timedelta(days=1), "urn:uuid:membership"
    contexts: list[Json] = [CONTEXT, "https://dataspace.example/credentials/v1"]
    stated: JsonObject = {
        "@context": contexts, "id": ident, "type": ["VerifiableCredential", "MembershipCredential"],
        "issuer": issuer.did, "issuanceDate": time_text(begin), "expirationDate": time_text(end),
        "credentialSubject": {"id": party, "memberOf": "Bench"},
    }  # fmt: skip
    return in_jwt(issuer, party, stated, (begin, end))


def in_jwt(issuer: Authority, party: str, stated: JsonObject, valid: tuple[datetime, datetime]) -> bytes:
    """A credential about the party, signed as a JWT with a `vc` claim (VC Data Model 1.1)."""
    begin, end = (int(one.timestamp()) for one in valid)
    claims: JsonObject = {
        "iss": issuer.did, "sub": party, "jti": stated["id"], "nbf": begin, "exp": end, "vc": stated,
    }  # fmt: skip
    signer = issuer.signer
    unsigned = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": "JWT"}, orjson.dumps(claims))
    return jose.attach(unsigned, signer.sign_now(unsigned))
