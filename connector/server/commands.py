"""What operators ask of a running connector, each made of journeys: publish, request, fetch, import, audit.

A command may be repeated with its idempotency key, after an answer that was lost or a crash of either side: it finds
what it did before and goes on from there. Rendering is the command line's, routes are `management`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import orjson

from connector.credentials.ids import mint
from connector.credentials.verify import needs
from connector.errors import BadInput, BadPlan, BadPolicy, Conflict, NotFound
from connector.exchange.browse import Elsewhere
from connector.exchange.publication import Declared
from connector.exchange.rows import CommandRow, DatasetRow, ProcessRow
from connector.exchange.stored import content_of, micros, under_way
from connector.mapping.doubts import sentence
from connector.model import Did, JsonObject
from connector.policy.odrl import digest
from connector.policy.pinning import pinned, pins_of
from connector.policy.reading import load
from connector.protocol.catalog_query import Selection
from connector.protocol.messages import Dataset
from connector.server.lines import Tell
from connector.server.services import Services
from connector.server.under_policy import told_of
from connector.server.withdrawing import clear_away

Work = TypeVar("Work")
_MOMENT_SECONDS = 3.0
"""So long machines may take; then it is told what is waited for."""
_ON_ITS_WAY = "our message is not acknowledged yet, and is sent until it is"
_AT_THE_PEER = "the peer has our request and has not answered it: it may be that a person decides there"
UNFINISHED = "unfinished"
"""What an offer pins while its content is being published: no content has this digest."""


# --- publish ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to publish. `title` is the plan's name unless said; `record_type`: what the plan has to make, if said.

    `dataset`: the dataset's id, where it has to be a given one. `approval`: whether a person decides on each contract
    and audit read, beside the policy; None: as before. `pin`: whether the offer pins the content that it has then;
    None: as before, so that it is pinned to what is published now.
    """

    plan: Path
    policy: Path
    title: str = ""
    record_type: str = ""
    dataset: str = ""
    approval: bool | None = None
    pin: bool | None = None


async def publish(
    services: Services, wanted: Wanted, declared: Declared, on_document: Callable[[int], None]
) -> JsonObject:
    """Map the exports of a plan and offer what comes out under a policy."""
    from connector.mapping.blame import grouped  # noqa: PLC0415 - a start need not wait for it (`readiness`)
    from connector.mapping.plan import parse  # noqa: PLC0415 - a start need not wait for it (`readiness`)
    from connector.server.plans import map_plan  # noqa: PLC0415 - a start need not wait for it (`readiness`)

    with about(wanted.plan):
        plan = parse(await asyncio.to_thread(read_file, wanted.plan))
    if wanted.record_type not in {"", plan.record}:
        raise BadInput(f"the plan makes {plan.record}, not {wanted.record_type}", place=str(wanted.plan))
    name = plan.mapping.partition("/")[0]
    policy_octets = await asyncio.to_thread(read_file, wanted.policy)
    dataset = await dataset_of(services, name, plan.record, wanted.policy, policy_octets, given=wanted.dataset)
    approval = dataset.approval if wanted.approval is None else wanted.approval
    dataset = replace(dataset, title=wanted.title or dataset.title, approval=approval)
    result, published, pinned_to, withdrawn = await map_plan(services, plan), None, None, list[str]()
    if not result.stopped:
        published, pinned_to = await offered(
            services, dataset, wanted.pin,
            lambda open_to: services.publish.publish(result.mapped, open_to, declared, on_document),
        )  # fmt: skip
        withdrawn, told = await clear_away(services, published.left)
        if not published.assets:
            told.append(f"nothing came out, so {dataset.title!r} ({dataset.dataset_id}) is not offered")
        of_policy = told_of(
            policy_octets, services.bundle, services.clock.now(), record_type=plan.record, classes=published.classes,
            unbought=sum(not one.buyers for one in result.mapped),
        )  # fmt: skip
        published.warnings += [*of_policy, *told, *map(sentence, result.doubts)]
    findings = grouped([*result.findings, *(published.findings if published else [])])
    answer: JsonObject = published.as_json() if published else {"documents": 0, "credentials": 0, "assets": 0}
    offer: JsonObject = {"dataset": dataset.dataset_id, "title": dataset.title, "pin": pinned_to} if published else {}
    return {
        **answer,
        **offer,
        "withdrawn": [*withdrawn],
        "rows": result.rows,
        "findings": [finding.as_json() for finding in findings],
    }


