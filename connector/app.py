"""The composition: a configuration in, a running connector out. The only file that knows everybody.

Read `running` first: keys, the store, the way out, the journeys (`compose`), the two faces, background work. Nothing is
registered anywhere else, and importing this module does nothing.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from connector.config import MANAGEMENT_TOKEN_VARIABLE, STORE_PASSWORD_VARIABLE, Config, known_secret, secret
from connector.credentials.query import type_scopes
from connector.errors import Unavailable
from connector.exchange.ahead import Ahead
from connector.exchange.alarms import REMINDER, START_ALARM
from connector.exchange.answer import AuditAnswers
from connector.exchange.arrivals import Arrivals
from connector.exchange.audit import Audit
from connector.exchange.authenticate import PARTY_CREDENTIALS, Authenticate
from connector.exchange.browse import Browse
from connector.exchange.contents import Contents
from connector.exchange.conversation import Conversation
from connector.exchange.crowd import Crowd
from connector.exchange.discard import Discard
from connector.exchange.download import Download
from connector.exchange.forget import Forget
from connector.exchange.grants import Grants
from connector.exchange.inbox import Inbox
from connector.exchange.inquire import Inquire
from connector.exchange.issuance import REQUEST_ID, Issuance
from connector.exchange.issuer import DELIVERY, Issuer, supported_by
from connector.exchange.negotiate import Negotiate
from connector.exchange.offer import Offer
from connector.exchange.opening import PUSH_ALARM, Opening
from connector.exchange.outbox import Chore, Outbox
from connector.exchange.patience import CALLER_SECONDS, Patient
from connector.exchange.policies import Policies
from connector.exchange.ports import Clock, Http, Identity, Ids, Peers, Store, Verifier
from connector.exchange.publish import Publish
from connector.exchange.publish_file import PublishFile
from connector.exchange.push import Push
from connector.exchange.quotas import Quotas
from connector.exchange.receipts import Receipts
from connector.exchange.receive import Receive
from connector.exchange.reissue import Reissue
from connector.exchange.rekey import Rekey
from connector.exchange.reminders import Reminders, Restarts
from connector.exchange.renew import Renew
from connector.exchange.restored import Restored
from connector.exchange.revoke import Revoke
from connector.exchange.room import Room
from connector.exchange.serve import Serve
from connector.exchange.streams import Carrier, Files
from connector.exchange.transfer import Transfer
from connector.exchange.weighing import Weighing
from connector.exchange.withdraw import Withdraw
from connector.keys.held import HeldCredentials
from connector.keys.ring import Keys, open_keys
from connector.peers import addresses
from connector.peers.client import GuardedClient
from connector.peers.files import Exports
from connector.peers.identity import Claimed, SelfIssued
from connector.peers.messenger import Messenger
from connector.peers.nowhere import NoNetwork
from connector.peers.resolver import Resolver
from connector.peers.verifier import FetchingVerifier
from connector.protocol.turns import Turn
from connector.server import site
from connector.server.dsp import BASE
from connector.server.readiness import get_ready
from connector.server.services import Services
from connector.stores import open_store
from connector.stores.files import FileStore
from connector.vocabulary.bundle import Bundle, load_bundle

_log = logging.getLogger("connector")


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock, shifted for stories."""

    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """Now, in UTC."""
        now = datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock
        return now + self.offset if self.offset else now


def clock_of(config: Config) -> SystemClock:
    """The clock that this company goes by."""
    return SystemClock(timedelta(seconds=config.unsafe.clock_offset_seconds))


@dataclass(frozen=True, slots=True)
class SystemIds:
    """The machine's chance."""

    def urn(self) -> str:
        """A fresh `urn:uuid:...` of version 7 (RFC 9562, section 5.7): ids made together lie together in indices."""
        moment, chance = f"{time.time_ns() // 1_000_000:012x}", secrets.token_hex(10)
        variant = "89ab"[int(chance[3], 16) & 3]
        return f"urn:uuid:{moment[:8]}-{moment[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"

    def secret(self) -> str:
        """256 fresh bits."""
        return secrets.token_urlsafe(32)

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return secrets.randbelow(1 << 30) / (1 << 30)


