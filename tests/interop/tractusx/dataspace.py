"""What Catena-X has beside its connectors: an issuer of its credentials, and the directory of DIDs by number.

Its credentials are made here, so that bad ones can be made too; that a connector of ours can be the issuer is shown by
`issuance`. Its status list is the same under one address for both readers: as a token for us, as JSON for an EDC, which
verifies no list.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import orjson

from connector.credentials.datamodel import time_text
from connector.credentials.status_list import list_payload
from connector.credentials.vc11 import CONTEXT
from connector.model import Did, JsonObject
from tests.bench.authority import Authority
from tests.interop.edc.journeys import Scene
from tests.interop.identity.hub import Hub
from tests.interop.identity.issuer import Association, in_jwt
from tests.listening import Asked

MEMBERSHIP, FRAMEWORK, PURPOSE = (
    "MembershipCredential", "DataExchangeGovernanceCredential", "UsagePurposeCredential"
)  # fmt: skip
"""The last one exists in no dataspace; Tractus-X 0.10.0 asks for it (eclipse-tractusx/tractusx-edc#2004)."""
NUMBER = "BpnCredential"
_THEIRS, _OURS = 1, 2
_NUMBERS = "BPNL000000000{:03}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataspace:
    """Two companies in it. Each may hold what the issuer says of somebody."""

    scene: Scene
    hub: Hub
    issuer: Authority
    association: Association
    """Another one, a connector of ours."""

    def membership(self, party: Did, index: int) -> bytes:
        """Of the party, at this place of the status list."""
        return self._credential(MEMBERSHIP, party, index, {"memberOf": "Catena-X"})

    def we_hold(self, credential: bytes | None) -> None:
        """From now on we show this membership, or none."""
        self._hold(MEMBERSHIP, credential)

    def we_agree(self, *, framework: bool) -> None:
        """From now on we have signed the framework agreement, or have not."""
        said: JsonObject = {"contractVersion": "1.0", "useCase": "DataExchangeGovernance"}
        self._hold(FRAMEWORK, self._credential(FRAMEWORK, self.scene.us.did, _OURS, said) if framework else None)

    def we_are_good(self) -> None:
        """We are a member, and have signed what there is to sign."""
        us = Did(self.scene.us.did)
        self.we_hold(self.membership(us, _OURS))
        self._hold(PURPOSE, self._credential(PURPOSE, us, _OURS, {}))
        self.we_agree(framework=True)

    def all_good(self) -> None:
        """Both are members."""
        self.we_are_good()
        self.hub.hold(self.membership(self.hub.did, _THEIRS))

    def nothing_held(self) -> None:
        """We show nothing of all this any more."""
        for kind in (MEMBERSHIP, FRAMEWORK, PURPOSE):
            self._hold(kind, None)

    def _hold(self, kind: str, credential: bytes | None) -> None:
        file = self.scene.us.running.config.folder / "held" / f"{kind}.jwt"
        file.unlink(missing_ok=True)
        if credential is not None:
            file.write_bytes(credential)

    def _credential(self, kind: str, party: str, index: int, said: JsonObject) -> bytes:
        issuer, ident = self.issuer, f"urn:uuid:{kind}-{index}"
        begin, end, listed = issuer.now - timedelta(hours=1), issuer.now + timedelta(days=1), issuer.list_url
        stated: JsonObject = {
            "@context": [CONTEXT, "https://w3id.org/catenax/credentials/v1.0.0"], "id": ident,
            "type": ["VerifiableCredential", kind], "issuer": issuer.did,
            "issuanceDate": time_text(begin), "expirationDate": time_text(end),
            "credentialStatus": {
                "id": f"{listed}#{index}", "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
                "statusListIndex": str(index), "statusListCredential": listed,
            },
            "credentialSubject": {"id": party, "holderIdentifier": _NUMBERS.format(index), **said},
        }  # fmt: skip
        return in_jwt(issuer, party, stated, (begin, end))


def number_of(party: str) -> str:
    """A business partner number for a party."""
    return f"BPNL{hashlib.sha256(party.encode()).hexdigest()[:12].upper()}"


def site(issuer: Authority) -> Callable[[Asked], tuple[int, bytes]]:
    """Its web site."""

    def answer(asked: Asked) -> tuple[int, bytes]:
        if asked.path == "/status/0" and asked.headers.get("Accept") == "application/json":
            now = issuer.now
            listed = list_payload(
                url=issuer.list_url, issuer=issuer.did, indices=issuer.revoked, valid_from=now - timedelta(hours=1),
                valid_until=now + timedelta(days=30),
            )  # fmt: skip
            return 200, orjson.dumps(listed)
        files = issuer.files()
        return (200, files[asked.path][0]) if asked.path in files else (404, b"")

    return answer


def directory(names: Mapping[str, str]) -> Callable[[Asked], tuple[int, bytes]]:
    """The BPN-DID resolution service (BDRS): number -> DID, for who shows a presentation of its membership."""

    def answer(asked: Asked) -> tuple[int, bytes]:
        if asked.path != "/bpn-directory" or asked.headers.get("Authorization", "").count(".") != 2:
            return 401, b""
        return 200, gzip.compress(orjson.dumps(dict(names)))

    return answer
