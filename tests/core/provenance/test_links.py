"""Relations of links: the walk knows what each of the vocabulary's means."""

from pathlib import Path

from connector.provenance.links import BOOKS, LINEAGE, PROOFS
from connector.vocabulary.bundle import load_bundle


def test_every_link_of_the_vocabulary_has_a_meaning() -> None:
    """A term that holds a link is lineage, proof or books; `link` stands within what an event took or gave."""
    terms = load_bundle(Path("vocab")).terms
    held = {term.name for term in terms.properties if term.range.name == "UpstreamLink"}
    assert held - {"link"} == (LINEAGE - {"input", "moved"}) | PROOFS | BOOKS
    assert not LINEAGE & PROOFS
    assert not (LINEAGE | PROOFS) & BOOKS
