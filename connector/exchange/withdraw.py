"""An offer is withdrawn: its dataset leaves the catalogue, and what is negotiated on it ends with a reason.

What was agreed goes on as agreed: the dataset's row and its records stay, so a party that has an agreement may start
transfers under it. Running transfers end only where the operator says so. The row is committed first, so that no new
negotiation begins while the open ones are looked for; a second call finds what the first one left. Publishing again
offers it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

import orjson

from connector.errors import IllegalTransition
from connector.exchange.agreed import agreements
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import DatasetRow, EvidenceEntry, ProcessKind, ProcessRow
from connector.exchange.stored import content_of, is_in_force, micros, time_of, under_way
from connector.model import JsonObject
from connector.protocol.negotiation import Kind
from connector.protocol.process import Role, Table

CODE = "offer-withdrawn"
REASON = "the offer was withdrawn"


class Ending(Protocol):
    """A kind of process, and how one of it is ended (`negotiate`, `transfer`)."""

    kind: ProcessKind
    table: Table

    async def terminate(self, pid: str, code: str, reason: str) -> None:
        """End it. `IllegalTransition`: it has ended."""


@dataclass(slots=True, kw_only=True)
class Withdrawn:
    """What came of it: processes that were told to end, transfers that go on, agreements that stand."""

    dataset: DatasetRow
    terminated: dict[ProcessKind, list[str]] = field(default_factory=lambda: {"negotiation": [], "transfer": []})
    running: list[str] = field(default_factory=list)
    agreements: list[str] = field(default_factory=list)

    def as_json(self) -> JsonObject:
        """The published shape (`withdraw --json`)."""
        ended: JsonObject = {f"{kind}s": [*pids] for kind, pids in self.terminated.items()}
        return {
            "dataset": self.dataset.dataset_id,
            "title": self.dataset.title,
            "withdrawn": time_of(self.dataset.withdrawn),
            "terminated": ended,
            "running": [*self.running],
            "agreements": [*self.agreements],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """The journey."""

    tenant: str
    store: Store
    clock: Clock
    topics: Sequence[Ending]

    async def run(
        self, dataset: DatasetRow, *, reason: str = "", end_transfers: bool = False,
        on_ended: Callable[[int], None] = lambda _: None,
    ) -> Withdrawn:  # fmt: skip
        """Withdraw it, or finish what an earlier call began. `Conflict`: it was published anew since it was loaded."""
        reason = reason or REASON
        if not dataset.withdrawn:
            loaded, dataset = dataset, replace(dataset, withdrawn=micros(self.clock.now()))
            said: JsonObject = {"dataset": dataset.dataset_id, "title": dataset.title, "reason": reason}
            entry = EvidenceEntry(
                tenant=self.tenant, at=dataset.withdrawn, event="offer-withdrawn", body=orjson.dumps(said)
            )
            await self.store.commit_dataset(dataset, [entry], expected=loaded)
        result = Withdrawn(dataset=dataset)
        for topic in self.topics:
            async for row in self._open(topic, dataset):
                if topic.kind == "transfer" and not end_transfers:
                    result.running.append(row.pid)
                elif await self._ended(topic, row, reason):
                    result.terminated[topic.kind].append(row.pid)
                    on_ended(sum(map(len, result.terminated.values())))
        result.agreements = await self._standing(dataset)
        return result

    async def is_empty(self, dataset: DatasetRow) -> bool:
        """Whether nothing is in it: an offer of nothing."""
        there = dataset.dataset_id
        return not (
            await self.store.list_records(self.tenant, dataset_id=there, limit=1)
            or await self.store.list_files(self.tenant, there, "", limit=1)
        )

    async def _open(self, topic: Ending, dataset: DatasetRow) -> AsyncIterator[ProcessRow]:
        """What is under way on this dataset with us as its provider."""
        after = ""
        while rows := await self.store.list_processes(
            self.tenant, topic.kind, without=topic.table.terminal, after=after
        ):
            after = rows[-1].pid
            for row in rows:
                if row.role == Role.PROVIDER.value and content_of(row).get("dataset") == dataset.dataset_id:
                    yield row

    async def _ended(self, topic: Ending, row: ProcessRow, reason: str) -> bool:
        """Whether it ends for this reason: not where it has ended meanwhile, or ends already for another.

        Nor where our FINALIZED event is out: what was agreed counts from then on (`is_in_force`).
        """
        if under_way(row) in {topic.table.termination, Kind.FINALIZE}:
            return False
        with suppress(IllegalTransition):
            await topic.terminate(row.pid, CODE, reason)
            return True
        return False

    async def _standing(self, dataset: DatasetRow) -> list[str]:
        """The agreements on it that are in force."""
        return [
            row.agreement_id
            async for row in agreements(self.store, self.tenant, dataset.dataset_id)
            if is_in_force(row, await self.store.load_process(self.tenant, "negotiation", row.negotiation_pid))
        ]
