"""The table of headings: the shipped one is held against the terms, a wrong row is refused with its line."""

from __future__ import annotations

import pytest

from connector.errors import BadInput
from connector.vocabulary.bundle import load_bundle, load_headings
from connector.vocabulary.headings import read_headings

HEADER = "heading,kind,says\n"


def test_the_shipped_table() -> None:
    """SAP's names in capitals, words of four languages; the likeliest meaning first."""
    headings = load_headings()
    assert headings.fields["CHARG"] == ("scheme:lotNumber",)
    assert headings.fields["HSDAT"] == ("productionDate", "manufacturingDate")
    assert headings.words["Nettogewicht"][0] == headings.words["poids net"][0] == "netMass"
    assert all(name == name.upper() for name in (*headings.fields, *headings.systems))
    assert not headings.fields.keys() & headings.systems.keys()


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("heading,says\nX,netMass\n", "exactly the columns"),
        (HEADER + "X,thing,netMass\n", "no such kind"),
        (HEADER + "X,field,netMass\nX,field,mass\n", "second row"),
        (HEADER + "X,word,\n", "no meaning"),
        (HEADER + "X,word,netMas\n", "'netMas' is no term"),
        (HEADER + "X,word,footprint.netMas\n", "'footprint.netMas' is no term"),
        (HEADER + "X,word,netMas?\n", "'netMas' is no term"),
        (HEADER + "X,word,-;netMass\n", "'-' is no term"),
        (HEADER + "X,word,scheme:lot\n", "'scheme:lot' is no term"),
    ],
)
def test_a_wrong_row_is_refused(table: str, told: str) -> None:
    """Kinds, doubles, and names that the vocabulary does not know."""
    with pytest.raises(BadInput, match=told):
        read_headings(table.encode(), load_bundle().terms)
