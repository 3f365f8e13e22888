"""A connector under siege: it stands in every state of both processes, in both roles, with a peer that says whatever a
test wants. Everything that it asks of the network is recorded, and everything that it keeps can be compared.

The peer is a real participant as far as its identity goes; to the besieged one's messages it only nods.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import orjson

from connector.config import Approvals
from connector.exchange.held import Word
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import AgreementRow, MessageRow, ProcessKind, ProcessRow
from connector.model import Did, JsonObject, Pid
from connector.protocol import compose, negotiation, transfer
from connector.protocol.process import Process, Role, Table
from tests.exchange.deals import OTHER_TERMS, command, dataset
from tests.exchange.test_hostile import access_for, proof, say, services
from tests.kept import Kept, kept, put_back
from tests.network import Request, Site
from tests.simulator import Node, World

BASE = "/dsp/2025-1"
TABLES: dict[ProcessKind, Table] = {"negotiation": negotiation.TABLE, "transfer": transfer.TABLE}
WORDS: dict[ProcessKind, str] = {"negotiation": "negotiations", "transfer": "transfers"}
PATHS: dict[str, str] = {
    negotiation.Kind.REQUEST: "request", negotiation.Kind.OFFER: "offers", negotiation.Kind.ACCEPT: "events",
    negotiation.Kind.FINALIZE: "events", negotiation.Kind.AGREEMENT: "agreement",
    negotiation.Kind.VERIFICATION: "agreement/verification", negotiation.Kind.TERMINATION: "termination",
    transfer.Kind.REQUEST: "request", transfer.Kind.START: "start", transfer.Kind.SUSPENSION: "suspension",
    transfer.Kind.COMPLETION: "completion", transfer.Kind.TERMINATION: "termination",
}  # fmt: skip
BY_HAND = Approvals(
    request="hold", counter_request="hold", acceptance="hold", verification="hold", offer="hold", agreement="hold",
    transfer="hold",
)  # fmt: skip
"""Nothing moves by itself: each place stays where it was put."""


@dataclass(frozen=True, slots=True)
class Place:
    """One process of the besieged connector, where it stands."""

    kind: ProcessKind
    role: Role
    state: str
    pid: Pid
    peer_pid: Pid

    @property
    def theirs(self) -> Process:
        """The same process as the peer has it."""
        return Process(role=self.role.other, pid=self.peer_pid, peer_pid=self.pid)

    def path(self, kind: str) -> str:
        """Where a message of this kind goes."""
        return f"{BASE}/{WORDS[self.kind]}/{self.pid}/{PATHS[kind]}"

    def __str__(self) -> str:
        return f"{self.kind}-{self.role}-{self.state}"


class Town(dict[str, Site]):
    """Everybody's address. Who asks for another one is on record, and gets nothing."""

    def __init__(self, known: dict[str, Site]) -> None:
        super().__init__(known)
        self.strange: list[str] = []

    def __missing__(self, host: str) -> Site:
        self.strange.append(host)
        raise AssertionError(f"{host} was asked")