class WayOut(Http, Carrier, Protocol):
    """The guarded client: messages, and octets of any size."""


def compose(
    config: Config, store: Store, http: WayOut, keys: Keys, *, clock: Clock | None = None, ids: Ids | None = None
) -> Services:
    """All journeys of one connector over these edges. Time and chance are the machine's unless others are given."""
    did, tenant, limits = config.did, config.tenant, config.limits
    clock, ids = clock or clock_of(config), ids or SystemIds()
    bundle, policies, files = load_bundle(), Policies(), FileStore(config.path(config.files))
    identity, resolver, peers, verifier = _way_out(config, http, keys, clock=clock, ids=ids, bundle=bundle)
    receipts = Receipts(did=did, keys=keys.own, resolver=resolver, clock=clock, store=store)
    answers, held = _answers(config, store, keys, policies), HeldCredentials(config.path(config.held), config.did)
    negotiate, transfer, outbox = _processes(config, store, peers, receipts, held, ids=ids, policies=policies)
    authenticate = Authenticate(
        tenant=tenant, did=did, store=store, identity=identity, resolver=resolver, quotas=resolver.quotas, clock=clock,
        peers=Patient(peers=peers, ids=ids, seconds=CALLER_SECONDS), verifier=verifier, trusted=config.trusted_issuers,
        leeway_seconds=limits.clock_leeway_seconds, claims_cache_seconds=limits.claims_cache_seconds,
    )  # fmt: skip
    grants = Grants(
        tenant=tenant, store=store, clock=clock, ids=ids, policies=policies, token_key=keys.access_token_key,
        contents=transfer.contents, facts_from=authenticate.facts_from, data_token_seconds=limits.data_token_seconds,
    )  # fmt: skip
    serve, push = _giving(config, http, keys, grants=grants, transfer=transfer, files=files)
    outbox.jobs[REMINDER] = Reminders(conversation=negotiate.conversation, peers=peers).run
    outbox.jobs[START_ALARM] = Restarts(conversation=transfer.conversation, peers=peers, opening=transfer.opening).run
    issuance, issuer, outbox.chores = _issuing(config, authenticate, peers, held, ids=ids, bundle=bundle, keys=keys)
    outbox.jobs[PUSH_ALARM], outbox.jobs[DELIVERY], outbox.lanes.known = push.run, issuer.deliver, resolver.quotas.knows
    patient = Patient(peers=peers, ids=ids, seconds=limits.retry_read_seconds)
    receive, inbox = _taking(config, http, patient, verifier=verifier, transfer=transfer, files=files)
    return Services(
        config=config, store=store, clock=clock, ids=ids, peers=patient, verifier=verifier, bundle=bundle, shown=held,
        keys=keys.own, id_key=keys.id_key, access_token_key=keys.access_token_key, authenticate=authenticate,
        issuance=issuance, issuer=issuer, negotiate=negotiate, transfer=transfer, outbox=outbox, audit_answers=answers,
        exports=Exports(), rekey=Rekey(tenant=tenant, store=store, keys=keys.own, clock=clock), files=files,
        offer=Offer(
            tenant=tenant, did=did, base=transfer.base, store=store, clock=clock, policies=policies,
            link_key=keys.link_key,
        ),
        browse=Browse(peers=patient, ids=ids), revoke=Revoke(tenant=tenant, did=did, store=store, clock=clock),
        renew=Renew(conversation=transfer.conversation, peers=peers, clock=clock), grants=grants, serve=serve,
        discard=Discard(tenant=tenant, store=store, room=inbox.room, clock=clock), receive=receive, inbox=inbox,
        withdraw=Withdraw(tenant=tenant, store=store, clock=clock, topics=(negotiate, transfer)), room=inbox.room,
        publish=_publish(config, store, keys, clock=clock, bundle=bundle), ahead=Ahead(verifier, resolver, held),
        publish_file=PublishFile(tenant=tenant, did=did, store=store, files=files, clock=clock),
        audit=Audit(did=did, store=store, tenant=tenant, reads=peers, own=answers, verifier=verifier, clock=clock),
    )  # fmt: skip


