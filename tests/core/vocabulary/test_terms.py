"""The terms table: unique meanings, access and level per class, helpful refusals."""

import csv
import io
from pathlib import Path

import pytest

from connector.errors import BadInput
from connector.model import AccessClass, JsonObject, Level
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.terms import MODEL_OF, Term, read_terms

THING = {"name": "Thing", "kind": "class", "label_en": "thing", "definition_en": "A thing."}
KILOGRAM = {"name": "KGM", "kind": "code", "domain": "Unit", "unit": "kg", "quantity_kind": "Mass"}
TEXT = {"name": "a", "kind": "property", "domain": "Thing", "range": "xsd:string"}


def table(*rows: dict[str, str]) -> bytes:
    """A table with a class, a unit, and these rows."""
    out = io.StringIO()
    columns = Path("vocab/terms.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows([THING, KILOGRAM, *rows])
    return out.getvalue().encode()


def test_every_term_of_a_subject_has_one_access_class_and_one_level(bundle: Bundle) -> None:
    """No value of a record is without an audience."""
    for name, shape in bundle.shapes.records.items():
        for subject in shape.subjects if shape.kind == "record" else ():
            for term in shape.names:
                assert bundle.terms.access_class(subject, term, name) in AccessClass
                assert bundle.terms.level(subject, term, name) in Level


def test_each_iri_has_one_definition(bundle: Bundle) -> None:
    """Two rows may share a key, never an IRI."""
    iris = [term.iri for term in bundle.terms.properties] + [one.iri for one in bundle.terms.classes.values()]
    assert len(iris) == len(set(iris))


def test_a_battery_finds_the_terms_of_its_model(bundle: Bundle) -> None:
    """A mapped battery is flat; its level tells what is about the model."""
    assert bundle.terms.level("Battery", "batteryChemistry") is Level.MODEL
    assert bundle.terms.level("CellBatch", "batteryChemistry") is Level.ITEM
    assert bundle.terms.access_class("CellBatch", "batteryChemistry") is AccessClass.B2B


def test_access_may_differ_by_class_and_by_record_type(bundle: Bundle) -> None:
    """The identifier of a lot, of an event, of a permit are for different eyes."""
    terms = bundle.terms
    assert terms.access_class("MaterialLot", "identifier") is AccessClass.B2B
    assert terms.access_class("MakeEvent", "identifier") is AccessClass.ORGANISATION
    assert terms.access_class("Facility", "identifier", "FacilityRecord") is AccessClass.B2B
    assert terms.access_class("Facility", "identifier", "MinePermit") is AccessClass.PUBLIC


def test_the_story_has_terms_of_each_class(bundle: Bundle) -> None:
    """At least four terms of a battery in each class of the regulation."""
    counts = dict.fromkeys(AccessClass, 0)
    for term in bundle.shapes.records["BatteryPassport"].names:
        counts[bundle.terms.access_class("Battery", term, "BatteryPassport")] += 1
    assert min(counts[one] for one in list(AccessClass)[:4]) >= 4


def test_every_term_of_a_record_stands_in_an_example(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """No term is only a word: an example of each record type holds each of its terms."""
    for name, shape in bundle.shapes.records.items():
        assert [term for term in shape.names if term not in documents[name]] == [], name


def test_every_term_has_a_place(bundle: Bundle) -> None:
    """A term of a subject that no shape names could not be used."""
    shapes = bundle.shapes
    used = {(subject, name) for shape in shapes.records.values() for subject in shape.subjects for name in shape.names}
    used |= {(shape.name, name) for shape in shapes.nodes.values() for name in shape.names}
    used |= {("StatusChangeList", name) for name in shapes.records["StatusChangeList"].names}
    lost = [
        f"{domain}.{term.name}"
        for term in bundle.terms.properties
        for domain in term.domains
        if (domain, term.name) not in used and ("Battery", term.name) not in used and domain != "VerifiableCredential"
    ]
    assert lost == []


def test_near_names_help_with_a_typo(bundle: Bundle) -> None:
    """A mistyped term is refused with the names that look like it."""
    assert bundle.terms.near("batteryChemestry")[0] == "batteryChemistry"
    assert bundle.terms.near("rated")[:2] == ("ratedCapacity", "ratedEnergy")
    with pytest.raises(BadInput) as refused:
        bundle.terms.term("Battery", "ratedCapasity")
    assert "ratedCapacity" in refused.value.hint


def test_named_finds_every_meaning(bundle: Bundle) -> None:
    """`value` has two meanings, in a quantity and in an identifier."""
    found = [one for one in bundle.terms.named("value") if isinstance(one, Term)]
    assert [one.iri.partition("#")[2] for one in found] == ["value", "identifierValue"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"access": "B2C"}, "B2C"),
        ({"pattern": r"\d+"}, "from character 2"),
        ({"level": "lot"}, "lot"),
        ({"range": "text"}, "range"),
        ({"range": "class:Nothing"}, "Nothing"),
        ({"range": "code:Nothing"}, "Nothing"),
        ({"domain": "Nothing"}, "Nothing"),
        ({"unit": "XYZ", "quantity_kind": "Mass"}, "XYZ"),
        ({"unit": "UCUM:XYZ", "quantity_kind": "Mass"}, "XYZ"),
        ({"unit": "KGM", "quantity_kind": "Energy"}, "KGM measures Mass, not Energy"),
        ({"unit": "KGM"}, "KGM measures Mass, not nothing"),
        ({"kind": "thing"}, "kind"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused(change: dict[str, str], what: str) -> None:
    """The error names what is wrong."""
    assert read_terms(table(TEXT)).term("Thing", "a").range.name == "string"
    with pytest.raises(BadInput, match=what):
        read_terms(table(TEXT | change))


def test_a_class_is_a_kind_of_a_known_one() -> None:
    """Its `range` names the wider class."""
    wheel = {"name": "Wheel", "kind": "class", "range": "class:Thing"}
    assert read_terms(table(wheel)).classes["Wheel"].parent == "Thing"
    with pytest.raises(BadInput, match="Nothing"):
        read_terms(table(wheel | {"range": "class:Nothing"}))


def test_rows_and_cells_are_counted() -> None:
    """Two rows for one key of a class, and a row that is too short."""
    with pytest.raises(BadInput, match="two rows"):
        read_terms(table(TEXT, TEXT))
    with pytest.raises(BadInput, match="cells"):
        read_terms(table(TEXT) + b"b,property\n")


def test_other_columns_are_refused() -> None:
    """A table with a missing column is not read with guesses."""
    with pytest.raises(BadInput, match="columns"):
        read_terms(b"name,kind\n")


def test_no_key_is_both_of_an_item_and_of_its_model(bundle: Bundle) -> None:
    """Else nobody could say what the value is about."""
    for item, model in MODEL_OF.items():
        assert not bundle.terms.of(item).keys() & bundle.terms.of(model).keys()
