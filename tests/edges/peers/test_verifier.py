"""The verifier: what is asked of whom, and what is not, because whoever hands a credential over chose the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connector.credentials import issue, jose
from connector.credentials.datamodel import VC_CONTEXT, StatusEntry, credential_payload
from connector.credentials.did import MethodKey, build_document
from connector.credentials.status_list import changes_input, list_payload
from connector.exchange.ports import AuditAnswer
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, JsonObject
from connector.peers.resolver import Resolver
from connector.peers.verifier import FetchingVerifier
from tests.edges.peers.test_resolver import Clock, Web, quotas_of

NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
ISSUER = Did("did:web:issuer.example")
CONTEXT = "https://w3id.org/battery-connector/v1/context/1.0.0.jsonld"
DOCUMENT = "https://issuer.example/.well-known/did.json"
STATUS = "https://issuer.example/status/0"
KEY = signer_from_seed(b"issuer", "EdDSA", f"{ISSUER}#assertion-1")
FORGER = signer_from_seed(b"forger", "EdDSA", KEY.key_id)


class Alone:
    """Audit reads at nobody."""

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """Never asked."""
        raise AssertionError(f"{holder} was asked for {path}")


@dataclass
class Party:
    """Whose page lists this one credential."""

    octets: bytes

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """The page."""
        assert (holder, path) == (ISSUER, "party")
        return AuditAnswer(status=200, body=orjson.dumps({"credentials": [self.octets.decode()]}))


def signed(payload: JsonObject, signer: MemorySigner) -> bytes:
    """A credential as this key signs it."""
    unsigned = issue.prepare(payload, key_id=signer.key_id, alg=signer.alg)
    return issue.attach(unsigned, signer.sign_now(unsigned)).octets


def permit(signer: MemorySigner, purpose: str = "revocation") -> bytes:
    """A permit with a status entry."""
    status = StatusEntry(purpose=purpose, index=7, list_url=STATUS)
    payload = credential_payload(
        context=CONTEXT, credential_type="MinePermit", issuer=ISSUER, valid_from=NOW, subject={"id": "urn:x"},
        status=[status],
    )  # fmt: skip
    return signed(payload, signer)


@pytest.fixture
def web() -> Web:
    """The issuer's site."""
    made = Web()
    key = MethodKey(key_id=KEY.key_id, public_jwk=KEY.public_jwk)
    made.put(DOCUMENT, orjson.dumps(build_document(ISSUER, assertion=[key], authentication=[], services=[])))
    listed = list_payload(url=STATUS, issuer=ISSUER, indices=(), valid_from=NOW, valid_until=NOW.replace(year=2028))
    made.put(STATUS, signed(listed, KEY))
    changes = changes_input(list_url=STATUS, key_id=KEY.key_id, alg=KEY.alg, now=NOW, changes=())
    made.put(f"{STATUS}/changes", jose.attach(changes, KEY.sign_now(changes)))
    return made


def verifier(web: Web, *trusted: Did) -> FetchingVerifier:
    """A verifier that trusts these for permits."""
    clock = Clock(NOW)
    return FetchingVerifier(
        resolver=Resolver(http=web, clock=clock, quotas=quotas_of(clock)), clock=clock, reads=Alone(),
        contexts=(VC_CONTEXT, CONTEXT), check_shape=lambda _kind, _document: [],
        trusted_issuers={"MinePermit": trusted},
    )  # fmt: skip


async def test_a_good_credential_is_looked_into(web: Web) -> None:
    """Document, list and changes, and it is valid."""
    report = await verifier(web, ISSUER).verify(permit(KEY), NOW, trusted_only=True)
    assert report.verdict == "valid", report
    assert sorted(web.asked) == sorted([DOCUMENT, STATUS, f"{STATUS}/changes"])


