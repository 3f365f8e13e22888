"""The status of our own credentials is changed: revoked, suspended, reinstated, with effect from a time.

What changes mean together is `credentials.status_list`'s; the lists are signed when somebody asks for them
(`server.statements`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from connector.credentials.datamodel import parse_credential
from connector.credentials.status_list import PURPOSES
from connector.errors import BadInput, IllegalTransition, NotFound
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import CredentialRow, EvidenceEntry, StatusChangeRow
from connector.exchange.stored import micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """The journey."""

    tenant: str
    store: Store
    clock: Clock

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


def _check(change: StatusChangeRow, recorded: list[StatusChangeRow]) -> None:
    """Whoever is told that it is done has to be able to rely on it: a revocation is never taken back."""
    earlier = [row.purpose for row in recorded if row.index == change.index and row.effective <= change.effective]
    if "revocation" in earlier and change.purpose != "revocation":
        raise IllegalTransition("it is revoked by then, and a revocation is never taken back", hint="issue a new one")
    if change.purpose == "reinstatement" and "suspension" not in earlier:
        raise IllegalTransition("it is not suspended by then, so there is nothing to reinstate")
