"""The catalogue as we write it, and finding one's way in a peer's."""

from __future__ import annotations

import pytest

from connector.model import JsonObject
from connector.protocol import catalog, compose
from connector.protocol import messages as m
from connector.vocabulary.admission import admit

SERVICE = catalog.Service(service_id="urn:s", endpoint="https://p.example/dsp/2025-1")
RULES: JsonObject = {"permission": [{"action": "use"}]}
OFFERED = catalog.Offered(
    dataset_id="urn:d:1", title="Lots", record_types=("MineralLotPassport",), formats=("HttpData-PULL",),
    offers=(catalog.offer("urn:d:1", "abc", RULES),),
)  # fmt: skip


def over_the_wire(document: JsonObject) -> JsonObject:
    return admit(compose.dump(document), 1 << 16)


def test_a_page_of_the_catalogue_is_read_by_the_strict_models() -> None:
    """Offers in a dataset have no target, an empty page has no array; name and types come back."""
    page = m.parse_as(m.RootCatalog, over_the_wire(catalog.catalog_page("urn:c", "did:web:p", [OFFERED], SERVICE)))
    (found,) = page.dataset or ()
    assert (found.id, found.has_policy[0].id) == ("urn:d:1", "urn:d:1#abc")
    assert (found.name, found.types) == ("Lots", ("MineralLotPassport",))
    written: JsonObject = {"@id": "urn:s", "@type": "DataService", "endpointURL": "https://p.example/dsp/2025-1"}
    assert catalog.catalog_page("urn:c", "did:web:p", [], SERVICE)["service"] == [written]
    assert catalog.dataset(OFFERED, SERVICE)["distribution"] == [
        {"@type": "Distribution", "format": "HttpData-PULL", "accessService": written}
    ]
    assert "dataset" not in catalog.catalog_page("urn:c", "did:web:p", [], SERVICE)
    alone = m.parse_as(m.RootDataset, over_the_wire(catalog.root_dataset(OFFERED, SERVICE)))
    assert alone.id == "urn:d:1"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"dct:title": "Lots"}, "Lots"),
        ({"edc:name": "x"}, "x"),
        ({"name": {"@value": "y", "@language": "en"}}, "y"),
        ({"dct:title": [{"@value": "z"}, "w"]}, "z"),
        ({"dct:title": 7}, ""),
        ({}, ""),
    ],
)
def test_a_dataset_is_called_as_its_provider_calls_it(said: JsonObject, name: str) -> None:
    """In any of the ways in which JSON-LD writes a text."""
    raw = {**catalog.dataset(OFFERED, SERVICE)}
    del raw["dct:title"]
    assert m.Dataset.model_validate({**raw, **said}).name == name


@pytest.mark.parametrize(
    ("parts", "address"),
    [
        ({"service": [{"@id": "s", "@type": "DataService", "endpointURL": "https://q/dsp/"}]}, "https://q/dsp"),
        (
            {
                "distribution": [
                    {"format": "x", "accessService": "s"},
                    {
                        "format": "x",
                        "accessService": {"@id": "s", "@type": "DataService", "endpointURL": "https://r/dsp"},
                    },
                ]
            },
            "https://r/dsp",
        ),
        ({}, None),
    ],
)
def test_a_nested_catalogue_says_where_it_is(parts: JsonObject, address: str | None) -> None:
    """By its service, or by the service of its distribution; one with neither is nowhere."""
    inner: JsonObject = {"@id": "urn:i", "@type": "Catalog", **parts}
    outer: JsonObject = {**catalog.catalog_page("urn:o", "did:web:b", [], SERVICE), "catalog": [inner]}
    (read,) = m.parse_as(m.RootCatalog, outer).catalog or ()
    assert catalog.address_of(read) == address


def test_links_between_pages() -> None:
    """What we write is read back; a real EDC says `prev`, and peers quote as they like."""
    header = catalog.link_header(following="https://p/?c=2", previous="https://p/?c=0")
    assert catalog.read_links(header) == {"next": "https://p/?c=2", "previous": "https://p/?c=0"}
    assert catalog.link_header() == ""
    assert catalog.read_links('<https://p/a,b;c>; title="x, y"; rel=prev') == {"previous": "https://p/a,b;c"}
    for broken in ("", "<>", "rel=next", "<https://p>; rel=", "<https://p", "<" * 5000):
        catalog.read_links(broken)