def resolver_of(config: Config, http: Http, clock: Clock) -> Resolver:
    """What finds DID documents and status lists, and how much callers may have it ask."""
    quotas = Quotas(
        clock=clock, known_per_second=config.limits.requests_per_second,
        strangers_per_minute=config.limits.stranger_requests_per_minute,
        configured=frozenset(one.id for one in config.peers.values()).union(*config.trusted_issuers.values()),
    )  # fmt: skip
    return Resolver(http=http, clock=clock, quotas=quotas, allow_http=config.unsafe.allow_loopback_http)


def _issuing(
    config: Config, authenticate: Authenticate, peers: Peers, wallet: HeldCredentials, *, ids: Ids, bundle: Bundle,
    keys: Keys,
) -> tuple[Issuance, Issuer, list[Chore]]:  # fmt: skip
    """What gets our own credentials from who issues them, what issues some to others, and what asks anew by itself."""
    tenant, store, resolver, clock = config.tenant, authenticate.store, authenticate.resolver, authenticate.clock
    issuance = Issuance(
        tenant=tenant, did=config.did, store=store, peers=peers, resolver=resolver, verifier=authenticate.verifier,
        wallet=wallet, clock=clock, ids=ids, trusted_issuers=config.trusted_issuers,
    )  # fmt: skip
    issuer = Issuer(
        tenant=tenant, store=store, peers=peers, resolver=resolver, clock=clock, ids=ids, id_key=keys.id_key,
        knows=authenticate.quotas.knows, limits=config.limits,
        supported=supported_by(config.issues, bundle.record_types, bundle.versions[-1].schemas_url),
    )  # fmt: skip
    reissue = Reissue(
        tenant=tenant, store=store, verifier=issuance.verifier, clock=clock, ids=ids, id_key=keys.id_key,
        limits=config.limits, trusted_issuers=config.trusted_issuers, shown=wallet, ask=issuance.ask,
    )  # fmt: skip
    inquire = Inquire(tenant=tenant, store=store, clock=clock, id_name=REQUEST_ID, inquire=issuance.inquire)
    return issuance, issuer, [reissue.work, inquire.work]


def _giving(
    config: Config, http: WayOut, keys: Keys, *, grants: Grants, transfer: Transfer, files: Files
) -> tuple[Serve, Push]:
    """What gives data under a started transfer: it is fetched, or sent."""
    conversation, limits = transfer.conversation, config.limits
    serve = Serve(
        tenant=config.tenant, did=config.did, store=grants.store, clock=grants.clock,
        data_url=transfer.opening.data_url, place_key=keys.id_key,
    )  # fmt: skip
    push = Push(
        conversation=conversation, grants=grants, data=serve, ends=transfer, files=files, carrier=http,
        ids=grants.ids, retry_first_seconds=limits.retry_first_seconds, retry_cap_seconds=limits.retry_cap_seconds,
    )  # fmt: skip
    return serve, push


def _taking(
    config: Config, http: WayOut, peers: Peers, *, verifier: Verifier, transfer: Transfer, files: Files
) -> tuple[Receive, Inbox]:
    """What takes data under a started transfer: it is fetched, or comes."""
    tenant, store, conversation, limits = config.tenant, transfer.store, transfer.conversation, config.limits
    arrivals = Arrivals(tenant=tenant, did=config.did, store=store, verifier=verifier, clock=conversation.clock)
    room = Room(
        tenant=tenant, store=store, files=files, min_free_bytes=limits.min_free_bytes,
        max_peer_bytes=limits.max_peer_bytes,
    )  # fmt: skip
    download = Download(files=files, carrier=http, room=room, max_file_bytes=limits.max_file_bytes)
    receive = Receive(peers=peers, arrivals=arrivals, download=download)
    inbox = Inbox(
        tenant=tenant, store=store, conversation=conversation, arrivals=arrivals, files=files, room=room,
        max_file_bytes=limits.max_file_bytes,
    )  # fmt: skip
    return receive, inbox