async def dataset_of(
    services: Services, name: str, record_type: str, policy_file: Path, policy_octets: bytes, *, given: str = ""
) -> DatasetRow:
    """The dataset of a plan (or of what was imported under its name) and a policy."""
    dataset_id = given or mint(services.id_key, services.tenant, "dataset", f"{name} {policy_file.name}")
    before = await services.store.load_dataset(services.tenant, dataset_id)
    with about(policy_file):
        policy_digest = digest(load(policy_octets, own=True))
    return DatasetRow(
        tenant=services.tenant, dataset_id=dataset_id, title=name, plan=name, record_types=(record_type,),
        policy=policy_octets, policy_digest=policy_digest, at=micros(services.clock.now()),
        approval=before is not None and before.approval,
    )  # fmt: skip


async def offered(
    services: Services, dataset: DatasetRow, pin: bool | None, work: Callable[[DatasetRow], Awaitable[Work]]
) -> tuple[Work, str | None]:
    """Do work that offers the dataset and changes what it holds; what came of it, and the digest to which it is pinned.

    `pin`: as it was said; None: as before. While the content of a pinned offer changes nobody is bound to it. One work
    on a dataset after the other: two at once would each find the other's offer where they left their own. `Conflict`:
    it was withdrawn meanwhile.
    """
    async with services.offering.setdefault(dataset.dataset_id, asyncio.Lock()):
        before = await services.store.load_dataset(services.tenant, dataset.dataset_id)
        if not (pin if pin is not None else before is not None and bool(pins_of(orjson.loads(before.policy)))):
            return await work(dataset), None
        unfinished = _bound(dataset, UNFINISHED)
        done = await work(unfinished)
        standing = await services.store.load_dataset(services.tenant, dataset.dataset_id)
        if standing == before != unfinished:
            return done, None  # nothing came of it
        content = await services.transfer.contents.digest(dataset.dataset_id)
        await services.store.commit_dataset(_bound(dataset, content or UNFINISHED), expected=unfinished)
        return done, content


def _bound(dataset: DatasetRow, content: str) -> DatasetRow:
    """The dataset, offered under its policy and with this content alone."""
    policy = orjson.dumps(pinned(orjson.loads(dataset.policy), content))
    return replace(dataset, policy=policy, policy_digest=digest(load(policy)))


async def hold(services: Services, octets: bytes, into: str, policy_file: Path) -> JsonObject:
    """Keep a third party's credential, and pass it on under a policy as part of the dataset `into`."""
    policy_octets = await asyncio.to_thread(read_file, policy_file)
    types = [name for name in needs(octets).types if name != "VerifiableCredential"]
    dataset = await dataset_of(services, into, types[0] if types else "", policy_file, policy_octets)
    result, _ = await offered(services, dataset, None, lambda open_to: services.receive.hold(octets, open_to))
    return result.as_json()


@contextmanager
def about(file: Path) -> Iterator[None]:
    """What is wrong in a file is told with its name."""
    try:
        yield
    except (BadPlan, BadPolicy) as error:
        error.place = ", ".join(part for part in (str(file), error.place) if part)
        raise


