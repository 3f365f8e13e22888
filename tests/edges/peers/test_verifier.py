"""The verifier: what is asked of whom, and what is not, because whoever hands a credential over chose the address."""

from __future__ import annotations

from datetime import UTC, datetime

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


def signed(payload: JsonObject, signer: MemorySigner) -> bytes:
    """A credential as this key signs it."""
    unsigned = issue.prepare(payload, key_id=signer.key_id, alg=signer.alg)
    return issue.attach(unsigned, signer.sign_now(unsigned)).octets


def permit(signer: MemorySigner) -> bytes:
    """A permit with a status entry."""
    status = StatusEntry(purpose="revocation", index=7, list_url=STATUS)
    payload = credential_payload(
        context=CONTEXT, credential_type="MinePermit", issuer=ISSUER, valid_from=NOW, subject={"id": "urn:x"},
        status=status,
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


async def test_who_asks_by_hand_is_told_everything(web: Web) -> None:
    """`credential verify` and audits tell a forgery of a stranger's from what a stranger signed."""
    asked = verifier(web)
    assert (await asked.verify(permit(KEY), NOW)).outcome() == "issuer-not-anchored"
    assert (await asked.verify(permit(FORGER), NOW)).outcome() == "bad-signature"
