"""The auditor's walk through the peers' connectors.

What to read next and what it means is the core's (`provenance`), the owner's side is `answer`'s, how the walk is
driven `walking`'s. HTTP and tokens are the edges'. What only a walk needs is imported when one begins: a start need not
wait for it (`server.readiness`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from connector.errors import BadInput
from connector.exchange.ports import AuditAnswer, AuditReads, Clock, RecordableVerifier, Store
from connector.model import Did, Facts

if TYPE_CHECKING:
    from connector.exchange.bundled import Recording
    from connector.exchange.walking import Progress
    from connector.provenance.report import AuditReport


class Own(Protocol):
    """Our own answers (`answer`)."""

    async def answer(self, path: str, facts: Facts, now: datetime) -> AuditAnswer:
        """The answer to `GET path` of this caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Walks a chain from one record. Reads at our own connector are answered from our own store."""

    did: Did
    store: Store
    tenant: str
    reads: AuditReads
    own: Own
    verifier: RecordableVerifier
    clock: Clock

    async def run(self, root: str, holder: Did, *, on_node: Progress | None = None) -> AuditReport:
        """Walk from the record, thing or identifier `root` at `holder` until nothing more is wanted; then judge.

        Judging takes half a millisecond a node: not on the event loop.
        """
        from connector.exchange.walking import Walker
        from connector.provenance.assemble import assemble
        from connector.provenance.walk import Walk

        walk = Walk(root, holder=holder, now=self.clock.now())
        await Walker(reads=self, verifier=self.verifier, receipts=self._receipt).run(walk, on_node=on_node)
        return await asyncio.to_thread(assemble, walk)

    async def record(self, root: str, holder: Did, *, on_node: Progress | None = None) -> tuple[AuditReport, Recording]:
        """The same, and all that it takes to make it once more. Each place is asked once, so a silence counts for the
        whole walk.
        """
        from connector.exchange.bundled import Recording, trusted_for
        from connector.exchange.obtained import MOST_KEPT_BYTES, Obtained, Outside
        from connector.exchange.walking import Walker
        from connector.provenance.assemble import assemble
        from connector.provenance.walk import Walk

        began = self.clock.now()
        outside = Outside(reads=self, resolver=self.verifier.resolver, receipts=self._receipt)
        obtained = Obtained(clock=self.clock, outside=outside)
        verifier = self.verifier.within(obtained, obtained)
        walk = Walk(root, holder=holder, now=began)
        steps = await Walker(reads=obtained, verifier=verifier, receipts=obtained.receipt).run(walk, on_node=on_node)
        if obtained.too_much:
            raise BadInput(
                f"the walk obtained more than the {MOST_KEPT_BYTES >> 20} MiB that a bundle may hold",
                hint="audit it without a bundle, or a part of the chain",
            )
        return await asyncio.to_thread(assemble, walk), Recording(
            walker=self.did, root=root, holder=holder, at=began, limits=walk.limits, steps=steps,
            obtained=obtained.kept, trusted=trusted_for(steps, self.verifier.trusted_issuers),
        )  # fmt: skip

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """An audit read, wherever its answer is. Our membership, which all are shown, is asked for as others do."""
        if holder == self.did and path != "party":
            return await self.own.answer(path, Facts(party=self.did), self.clock.now())
        return await self.reads.read(holder, path)

    async def _receipt(self, digest: str) -> bytes:
        row = await self.store.find_credential(self.tenant, digest)
        return row.report if row is not None and row.report else b""
