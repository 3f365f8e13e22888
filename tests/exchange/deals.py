"""Negotiations between two connectors of the simulator, as both sides see them, and the words of their people."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson

from connector.exchange.held import Word
from connector.exchange.rows import ApprovalRow, CommandRow, DatasetRow, ProcessRow
from connector.model import Did, JsonObject
from tests.exchange.test_hostile import services
from tests.simulator import SHARED, Node, dataset_id

OTHER_TERMS: JsonObject = {"@id": "urn:other", "permission": [{"action": "use"}]}
STRICTER_CONSTRAINT: JsonObject = {
    "leftOperand": "http://www.w3.org/ns/odrl/2/dateTime", "operator": "lt", "rightOperand": "2027-04-01T00:00:00Z",
}  # fmt: skip
STRICTER: JsonObject = {"@id": "urn:stricter", "permission": [{"action": "use", "constraint": [STRICTER_CONSTRAINT]}]}


@dataclass(slots=True)
class Deal:
    """One negotiation as both sides see it. `pid`: the id at the side that began it."""

    begun_by: Node
    other: Node
    pid: str

    async def row(self, node: Node) -> ProcessRow:
        """The process there."""
        if node is self.begun_by:
            found = await node.store.load_process("", "negotiation", self.pid)
        else:
            found = await node.store.find_process("", "negotiation", self.begun_by.config.did, self.pid)
        assert found is not None
        return found

    async def content(self, node: Node) -> dict[str, Any]:
        """What is known of it there."""
        content: dict[str, Any] = orjson.loads((await self.row(node)).body)["content"]
        return content

    async def states(self) -> tuple[str, str]:
        """At the side that began it, and at the other."""
        return (await self.row(self.begun_by)).state, (await self.row(self.other)).state

    async def decide(self, node: Node, decision: Any, **more: Any) -> None:
        """A person's word there; then everything that follows by itself."""
        row = await self.row(node)
        await services(node).negotiate.decide(row.pid, Word(decision=decision, **more), command(node))
        await asyncio.sleep(5)

    async def agreements(self) -> list[bytes]:
        """The agreements that the two hold on this deal: one on each side when it is final."""
        found = []
        for node in (self.begun_by, self.other):
            pid = (await self.row(node)).pid
            found += [one.agreement for one in await node.store.list_agreements("") if one.negotiation_pid == pid]
        return found


def command(node: Node) -> CommandRow:
    """A command with a key of its own."""
    urn = services(node).ids.urn
    return CommandRow(tenant="", key=urn(), request_digest="", pid=urn(), at=0)


async def dataset(node: Node, title: str = SHARED) -> DatasetRow:
    """A dataset of this node."""
    row = await node.store.load_dataset("", dataset_id(node, title))
    assert row is not None
    return row


async def ask(customer: Node, supplier: Node, *, terms: JsonObject | None = None, title: str = SHARED) -> Deal:
    """A request, for what the catalogue shows or for other terms."""
    wanted = await dataset(supplier, title)
    offer = terms or services(supplier).offer.policies.offer(wanted)
    peer = Did(supplier.config.did)
    base = await services(customer).peers.dsp_base(peer)
    pid = await services(customer).negotiate.request(peer, base, wanted.dataset_id, offer, command(customer))
    await asyncio.sleep(5)
    return Deal(customer, supplier, pid)


async def offer(supplier: Node, customer: Node, *, terms: JsonObject | None = None, title: str = SHARED) -> Deal:
    """An offer that nobody asked for."""
    given = await dataset(supplier, title)
    made = terms or services(supplier).offer.policies.offer(given)
    peer = Did(customer.config.did)
    base = await services(supplier).peers.dsp_base(peer)
    pid = await services(supplier).negotiate.offer(peer, base, given.dataset_id, made, command(supplier))
    await asyncio.sleep(5)
    return Deal(supplier, customer, pid)


async def queue(node: Node) -> list[ApprovalRow]:
    """What waits there."""
    return await node.store.list_approvals("", limit=99)


async def timers(node: Node, pid: str) -> set[str]:
    """What is due there, at any time."""
    return {row.name for row in await node.store.due_timers(now=1 << 60, limit=1000) if row.pid == pid}
