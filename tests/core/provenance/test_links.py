"""Relations of links: the walk knows what each of the vocabulary's means."""

from pathlib import Path

from connector.model import JsonObject
from connector.provenance.links import BOOKS, LINEAGE, PROOFS, find_links
from connector.vocabulary.bundle import load_bundle


def test_every_link_of_the_vocabulary_has_a_meaning() -> None:
    """A term that holds a link is lineage, proof or books; `link` stands within what an event took or gave."""
    terms = load_bundle(Path("vocab")).terms
    held = {term.name for term in terms.properties if term.range.name == "UpstreamLink"}
    assert held - {"link"} == (LINEAGE - {"input", "moved"}) | PROOFS | BOOKS
    assert not LINEAGE & PROOFS
    assert not (LINEAGE | PROOFS) & BOOKS


def test_a_version_is_written_in_plain_digits() -> None:
    """`int` reads other scripts' digits too; what is signed so names no version that anybody serves."""
    link: JsonObject = {"type": "UpstreamLink", "id": "urn:uuid:1", "recordVersion": "3", "digest": "zQ"}
    assert find_links({"input": link})
    assert not find_links({"input": {**link, "recordVersion": "\u0663"}})


def test_a_version_of_thousands_of_digits_ends_no_walk() -> None:
    """Python refuses to read such a number: a supplier would end the audits of all who are behind it."""
    link: JsonObject = {"type": "UpstreamLink", "id": "urn:uuid:1", "recordVersion": "9" * 5000, "digest": "zQ"}
    assert [one.id for one in find_links({"input": link})] == ["urn:uuid:1"]