def _answers(config: Config, store: Store, keys: Keys, policies: Policies) -> AuditAnswers:
    """What answers audit reads."""
    return AuditAnswers(
        tenant=config.tenant, did=config.did, name=config.name, store=store, policies=policies,
        place_key=keys.id_key, limit_seconds=config.approvals.limit_seconds,
    )  # fmt: skip


def _publish(config: Config, store: Store, keys: Keys, *, clock: Clock, bundle: Bundle) -> Publish:
    """What signs and offers records."""
    return Publish(
        tenant=config.tenant, did=config.did, status_url=f"{config.public_url}/status", id_key=keys.id_key,
        store=store, keys=keys.own, clock=clock, bundle=bundle,
    )  # fmt: skip


def _way_out(
    config: Config, http: Http, keys: Keys, *, clock: Clock, ids: Ids, bundle: Bundle
) -> tuple[Identity, Resolver, Messenger, FetchingVerifier]:
    """What leads to other parties: who they are, what is said to them, what their credentials are worth."""
    did, limits, held = config.did, config.limits, HeldCredentials(config.path(config.held), config.did)
    resolver = resolver_of(config, http, clock)
    identity: Identity = SelfIssued(
        did=did, resolver=resolver, keys=keys.own, clock=clock, ids=ids,
        lifetime_seconds=limits.token_lifetime_seconds, leeway_seconds=limits.clock_leeway_seconds,
    )  # fmt: skip
    if config.unsafe.claimed_identity:
        identity = Claimed(did=did)
    peers = Messenger(
        http=http, identity=identity, resolver=resolver, clock=clock,
        token_lifetime_seconds=limits.token_lifetime_seconds, access_token_key=keys.access_token_key,
        scopes=lambda: type_scopes((*PARTY_CREDENTIALS, *sorted(held.types()))),
        addresses={one.id: one.address for one in config.peers.values() if one.address},
    )  # fmt: skip
    verifier = FetchingVerifier(
        resolver=resolver, clock=clock, contexts=bundle.known_contexts, check_shape=bundle.check,
        trusted_issuers=config.trusted_issuers, reads=peers, nonconforming=config.unsafe.nonconforming_credentials,
    )  # fmt: skip
    return identity, resolver, peers, verifier


def _processes(
    config: Config, store: Store, peers: Peers, receipts: Receipts, held: HeldCredentials, *, ids: Ids,
    policies: Policies,
) -> tuple[Negotiate, Transfer, Outbox]:  # fmt: skip
    """Negotiation and transfer, each with its conversation, and the outbox that delivers for both."""
    did, tenant, limits, base = config.did, config.tenant, config.limits, f"{config.public_url}{BASE}"
    clock = receipts.clock
    approvals = config.approvals
    by_hand = frozenset(map(config.peer, approvals.peers))
    may_ask = partial(addresses.check, loopback=config.unsafe.allow_loopback_http)
    weighing = Weighing(
        did=did, clock=clock, policies=policies, by_hand=by_hand,
        rules={turn: getattr(approvals, turn.name.lower()) for turn in Turn},
    )  # fmt: skip
    contents = Contents(tenant=tenant, did=did, store=store)
    negotiate = Negotiate(
        tenant=tenant, did=did, base=base, store=store, ids=ids, weighing=weighing, contents=contents,
        limit_seconds=approvals.limit_seconds, max_message_bytes=limits.max_message_bytes, may_ask=may_ask,
    )  # fmt: skip
    opening = Opening(
        tenant=tenant, did=did, ids=ids, data_url=f"{config.public_url}/data", inbox_url=f"{config.public_url}/inbox",
        data_token_seconds=limits.data_token_seconds,
    )  # fmt: skip
    transfer = Transfer(
        tenant=tenant, did=did, base=base, opening=opening, store=store, ids=ids, policies=policies, contents=contents,
        max_message_bytes=limits.max_message_bytes, may_ask=may_ask,
        by_hand=lambda party: approvals.transfer == "hold" or party in by_hand,
    )  # fmt: skip
    conversations: dict[str, Conversation] = {}
    outbox = Outbox(
        store=store, peers=peers, clock=clock, ids=ids, owner=ids.urn(), conversations=conversations, receipts=receipts,
        forget=Forget(
            tenant=tenant, store=store, clock=clock, keep_ended_days=limits.keep_ended_days, shown=held
        ).some,
        retry_first_seconds=limits.retry_first_seconds, retry_cap_seconds=limits.retry_cap_seconds,
        retry_budget_seconds=limits.retry_budget_seconds,
        not_now={one.id: frozenset(one.retryable_statuses) for one in config.peers.values()},
    )  # fmt: skip
    crowd = Crowd(tenant=tenant, store=store, most=limits.max_open_processes)
    for topic in (negotiate, transfer):
        topic.conversation = conversations[topic.kind] = Conversation(
            tenant=tenant, topic=topic, store=store, clock=clock, ids=ids, owner=outbox.owner,
            deliver=outbox.deliver, receipts=receipts, crowd=crowd, patience_seconds=limits.retry_budget_seconds,
        )  # fmt: skip
    return negotiate, transfer, outbox


