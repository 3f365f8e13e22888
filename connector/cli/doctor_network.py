"""What `doctor` asks of other machines: our own DID document as it is served, the issuers that we trust, our own
credentials with their status lists, the time.

It asks as the connector asks: by the guarded client, the resolver and the verifier, over a store in memory.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from connector.app import SystemClock, clock_of, compose, resolver_of
from connector.cli.certificates import NotingClient, ends_soon, sentence
from connector.cli.client import Management
from connector.cli.doctor_company import Check, Outcome, good, wrong
from connector.config import MANAGEMENT_TOKEN_VARIABLE, Config, secret
from connector.credentials.checks import Check as Step
from connector.credentials.datamodel import parse_credential, time_text
from connector.credentials.did import DidDocument, key_for, parse_document
from connector.credentials.did_web import document_url
from connector.credentials.digest import digest_multibase
from connector.credentials.own_methods import OwnMethod
from connector.credentials.refused import Refused
from connector.credentials.reissue import renewed
from connector.credentials.verify import MEMBERS, needs
from connector.errors import AddressBlocked, CannotCheck, ConnectorError, PeerUnreachable
from connector.exchange.ports import HttpAnswer, Verifier
from connector.keys.held import Held, HeldCredentials
from connector.keys.ring import open_keys
from connector.model import Did, JsonObject, objects_in
from connector.peers.client import GuardedClient
from connector.peers.resolver import Resolver
from connector.server.statements import did_document
from connector.server.trouble import RENEW, Trouble, asked_anew, good_until, runs_out
from connector.stores.memory import MemoryStore
from connector.vocabulary.bundle import load_bundle

_OUTSIDE: Final = "ask from another machine, too: battery-connector did resolve DID --trace"


class _Watching(NotingClient):
    """Notes what time others have."""

    def __init__(self, *, allow_loopback: bool) -> None:
        super().__init__(allow_loopback=allow_loopback)
        self.ahead: dict[str, float] = {}
        """Host -> the seconds by which its clock is ahead of ours."""

    async def request(self, method: Any, url: str, **options: Any) -> HttpAnswer:  # noqa: ANN401 - passed on as it is
        answer = await super().request(method, url, **options)
        try:
            told = parsedate_to_datetime(answer.headers.get("date", ""))
        except (ValueError, OverflowError):
            return answer
        now = SystemClock().now()  # the machine's, whatever [unsafe] says
        self.ahead[urlsplit(url).netloc] = (told.replace(tzinfo=told.tzinfo or UTC) - now).total_seconds()
        return answer


async def network_checks(company: Config, *, runs: bool) -> list[Check]:
    """All of them. `runs`: whether our own connector does."""
    clock = clock_of(company)
    try:
        keys = open_keys(company, clock.now())
    except ConnectorError:
        says = "without keys that open, nothing of it can be looked at"
        return [Check(name="identity", outcome="unchecked", says=says, fix="first mend the keys")]
    async with _Watching(allow_loopback=company.unsafe.allow_loopback_http) as http:
        resolver = resolver_of(company, http, clock)
        verifier = compose(company, MemoryStore(), http, keys, clock=clock).verifier
        held = HeldCredentials(company.path(company.held), company.did).look()
        asked = await asyncio.to_thread(_asked, company) if runs else []
        anew = partial(asked_anew, asked=asked, days=company.limits.renew_credentials_days)
        issuers = dict.fromkeys(did for listed in company.trusted_issuers.values() for did in listed if did != MEMBERS)
        looked = await asyncio.gather(
            _own_document(company, keys.own.methods(clock.now()), resolver, runs=runs),
            *(_issuer(Did(did), resolver) for did in issuers),
            *(_held(one, held, anew, resolver, verifier, now=clock.now()) for one in held),
        )
        nobody = [*_nobody(held=held, issuers=issuers), *_no_such_types(company)]
        return [*looked, *_certificate(company, http.ends, clock.now()), *nobody, *_clock(company, http.ahead)]


async def served(company: Config, methods: Sequence[OwnMethod], *, runs: bool) -> Check:
    """What peers find where our DID document should be."""
    async with GuardedClient(unsafe_allow_loopback=company.unsafe.allow_loopback_http) as http:
        return await _own_document(company, methods, resolver_of(company, http, clock_of(company)), runs=runs)


async def _own_document(company: Config, methods: Sequence[OwnMethod], resolver: Resolver, *, runs: bool) -> Check:
    name, url = "did", document_url(company.did, allow_http=company.unsafe.allow_loopback_http)
    ours = parse_document(did_document(company, methods, clock_of(company).now()))
    try:
        there = await resolver.did_document(company.did)
    except (PeerUnreachable, AddressBlocked) as error:
        if not runs:
            says = f"{url} was not reached, and no connector runs here: {error.detail}"
            return Check(name=name, outcome="unchecked", says=says, fix="battery-connector serve")
        says = f"{url} does not lead to this connector: {error.detail}"
        outcome: Outcome = "unchecked" if isinstance(error, AddressBlocked) else "bad"
        return Check(name=name, outcome=outcome, says=says, fix=f"look at DNS, proxy and firewall; {_OUTSIDE}")
    except ConnectorError as error:
        says = f"at {url} lies something else than our DID document: {error.detail}"
        return Check(name=name, outcome="bad", says=says, fix="have the proxy pass that path on to the connector")
    if different := _difference(ours, there):
        says = f"at {url} lies another DID document than this company's: {different}"
        return Check(name=name, outcome="bad", says=says, fix="restart what serves it, or publish the site anew")
    return good(name, f"{url} is our DID document")


def _difference(ours: DidDocument, served: DidDocument) -> str:
    """In which parts they differ."""
    here, there = ({one.id: one.jwk for one in each.methods.values()} for each in (ours, served))
    told = [f"the key {name} is not served" for name in here if name not in there]
    told += [f"the key {name} is not ours" for name in there if name not in here]
    told += [f"the key {name} is another one" for name in here if name in there and here[name] != there[name]]
    if not told and ours.relationships != served.relationships:
        told.append("the keys are listed under other relationships")
    if ours.services != served.services:
        told.append("the services differ")
    return "; ".join(told)


async def _issuer(did: Did, resolver: Resolver) -> Check:
    try:
        document = await resolver.did_document(did)
    except Refused as error:
        return wrong(f"issuer {did}", error, "its document is not what it should be: tell the issuer")
    except (CannotCheck, AddressBlocked) as error:
        return wrong(f"issuer {did}", error, f"try again later; {_OUTSIDE}", "unchecked")
    usable = [key_id for key_id in document.relationships["assertionMethod"] if _signs(document, key_id)]
    if not usable:
        says = "its DID document has no key under assertionMethod that is used here: nothing of it can be verified"
        return Check(name=f"issuer {did}", outcome="bad", says=says, fix="ask the issuer for an Ed25519 or P-256 key")
    return good(f"issuer {did}", f"its DID document can be had; keys for credentials: {len(usable)}")


def _signs(document: DidDocument, key_id: str) -> bool:
    try:
        key_for(document, key_id, "assertionMethod")
    except Refused:
        return False
    return True


def _asked(company: Config) -> list[JsonObject]:
    """What the connector that runs has asked issuers for."""
    with suppress(ConnectorError):  # the check of the connector tells why
        management = Management(company.listen.management_port, secret(MANAGEMENT_TOKEN_VARIABLE, company))
        pages = management.pages("/v1/credential-requests")
        return [one for page in pages for one in objects_in(page["requests"])]
    return []


async def _held(
    one: Held, held: Sequence[Held], anew_for: Callable[..., Trouble], resolver: Resolver, verifier: Verifier, *,
    now: datetime,
) -> Check:  # fmt: skip
    """A credential of ours as peers will judge it, but for whom they trust."""
    name = f"held {one.path.name}"
    if one.problem:
        says = f"{one.path} {one.problem}"
        return Check(name=name, outcome="bad", says=says, fix="put the credential there as its issuer gave it")
    credential = parse_credential(one.octets)
    later = [each for each in held if each.shown and renewed(credential, [parse_credential(each.octets)])]
    if runs_out(credential, now):
        for each in later:
            if await _wrong_step(each.octets, verifier, now) is None:
                return good(name, f"{good_until(credential)}; a later one is held, so this file may go")
    anew = anew_for(credential, digest_multibase(one.octets), now=now)
    if step := await _wrong_step(one.octets, verifier, now):
        return _not_good(name, step, anew)
    says = good_until(credential) + await _status_age(one.octets, resolver)
    if not runs_out(credential, now):
        return good(name, says)
    if later:
        fix = f"keep it: {later[0].path.name}, which is good for longer, does not count now, as its own check says"
        return Check(name=name, outcome="warning", says=says, fix=fix)
    return Check(name=name, outcome="warning", says=says + anew.says, fix=anew.do)


async def _wrong_step(octets: bytes, verifier: Verifier, now: datetime) -> Step | None:
    """Why peers would not take it now, whomever they trust."""
    for step in (await verifier.verify(octets, now)).checks:
        if step.name not in {"trust", "shape"} and step.outcome in {"failed", "unchecked"}:
            return step
    return None


def _not_good(name: str, step: Step, anew: Trouble) -> Check:
    says = f"{step.name}: {step.code or step.outcome}: {step.detail}"
    if step.outcome == "unchecked":
        return Check(name=name, outcome="unchecked", says=says, fix="try again; peers cannot check it now either")
    fix = anew.do if anew.says else RENEW
    return Check(name=name, outcome="bad", says=says + anew.says, fix=f"peers refuse it: {fix}")


async def _status_age(octets: bytes, resolver: Resolver) -> str:
    """How old its oldest status list is; the lists themselves were verified with the credential."""
    listed = [parse_credential(await resolver.status_list(url)).valid_from for url in needs(octets).status_lists]
    signed = min((one for one in listed if one is not None), default=None)
    return f"; its status list was signed at {time_text(signed)}" if signed else ""


def _nobody(*, held: list[Held], issuers: dict[str, None]) -> Iterator[Check]:
    if not held:
        says = "there is no credential of ours to show: peers that ask for a membership refuse us"
        yield Check(name="held", outcome="warning", says=says, fix="put it into the folder `held` as a *.jwt")
    if not issuers:
        says = "nobody is trusted: no credential of a peer counts"
        yield Check(name="issuers", outcome="warning", says=says, fix="name whom to believe under [trusted_issuers]")


def _no_such_types(company: Config) -> Iterator[Check]:
    """Types that are probably misspelt; other dataspaces have types of their own."""
    known = load_bundle().shapes.records
    for name in company.trusted_issuers:
        near = get_close_matches(name, known, n=1, cutoff=0.85)
        if name not in known and near:
            says = f"[trusted_issuers] has {name}, which is no type of the vocabulary"
            yield Check(name="issuers", outcome="warning", says=says, fix=f"is it {near[0]}?")


def _certificate(company: Config, ends: dict[str, datetime], now: datetime) -> Iterator[Check]:
    """Of our own address: at its end no peer reaches us, from one minute to the next."""
    host = str(urlsplit(company.public_url).hostname)
    if host not in ends:
        return
    says = sentence(host, ends[host], now)
    if ends_soon(ends[host], now):
        fix = "renew it where TLS ends (the proxy), and look why that did not happen by itself"
        yield Check(name="certificate", outcome="warning", says=says, fix=fix)
    else:
        yield good("certificate", says)


def _clock(company: Config, ahead: dict[str, float]) -> Iterator[Check]:
    """Ours against the middle of others'. HTTP tells whole seconds."""
    others = [seconds for host, seconds in ahead.items() if host != urlsplit(company.public_url).netloc]
    if not others:
        return
    skew, leeway = statistics.median(others), company.limits.clock_leeway_seconds
    says = f"it is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} what other machines say"
    if abs(skew) <= leeway:
        yield good("clock", says)
    else:
        fix = "have the machine's clock set by NTP: peers refuse tokens from another time"
        yield Check(name="clock", outcome="bad", says=f"{says}; {leeway} s are borne", fix=fix)