class Ticking:
    """A clock that moves whenever somebody looks."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        """A second later."""
        self.time += timedelta(seconds=1)
        return self.time


@pytest.mark.parametrize(
    ("purpose", "indices", "now", "before"),
    [
        ("revocation", (7,), "revoked", "unchecked"),
        ("suspension", (7,), "suspended", "unchecked"),
        ("suspension", (), "verified", "unchecked"),
        ("revocation", (), "verified", "verified"),
    ],
)
async def test_a_list_without_changes_speaks_for_now_however_long_it_took_to_come(
    web: Web, purpose: str, indices: tuple[int, ...], now: str, before: str
) -> None:
    """Most issuers have lists alone: their word for now must not be lost because time goes on while we ask."""
    listed = list_payload(
        url=STATUS, issuer=ISSUER, indices=indices, valid_from=NOW, valid_until=NOW.replace(year=2028), purpose=purpose
    )
    web.put(STATUS, signed(listed, KEY))
    web.put(f"{STATUS}/changes", b"", 404)
    asked = replace(verifier(web, ISSUER), clock=Ticking())
    octets = permit(KEY, purpose)
    assert (await asked.verify(octets)).outcome() == now
    assert (await asked.verify(octets, NOW)).outcome() == before


async def test_nothing_is_fetched_of_an_issuer_whom_nobody_trusts(web: Web) -> None:
    """Handed over by a peer, it gets the word that it would get anyway, and no address in it is asked."""
    report = await verifier(web).verify(permit(KEY), NOW, trusted_only=True)
    assert (report.verdict, report.outcome()) == ("invalid", "issuer-not-anchored")
    assert {check.name: check.outcome for check in report.checks}["key"] == "skipped"
    assert web.asked == []


async def test_a_status_list_is_asked_for_by_who_signed_alone(web: Web) -> None:
    """Anybody can write a trusted issuer's name above an address of their own."""
    report = await verifier(web, ISSUER).verify(permit(FORGER), NOW, trusted_only=True)
    assert (report.verdict, report.outcome()) == ("invalid", "bad-signature")
    assert web.asked == [DOCUMENT]


async def test_a_membership_with_a_proof_inside_makes_no_member(web: Web) -> None:
    """What DCP shows are compact tokens: the page of a party is no way round that."""
    payload = credential_payload(
        context=CONTEXT, credential_type="MembershipCredential", issuer=ISSUER, valid_from=NOW,
        subject={"id": ISSUER, "type": "Party"},
    )  # fmt: skip
    proved = issue.prepare_proof(payload, key_id=KEY.key_id, alg=KEY.alg, created=NOW)
    forms = {True: signed(payload, KEY), False: issue.attach_proof(proved, KEY.sign_now(proved.message)).octets}
    for member, octets in forms.items():
        asked = verifier(web)
        asked.trusted_issuers = {"MinePermit": ("members",), "MembershipCredential": (ISSUER,)}
        asked.reads = Party(octets)
        assert (await asked.verify(permit(KEY), NOW)).verdict == ("valid" if member else "invalid")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(401, "indeterminate"), (429, "indeterminate"), (503, "indeterminate"), (403, "invalid"), (404, "invalid")],
)
async def test_a_party_that_does_not_know_us_or_is_busy_may_be_a_member(web: Web, status: int, verdict: str) -> None:
    """It could not be checked; who says nothing to everybody shows no membership."""

    class Silent:
        async def read(self, holder: Did, path: str) -> AuditAnswer:
            return AuditAnswer(status=status)

    asked = verifier(web)
    asked.trusted_issuers = {"MinePermit": ("members",), "MembershipCredential": (ISSUER,)}
    asked.reads = Silent()
    assert (await asked.verify(permit(KEY), NOW)).verdict == verdict


async def test_who_asks_by_hand_is_told_everything(web: Web) -> None:
    """`credential verify` and audits tell a forgery of a stranger's from what a stranger signed."""
    asked = verifier(web)
    assert (await asked.verify(permit(KEY), NOW)).outcome() == "issuer-not-anchored"
    assert (await asked.verify(permit(FORGER), NOW)).outcome() == "bad-signature"
