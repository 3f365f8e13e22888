"""What a party says about itself and its credentials: DID document, status lists, signed changes, as octets.

Served by a connector (`peers_face`), or written as files for a signer that takes part in no exchange and has only a
static web site (`credential issue --site`). DCP 1.0.1 section 4.2; Bitstring Status List 1.0; DECISIONS, "Status has a
time".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson

from connector.config import Config
from connector.credentials import jose, status_list
from connector.credentials.did import build_document, services_of
from connector.credentials.issue import attach_proof, prepare, prepare_proof
from connector.credentials.own_methods import OwnMethod, published
from connector.credentials.securing import ENVELOPED, WITH_PROOF
from connector.credentials.signing import Signer
from connector.errors import NotFound
from connector.exchange.rows import StatusChangeRow
from connector.exchange.stored import micros
from connector.server.dsp import BASE
from connector.server.services import Services, Signed

_LIST_LIFETIME = timedelta(hours=24)
_SITE_LIFETIME = timedelta(days=365)
_KEPT = timedelta(minutes=1)
LIST_FORMS = (ENVELOPED, WITH_PROOF, "application/json", "application/ld+json")
"""Media types of a status list: as a token, which is what everybody gets who does not ask for another, and as JSON."""


def did_document(config: Config, methods: Sequence[OwnMethod], now: datetime) -> bytes:
    """Our DID document as it is now."""
    did, url = config.did, config.public_url
    document = build_document(
        did,
        assertion=published(methods, "assertionMethod", did, now),
        authentication=published(methods, "authentication", did, now),
        services=services_of(
            did,
            data=f"{url}/.well-known/dspace-version",
            catalog=f"{url}{BASE}/catalog",
            credentials=f"{url}/dcp",
            audit=f"{url}/audit",
            issuer=f"{url}/issuer" if config.issues else "",
        ),
    )
    return orjson.dumps(document)


async def status_octets(services: Services, number: int, *, purpose: str = "revocation", site: bool = False) -> bytes:
    """The status list credential of one purpose: what is set now. One of a static site is good for a year, or
    until written anew.

    Anybody may ask, so a list that did not change is signed once a minute at most, and one that was never used is not.
    """
    now, tenant = services.clock.now(), services.tenant
    await _check_used(services, number)
    rows = await services.store.status_changes(tenant, number)
    changes = ((row.index, row.purpose, row.effective) for row in rows)
    indices = tuple(status_list.set_at(changes, purpose, micros(now)))
    url, signer = list_url(services, number, purpose), services.keys.assertion(now)
    content = (signer.key_id, *indices)
    kept = _kept(services, url, content)
    if kept is None or site:
        until = now + (_SITE_LIFETIME if site else _LIST_LIFETIME)
        payload = status_list.list_payload(
            url=url, issuer=services.config.did, valid_from=now, valid_until=until, purpose=purpose,
            indices=(status_list.scattered(services.id_key, number, place) for place in indices),
        )  # fmt: skip
        unsigned = prepare(payload, key_id=signer.key_id, alg=signer.alg)
        kept = jose.attach(unsigned, await signer.sign(unsigned))
        services.signed[url] = Signed(content=content, until=now + _KEPT, octets=kept)
    return kept


async def list_with_proof(services: Services, url: str, token: bytes) -> bytes:
    """The list of this token as JSON with a proof inside, for who reads no tokens: it says the same, and nobody has to
    trust the way that it came. Signed once for each token.
    """
    place, now = f"{url} {WITH_PROOF}", services.clock.now()
    kept = _kept(services, place, (token,))
    if kept is None:
        document, signer = jose.parse(token, len(token)).claims(), services.keys.assertion(now)
        unproved = prepare_proof(document, key_id=signer.key_id, alg=signer.alg, created=now)
        kept = attach_proof(unproved, await signer.sign(unproved.message)).octets
        services.signed[place] = Signed(content=(token,), until=now + _KEPT, octets=kept)
    return kept


def _kept(services: Services, url: str, content: tuple[object, ...]) -> bytes | None:
    kept = services.signed.get(url)
    now = services.clock.now()  # it may have jumped back: what was signed before that is not valid yet
    good = kept is not None and kept.content == content and now < kept.until <= now + _KEPT
    return kept.octets if kept is not None and good else None


async def _check_used(services: Services, number: int) -> None:
    if number > await services.store.next_status_index(services.tenant) // status_list.LIST_BITS:
        raise NotFound("no such status list")


async def changes_octets(services: Services, number: int, *, purpose: str = "revocation") -> bytes:
    """The signed changes of a list with their effective times, signed anew as seldom as the list."""
    await _check_used(services, number)
    rows = tuple(await services.store.status_changes(services.tenant, number))
    now = services.clock.now()
    listed, signer = list_url(services, number, purpose), services.keys.assertion(now)
    url = status_list.changes_url(listed)
    content = (signer.key_id, *rows)
    kept = _kept(services, url, content)
    if kept is None:
        kept = await _sign_changes(services, number, listed, rows, signer)
        services.signed[url] = Signed(content=content, until=now + _KEPT, octets=kept)
    return kept


async def _sign_changes(
    services: Services, number: int, listed: str, rows: Sequence[StatusChangeRow], signer: Signer
) -> bytes:
    changes = [
        status_list.Change(
            digest=row.digest, purpose=row.purpose, reason=row.reason,
            index=status_list.scattered(services.id_key, number, row.index),
            effective=datetime.fromtimestamp(row.effective / 1_000_000, UTC),
        )
        for row in rows
    ]  # fmt: skip
    unsigned = status_list.changes_input(
        list_url=listed, changes=changes, now=services.clock.now(), key_id=signer.key_id, alg=signer.alg
    )  # fmt: skip
    return jose.attach(unsigned, await signer.sign(unsigned))


def list_url(services: Services, number: int, purpose: str) -> str:
    """The address of one of our status lists."""
    url = f"{services.config.public_url}/status/{number}"
    return url if purpose == "revocation" else status_list.suspension_url(url)
