"""The catalogue: offer ids, datasets and pages as we send them, and finding one's way in a peer's.

An offer's id names the dataset and the digest of its policy, so an id that comes back says exactly which policy was
seen, and an offer that was changed since is recognised. To peers the id is opaque. Who may see which dataset is decided
before (policy/, exchange/offer). DSP 2025-1, Catalog Protocol and its HTTPS binding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector.model import Json, JsonObject
from connector.protocol.catalog_query import RECORD_TYPE
from connector.protocol.contexts import DSP_CONTEXT
from connector.protocol.messages import Catalog, DataService

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The data service that every distribution points to. `endpoint` is the versioned base URL."""

    service_id: str
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A dataset that the caller may see, with at least one offer."""

    dataset_id: str
    title: str
    record_types: tuple[str, ...]
    formats: tuple[str, ...]
    offers: tuple[JsonObject, ...]


def offer_id(dataset_id: str, policy_digest: str) -> str:
    """The id under which a dataset is offered under a policy."""
    return f"{dataset_id}#{policy_digest}"


def offer(dataset_id: str, policy_digest: str, rules: JsonObject) -> JsonObject:
    """An offer inside a dataset: without target, the dataset is meant. `rules`: in the form that is sent."""
    return {"@id": offer_id(dataset_id, policy_digest), "@type": "Offer", **rules}


def dataset(offered: Offered, service: Service) -> JsonObject:
    """A dataset inside a catalogue."""
    access: JsonObject = _service(service)
    distributions: list[Json] = [
        {"@type": "Distribution", "format": name, "accessService": access} for name in offered.formats
    ]
    return {
        "@id": offered.dataset_id,
        "@type": "Dataset",
        "dct:title": offered.title,
        RECORD_TYPE: [*offered.record_types],
        "hasPolicy": [*offered.offers],
        "distribution": distributions,
    }


def root_dataset(offered: Offered, service: Service) -> JsonObject:
    """The answer to a dataset request."""
    return {"@context": [DSP_CONTEXT], **dataset(offered, service)}


def catalog_page(catalog_id: str, participant_id: str, offered: Sequence[Offered], service: Service) -> JsonObject:
    """The answer to a catalogue request. An array that would be empty is left out, as the schema asks."""
    page: JsonObject = {
        "@context": [DSP_CONTEXT],
        "@id": catalog_id,
        "@type": "Catalog",
        "participantId": participant_id,
        "service": [_service(service)],
    }
    listed: list[Json] = [dataset(each, service) for each in offered]
    return {**page, "dataset": listed} if listed else page


def link_header(*, following: str | None = None, previous: str | None = None) -> str:
    """The value of `Link` for a page, or an empty string where there is no other page."""
    pairs = (("next", following), ("previous", previous))
    return ", ".join(f'<{url}>; rel="{rel}"' for rel, url in pairs if url is not None)


def read_links(header: str) -> dict[str, str]:
    """Relation -> URL of a `Link` header (RFC 8288). A real EDC says `prev`; it is read as `previous`."""
    links: dict[str, str] = {}
    for url, parameters in _LINK.findall(header):
        relation = _REL.search(parameters)
        for word in (relation.group(1) or relation.group(2) or "").lower().split() if relation else ():
            links.setdefault("previous" if word == "prev" else word, url)
    return links


def address_of(catalog: Catalog) -> str | None:
    """The versioned address at which a nested catalogue is asked for, where it is not given in place.

    It is that of its data service, or of the service behind its distribution (DSP 2025-1, 6.1.1; a real EDC does so).
    """
    services = [*(catalog.service or ()), *(one.access_service for one in catalog.distribution or ())]
    return next((one.endpoint_url.rstrip("/") for one in services if isinstance(one, DataService)), None)


def _service(service: Service) -> JsonObject:
    return {"@id": service.service_id, "@type": "DataService", "endpointURL": service.endpoint}