def read_file(path: Path) -> bytes:
    """A file that an operator named."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}", hint="name a file that the connector may read") from None


# --- request ---------------------------------------------------------------------------------------------------------


async def request(
    services: Services,
    peer: Did,
    wanted: str,
    key: str,
    wait_seconds: float,
    *,
    offer: JsonObject | None = None,
    offer_id: str = "",
    tell: Tell | None = None,
) -> JsonObject:
    """Negotiate a contract on a dataset of the peer's catalogue; `wanted` is its id or title.

    With an `offer` (as `catalog` showed it) the catalogue is not read again, and `wanted` is the dataset's id. An
    `offer_id` picks one of the dataset's offers.
    """
    said = f"request {peer} {wanted}{offer_id and f' {offer_id}'}"
    said += f" {orjson.dumps(offer).decode()}" if offer is not None else ""
    command = await command_of(services, key, said)
    if await services.store.load_process(services.tenant, "negotiation", command.pid) is None:
        dataset_id, title = wanted, ""
        if offer is None:
            found = await services.browse.find(peer, wanted)
            peer, dataset_id, title = found.participant, found.dataset.id, found.dataset.name
            offer = _offer_of(found.dataset, offer_id)
        base = await services.peers.dsp_base(peer)
        try:
            await services.negotiate.request(peer, base, dataset_id, offer, command, title=title)
        except Conflict:  # the same command came twice at once: the other one has begun it
            command = await command_of(services, key, said)
    if tell is not None:
        moment = min(wait_seconds, _MOMENT_SECONDS)
        row = await _settled(services, command.pid, moment)
        wait_seconds -= moment
        if wait_seconds and not _is_settled(services, row):
            tell({"waiting": _ON_ITS_WAY if under_way(row) else _AT_THE_PEER, "negotiation": row.pid})
    return await negotiated(services, command.pid, wait_seconds)


async def negotiated(services: Services, pid: str, wait_seconds: float) -> JsonObject:
    """What came of a negotiation: once it has ended or waits for our own word, or after so many seconds as it is."""
    row = await _settled(services, pid, wait_seconds)
    content = content_of(row)
    agreement = content.get("agreement") or {}
    return {
        "negotiation": row.pid,
        "state": row.state,
        "dataset": content["dataset"],
        "agreement": agreement.get("@id"),
        "termination": content.get("termination"),
        "waits": (content.get("waits") or {}).get("turn"),
    }


async def _settled(services: Services, pid: str, wait_seconds: float) -> ProcessRow:
    return await services.negotiate.conversation.settled(pid, lambda at: _is_settled(services, at), wait_seconds)


def _is_settled(services: Services, row: ProcessRow) -> bool:
    return row.state in services.negotiate.table.terminal or row.deadline is not None


def _offer_of(dataset: Dataset, offer_id: str) -> JsonObject:
    """The offer of this id, or the first."""
    offers = [one.as_json() for one in dataset.has_policy]
    fitting = [one for one in offers if offer_id in {"", one["@id"]}]
    if not fitting:
        raise NotFound(
            f"the dataset has no offer {offer_id}", hint=f"it has {', '.join(str(one['@id']) for one in offers)}"
        )
    return fitting[0]


async def catalog(services: Services, peer: Did, wanted: Selection, most: int) -> AsyncIterator[JsonObject]:
    """What a peer offers us of what is wanted, while it comes in; what stands in catalogues elsewhere is only named."""
    shown = 0
    yield {"peer": peer}
    async with aclosing(services.browse.catalog(peer, wanted)) as found:
        async for one in found:
            if isinstance(one, Elsewhere):
                yield {"catalog": one.catalog_id, "participant": one.participant, "address": one.address}
                continue
            if shown >= most:
                yield {"more": True}
                return
            shown += 1
            yield {
                "dataset": one.dataset.id,
                "title": one.dataset.name,
                "participant": one.participant,
                "types": [*one.dataset.types],
                "formats": [distribution.format for distribution in one.dataset.distribution],
                "offers": [offer.as_json() for offer in one.dataset.has_policy],
            }


# --- shared ----------------------------------------------------------------------------------------------------------


async def command_of(services: Services, key: str, said: str) -> CommandRow:
    """The command of this key: a new one, or the one that was begun before. `Conflict`: it is another request's."""
    request_digest = hashlib.sha256(said.encode()).hexdigest()
    known = await services.store.load_command(services.tenant, key) if key else None
    if known is not None:
        if known.request_digest != request_digest:
            raise Conflict("this idempotency key was used for another request", hint="a new request needs a new key")
        return known
    now = micros(services.clock.now())
    return CommandRow(
        tenant=services.tenant, key=key or services.ids.urn(), request_digest=request_digest,
        pid=services.ids.urn(), at=now,
    )  # fmt: skip