@dataclass(slots=True, repr=False)
class Siege:
    """The scene. Without a `repr`: asyncio would write out everybody whenever a run ends."""

    world: World
    places: list[Place] = field(default_factory=list)
    offer: JsonObject = field(default_factory=dict)
    count: int = 0

    @property
    def here(self) -> Node:
        """The besieged connector."""
        return self.world.nodes[0]

    @property
    def peer(self) -> Node:
        """The one that all places are with."""
        return self.world.nodes[1]

    @property
    def other(self) -> Node:
        """A member that no place is with."""
        return self.world.nodes[2]

    @property
    def asked(self) -> list[str]:
        """Hosts that were asked and are nobody's."""
        town = self.world.network.sites
        assert isinstance(town, Town)
        return town.strange

    def fresh(self) -> str:
        """An id that was not used yet."""
        self.count += 1
        return f"urn:peer:{self.count}"

    def kept(self) -> Kept:
        """All that the besieged connector keeps, as it is now."""
        return kept(self.here.store)

    async def put_back(self, kept: Kept) -> None:
        """Be as before: something that the peer may say has moved a process."""
        put_back(self.here.store, kept)
        await self.here.die()
        self.here.start()
        await self.rest()

    async def rest(self) -> None:
        """No work of its own any more: what changes then, a request has changed."""
        working = list(self.here.tasks)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def bearer(self, who: Node | None = None, audience: str = "") -> str:
        """A good token of the peer's, or of somebody else."""
        caller = who or self.peer
        return await proof(caller, audience or self.here.config.did, access=access_for(caller, self.here))

    async def send(self, path: str, message: JsonObject | bytes, who: Node | None = None) -> HttpAnswer:
        """A message with a good token."""
        body = message if isinstance(message, bytes) else compose.dump(message)
        return await say(self.here, path, body, await self.bearer(who))

    async def row(self, place: Place) -> ProcessRow:
        """The place's process as it is stored."""
        row = await self.here.store.load_process("", place.kind, place.pid)
        assert row is not None
        return row

    def at(self, kind: str) -> tuple[Place, str]:
        """A place at which this message is the peer's to say, and the address for it."""
        for place in self.places:
            if TABLES[place.kind].target(place.state, kind, place.role.other) is not None:
                return place, place.path(kind)
        raise AssertionError(f"{kind} can be said nowhere")

    async def heard(self, place: Place) -> list[MessageRow]:
        """What the peer has said there, and was accepted."""
        said = await self.here.store.messages("", place.kind, place.pid)
        return [one for one in said if one.direction == "in" and one.status < HTTPStatus.BAD_REQUEST]

    # --- what the peer may say ---------------------------------------------------------------------------------------

    def message(self, kind: str, process: Process) -> JsonObject:
        """A message of this kind, right in itself. `process`: the peer's; one without the other's pid begins it."""
        ident, first = self.fresh(), process.peer_pid is None
        match kind:
            case negotiation.Kind.REQUEST | negotiation.Kind.OFFER:
                asks = kind == negotiation.Kind.REQUEST
                make = compose.contract_request if asks else compose.contract_offer
                callback = f"{self.peer.config.public_url}{BASE}"
                said = make(ident, process, offer=self._offer(asks=asks), callback_address=callback)
                return said if first else {name: value for name, value in said.items() if name != "callbackAddress"}
            case negotiation.Kind.AGREEMENT:
                return compose.contract_agreement(ident, process, agreement=self._agreement())
            case negotiation.Kind.VERIFICATION:
                return compose.contract_verification(ident, process)
            case negotiation.Kind.ACCEPT:
                return compose.contract_accepted(ident, process)
            case negotiation.Kind.FINALIZE:
                return compose.contract_finalized(ident, process)
            case negotiation.Kind.TERMINATION:
                return compose.contract_termination(ident, process, code="x", reasons=["why"])
            case transfer.Kind.REQUEST:
                return compose.transfer_request(
                    ident, process, agreement_id="urn:agreement", data_format=transfer.PULL,
                    callback_address=f"{self.peer.config.public_url}{BASE}",
                )  # fmt: skip
            case transfer.Kind.START:
                address = compose.data_address(f"{self.peer.config.public_url}/data", {"authorization": "s3cret"})
                return compose.transfer_start(ident, process, address=address)
            case transfer.Kind.COMPLETION:
                return compose.transfer_completion(ident, process)
            case transfer.Kind.SUSPENSION:
                return compose.transfer_suspension(ident, process, code="x", reasons=["why"])
            case _:
                return compose.transfer_termination(ident, process, code="x", reasons=["why"])

    def _offer(self, *, asks: bool) -> JsonObject:
        provider, consumer = (self.here, self.peer) if asks else (self.peer, self.here)
        return compose.offer_in_message(
            self.offer, target=str(self.offer["target"]), assigner=provider.config.did, assignee=consumer.config.did
        )

    def _agreement(self) -> JsonObject:
        return compose.agreement(
            self.fresh(), offer=self._offer(asks=False), assigner=Did(self.peer.config.did),
            assignee=Did(self.here.config.did), timestamp="2027-03-15T09:00:00Z",
        )  # fmt: skip


async def besieged(world: World) -> Siege:
    """Put everything in its place. `world`: three connectors that decide by hand."""
    siege = Siege(world)
    network = world.network
    network.sites = Town(network.sites)
    network.sites[urlsplit(siege.peer.config.public_url).netloc] = nodding(siege)
    ours = await dataset(siege.here)
    siege.offer = {**services(siege.here).offer.policies.offer(ours), "target": ours.dataset_id}
    for role in Role:
        for state in negotiation.State:
            siege.places.append(await _negotiated(siege, role, state))
        for stage in transfer.State:
            siege.places.append(await _transferred(siege, role, stage))
    await siege.rest()
    return siege


