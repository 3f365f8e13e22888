"""What a party says about itself and its credentials: DID document, status lists, signed changes, as octets.

Served by a connector (`peers_face`), or written as files for a signer that takes part in no exchange and has only a
static web site (`credential issue --site`). DCP 1.0.1 section 4.2; Bitstring Status List 1.0; DESIGN section 3, Status.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson

from connector.credentials import jose, status_list
from connector.credentials.did import MethodKey, build_document, services_of
from connector.credentials.issue import prepare
from connector.model import Did
from connector.server.services import Services

_LIST_LIFETIME = timedelta(hours=24)
_SITE_LIFETIME = timedelta(days=365)


def did_document(services: Services) -> bytes:
    """Our DID document."""
    did, url = Did(services.config.did), services.config.public_url
    document = build_document(
        did,
        assertion=[MethodKey(key_id=services.assertion.key_id, public_jwk=services.assertion.public_jwk)],
        authentication=[
            MethodKey(key_id=services.authentication.key_id, public_jwk=services.authentication.public_jwk)
        ],
        services=services_of(
            did, data=f"{url}/.well-known/dspace-version", credentials=f"{url}/dcp", audit=f"{url}/audit"
        ),
    )
    return orjson.dumps(document)


async def status_octets(services: Services, number: int, *, site: bool = False) -> bytes:
    """The status list credential: what is set now. One of a static site is good for a year, or until written anew."""
    now, signer = services.clock.now(), services.assertion
    indices = await services.store.status_bits(services.config.tenant, number, now=int(now.timestamp() * 1_000_000))
    payload = status_list.list_payload(
        url=list_url(services, number), issuer=Did(services.config.did), indices=indices, valid_from=now,
        valid_until=now + (_SITE_LIFETIME if site else _LIST_LIFETIME),
    )  # fmt: skip
    unsigned = prepare(payload, key_id=signer.key_id, alg=signer.alg)
    return jose.attach(unsigned, await signer.sign(unsigned))


async def changes_octets(services: Services, number: int) -> bytes:
    """The signed changes of a list with their effective times."""
    rows = await services.store.status_changes(services.config.tenant, number)
    signer = services.assertion
    changes = [
        status_list.Change(
            digest=row.digest, index=row.index, purpose=row.purpose, reason=row.reason,
            effective=datetime.fromtimestamp(row.effective / 1_000_000, UTC),
        )
        for row in rows
    ]  # fmt: skip
    unsigned = status_list.changes_input(
        list_url=list_url(services, number), changes=changes, now=services.clock.now(), key_id=signer.key_id,
        alg=signer.alg,
    )  # fmt: skip
    return jose.attach(unsigned, await signer.sign(unsigned))


def list_url(services: Services, number: int) -> str:
    """The address of one of our status lists."""
    return f"{services.config.public_url}/status/{number}"
