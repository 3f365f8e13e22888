"""The status of our own credentials is changed: revoked, suspended, reinstated, with effect from a time.

What changes mean together is `credentials.status_list`'s; the lists are signed when somebody asks for them
(`server.statements`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from connector.credentials.datamodel import parse_credential
from connector.credentials.digest import digest_multibase
from connector.credentials.sd_jwt import is_sd_jwt
from connector.credentials.status_list import PURPOSES
from connector.errors import BadInput, IllegalTransition, NotFound
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import CredentialRow, EvidenceEntry, StatusChangeRow
from connector.exchange.stored import micros
from connector.model import Did, object_in

_VERSION: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """The journey."""

    tenant: str
    did: Did
    store: Store
    clock: Clock

    async def digest_of(self, octets: bytes) -> str:
        """The digest under which a credential was issued. Of an SD-JWT a part of it will do: what was signed stands in
        every part (RFC 9901, section 4), and says whose record it is.
        """
        digest = digest_multibase(octets)
        if not is_sd_jwt(octets) or await self.store.find_credential(self.tenant, digest) is not None:
            return digest
        match object_in(parse_credential(octets, selective=True).payload.get("record")):
            case {"id": str(ident), "version": str(version)} if _VERSION.fullmatch(version):
                kept = await self.store.credentials(self.tenant, self.did, ident, int(version))
                return next((row.digest for row in kept if _signed(row.octets) == _signed(octets)), digest)
        return digest

    async def run(self, digest: str, *, purpose: str, effective: datetime, reason: str) -> CredentialRow:
        """Record a change. `IllegalTransition`: it would mean nothing where the credential stands then."""
        if purpose not in PURPOSES:  # one that nobody knows would make the whole list of changes unreadable
            raise BadInput(f"{purpose!r} is no purpose", hint=", ".join(sorted(PURPOSES)))
        row = await self.store.find_credential(self.tenant, digest)
        if row is None or row.status_list is None or row.status_index is None or row.origin != "own":
            raise NotFound(
                "no such credential of ours",
                hint="battery-connector credential inspect NUMBER tells a record's digests",
            )
        if purpose == "suspension" and not any(
            one.purpose == purpose for one in parse_credential(row.octets, selective=True).status
        ):
            raise BadInput(
                "the credential names no list of suspensions: one of VC Data Model 1.1 has a single list, and others "
                "were issued before there was one",
                hint="revoke it, and issue another one when it is to count again",
            )
        now = micros(self.clock.now())
        change = StatusChangeRow(
            tenant=self.tenant, list_number=row.status_list, index=row.status_index, digest=row.digest,
            purpose=purpose, effective=micros(effective), reason=reason, at=now,
        )  # fmt: skip
        _check(change, await self.store.status_changes(self.tenant, row.status_list))
        told = orjson.dumps(
            {"digest": row.digest, "purpose": purpose, "effective": effective.isoformat(), "reason": reason}
        )
        entry = EvidenceEntry(tenant=self.tenant, at=now, event="status-changed", body=told)
        await self.store.commit_status_change(change, entry)
        return row


def _signed(octets: bytes) -> bytes:
    """The issuer's part of an SD-JWT, without the signature."""
    return octets.partition(b"~")[0].rpartition(b".")[0]


def _check(change: StatusChangeRow, recorded: list[StatusChangeRow]) -> None:
    """Whoever is told that it is done has to be able to rely on it: a revocation is never taken back."""
    earlier = [row.purpose for row in recorded if row.index == change.index and row.effective <= change.effective]
    if "revocation" in earlier and change.purpose != "revocation":
        raise IllegalTransition("it is revoked by then, and a revocation is never taken back", hint="issue a new one")
    if change.purpose == "reinstatement" and "suspension" not in earlier:
        raise IllegalTransition("it is not suspended by then, so there is nothing to reinstate")