@asynccontextmanager
async def running(config: Config, *, restored: bool = False) -> AsyncIterator[Services]:
    """A connector that listens and works until the block ends; what is under way is finished first.

    `restored`: its store was brought back from a copy that does not say so itself.
    """
    if config.unsafe.clock_offset_seconds:
        _log.warning("UNSAFE: the clock is shifted by %d seconds", config.unsafe.clock_offset_seconds)
    if config.unsafe.claimed_identity:
        _log.warning("UNSAFE: callers prove nothing, everybody is who it claims to be")
    if config.unsafe.nonconforming_credentials:
        _log.warning("UNSAFE: credentials that depart from VC Data Model 1.1 count")
    keys = open_keys(config, clock_of(config).now())
    token = secret(MANAGEMENT_TOKEN_VARIABLE, config)
    store = await _open(config)
    async with GuardedClient(unsafe_allow_loopback=config.unsafe.allow_loopback_http) as http:
        services = compose(config, store, http, keys)
        await _note_restored(services, said=restored)
        given_up = SystemClock().now().timestamp() - config.limits.retry_budget_seconds
        await asyncio.to_thread(services.files.forget_parts, given_up)
        public = await site.start(site.public_site(services), config, host=config.listen.host, port=config.listen.port)
        management = await site.start(
            site.management_site(services, token), config, host="127.0.0.1", port=config.listen.management_port
        )
        work = asyncio.create_task(services.outbox.run())
        ready = asyncio.create_task(get_ready(services))
        try:
            yield services
        finally:
            ready.cancel()
            await public.cleanup()
            await management.cleanup()
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            with suppress(Unavailable):  # the store is gone: then the leases end by themselves
                await store.release_outbox(services.outbox.owner)
            await store.close()


async def _note_restored(services: Services, *, said: bool = False) -> None:
    restored = Restored(tenant=services.tenant, store=services.store, clock=services.clock)
    if await restored.note(said=said):
        _log.warning(
            "this store was brought back from a copy: what was published, agreed or revoked since then is not in it. "
            "New versions leave out the numbers that may have been given; revoke again what you revoked"
        )


@asynccontextmanager
async def offline(config: Config) -> AsyncIterator[Services]:
    """The same connector without faces, background work and network: for a signer that only issues."""
    store = await _open(config)
    try:
        services = compose(config, store, NoNetwork(), open_keys(config, clock_of(config).now()))
        await _note_restored(services)
        yield services
    finally:
        await store.close()


async def _open(config: Config) -> Store:
    """The company's store. `sqlite:` paths are relative to the configuration."""
    scheme, _, path = config.store.partition(":")
    url = f"sqlite:{config.path(path)}" if scheme == "sqlite" else config.store
    return await open_store(url, company=config.did, password=known_secret(STORE_PASSWORD_VARIABLE, config))