def nodding(siege: Siege) -> Site:
    """The peer's address: its identity is real, to every message it says yes, and it stands where we stand."""
    serve = siege.peer.serve

    async def site(request: Request) -> HttpAnswer:
        path = urlsplit(request.url).path
        if not path.startswith((f"{BASE}/negotiations", f"{BASE}/transfers")):
            return await serve(request)
        if request.method == "GET":
            place = next(one for one in siege.places if path.endswith(f"/{one.peer_pid}"))
            stands = replace(place.theirs, state=(await siege.row(place)).state)
            shown = compose.dump(compose.process_answer(TABLES[place.kind], stands))
            return HttpAnswer(status=200, headers={"content-type": "application/json"}, body=shown)
        said: JsonObject = orjson.loads(request.body or b"{}")
        table = negotiation.TABLE if "/negotiations/" in path else transfer.TABLE
        role = Role.PROVIDER if said.get("consumerPid") and not said.get("providerPid") else Role.CONSUMER
        first = path.endswith(("negotiations/request", "negotiations/offers", "transfers/request"))
        known = Pid(str(said["consumerPid" if role is Role.PROVIDER else "providerPid"]))
        process = Process(role=role, pid=Pid(siege.fresh()), peer_pid=known, state=str(table.rows[0].target))
        body = compose.dump(compose.process_answer(table, process)) if first else b"{}"
        return HttpAnswer(status=201 if first else 200, headers={"content-type": "application/json"}, body=body)

    return site


async def _negotiated(siege: Siege, role: Role, state: str) -> Place:
    journey, said = services(siege.here).negotiate, siege.message
    if role is Role.PROVIDER:
        theirs = Process(role=Role.CONSUMER, pid=Pid(siege.fresh()))
        answer = await siege.send(f"{BASE}/negotiations/request", said(negotiation.Kind.REQUEST, theirs))
        pid = str(orjson.loads(answer.body)["providerPid"])
    else:
        peer = Did(siege.peer.config.did)
        base = f"{siege.peer.config.public_url}{BASE}"
        pid = await journey.request(peer, base, str(siege.offer["target"]), siege.offer, command(siege.here))
        await asyncio.sleep(2)
    row = await siege.here.store.load_process("", "negotiation", pid)
    assert row is not None
    place = Place("negotiation", role, state, Pid(pid), Pid(str(row.peer_pid)))
    approve, counter = Word(decision="approve"), Word(decision="counter", terms=OTHER_TERMS)
    steps: list[Any] = (
        [counter, negotiation.Kind.ACCEPT, approve, negotiation.Kind.VERIFICATION, approve]
        if role is Role.PROVIDER
        else [negotiation.Kind.OFFER, approve, negotiation.Kind.AGREEMENT, approve, negotiation.Kind.FINALIZE]
    )
    for step in steps:
        if (await siege.row(place)).state == state:
            return place
        if state == negotiation.State.TERMINATED:
            await journey.terminate(pid, "x", "why")
        elif isinstance(step, Word):
            await journey.decide(pid, step, command(siege.here))
        else:
            answer = await siege.send(place.path(step), said(step, place.theirs))
            assert answer.status == 200, answer
        await asyncio.sleep(2)
    assert (await siege.row(place)).state == state, (place, await siege.row(place))
    return place


async def _transferred(siege: Siege, role: Role, state: str) -> Place:
    journey, agreement = services(siege.here).transfer, await _agreement_of(siege, role)
    if role is Role.PROVIDER:
        theirs = Process(role=Role.CONSUMER, pid=Pid(siege.fresh()))
        said = {**siege.message(transfer.Kind.REQUEST, theirs), "agreementId": agreement.agreement_id}
        answer = await siege.send(f"{BASE}/transfers/request", said)
        pid = str(orjson.loads(answer.body)["providerPid"])
    else:
        base = f"{siege.peer.config.public_url}{BASE}"
        pid = await journey.request(agreement, base, command(siege.here), transfer.PULL)
        await asyncio.sleep(2)
    row = await siege.here.store.load_process("", "transfer", pid)
    assert row is not None
    place = Place("transfer", role, state, Pid(pid), Pid(str(row.peer_pid)))
    ends: dict[str, Callable[[], Any]] = {
        transfer.State.SUSPENDED: lambda: journey.suspend(pid, "x", "why"),
        transfer.State.COMPLETED: lambda: journey.complete(pid),
        transfer.State.TERMINATED: lambda: journey.terminate(pid, "x", "why"),
    }
    if state not in {transfer.State.REQUESTED, transfer.State.TERMINATED}:
        if role is Role.PROVIDER:
            await journey.resume(pid)
        else:
            await siege.send(place.path(transfer.Kind.START), siege.message(transfer.Kind.START, place.theirs))
        await asyncio.sleep(2)
    if state in ends:
        await ends[state]()
        await asyncio.sleep(2)
    assert (await siege.row(place)).state == state, (place, await siege.row(place))
    return place


async def _agreement_of(siege: Siege, role: Role) -> AgreementRow:
    final = next(
        one for one in siege.places
        if (one.kind, one.role, one.state) == ("negotiation", role, negotiation.State.FINALIZED)
    )  # fmt: skip
    return next(one for one in await siege.here.store.list_agreements("") if one.negotiation_pid == final.pid)
