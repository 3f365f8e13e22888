"""Numbers are read by the locale that the plan says, exactly, and never guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.numerals import LOCALES, numeral, plain, significant, spell_decimal, spelled_in
from connector.mapping.unfit import Unfit


@pytest.mark.parametrize(
    ("locale", "text", "number"),
    [
        ("de", "1.234,50", "1234.5"),
        ("de", "12.345.678,9", "12345678.9"),
        ("de", "1.234", "1234"),
        ("de", "-0,0", "0"),
        ("de", "007,5", "7.5"),
        ("de", "+5", "5"),
        ("de", "1,50-", "-1.5"),
        ("en", "1,234.5", "1234.5"),
        ("en", "1,234", "1234"),
        ("fr", "1 234,5", "1234.5"),
        ("fr", "1\u202f234\u202f567", "1234567"),
        ("ch", "1'234.50", "1234.5"),
        ("plain", "1234.50", "1234.5"),
        ("edi", "1234,50", "1234.5"),
        ("edi", "1234.5", "1234.5"),
        ("edi", "1.500", "1.5"),
    ],
)
def test_locales(locale: str, text: str, number: str) -> None:
    """Group and decimal marks are the locale's; zeros that say nothing are dropped."""
    assert numeral(locale, trailing_minus=True)(text) == number


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de", "1,234.5"), ("de", "1.23"), ("de", "0.123"), ("de", "12.34,5"), ("de", "1 234"), ("de", "1e5"),
        ("de", "1e309"), ("de", "½"), ("de", "\u0663"), ("de", "12 kg"), ("de", ""), ("de", "-"), ("de", ",5"),
        ("de", "5,"), ("de", "1..000"), ("de", "--5"), ("de", "-5-"), ("en", "1.234,5"), ("plain", "1,5"),
        ("plain", "NaN"), ("plain", "1" * 61), ("fr", "1 234\u00a0567"), ("de", "1,5\n"), ("de", "=1+1"),
    ],
)  # fmt: skip
def test_refused(locale: str, text: str) -> None:
    """What the locale does not write is refused, also where another locale would write it."""
    with pytest.raises(Unfit) as raised:
        numeral(locale, trailing_minus=True)(text)
    assert raised.value.code == "bad-number"


def test_trailing_minus_has_to_be_said() -> None:
    """A minus behind the number is read only where the plan says so."""
    with pytest.raises(Unfit, match="trailing minus"):
        numeral("de")("1,50-")


def test_the_hint_names_the_other_locale() -> None:
    """An English number in a German file is told as such."""
    with pytest.raises(Unfit) as raised:
        numeral("de")("1,234.5")
    assert raised.value.hint == "it looks like 1,234.5; is the locale en?"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_every_decimal_comes_back(value: Decimal) -> None:
    """Written in any locale, a decimal is read as itself."""
    for locale, groups, mark in ((name, groups, mark) for name, (groups, marks) in LOCALES.items() for mark in marks):
        written = f"{value:,f}" if groups else f"{value:f}"
        swapped = written.replace(",", "\0").replace(".", mark).replace("\0", groups[:1])
        read = numeral(locale)(swapped)
        assert Decimal(read) == value
        assert read == spell_decimal(value)


def test_machine_numbers() -> None:
    """Exponents of stored numbers are written out; what is out of range is refused."""
    assert plain("1.5E-7") == "0.00000015"
    assert plain("12.0") == "12"
    assert plain("-0.0") == "0"
    assert plain("1E+60") == f"1{'0' * 60}"
    for beyond in ("1e309", "1E+61", "1E-61", "NaN", "Infinity"):
        with pytest.raises(Unfit):
            plain(beyond)


def test_rounding() -> None:
    """Half to even, and three significant digits for uncertainties."""
    assert spell_decimal(Decimal("2.5"), 0) == "2"
    assert spell_decimal(Decimal("0.0015"), 3) == "0.002"
    assert spell_decimal(Decimal("0.0025"), 3) == "0.002"
    assert spell_decimal(Decimal("-0.0004"), 3) == "0"
    assert spell_decimal(Decimal("1" * 40 + ".0004"), 3) == "1" * 40
    assert spell_decimal(significant(Decimal("1234.5"))) == "1230"


def test_beyond_the_range_is_no_detection_limit() -> None:
    """`>1000` was told to say `below_detection`, which takes `<` alone."""
    for text, word in (("<5", "below_detection"), (">1000", "`null`")):
        with pytest.raises(Unfit) as refused:
            numeral("plain")(text)
        assert (refused.value.code, word in refused.value.hint) == ("bad-number", True)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("n.d.", "`null` lists those"),
        ("5 kg", "holds no unit"),
        ("5 µg", "holds no unit"),
        ("1\u00a0234,5", "locale fr"),
    ],
)
def test_a_word_in_place_of_a_number_is_told_what_to_do_about(cell: str, said: str) -> None:
    """What a laboratory writes where it measured nothing is no unit behind a number."""
    with pytest.raises(Unfit) as raised:
        numeral("de")(cell)
    assert said in raised.value.hint
    with pytest.raises(Unfit, match="digits that are not 0 to 9"):
        numeral("de")("١٢")


def test_sixty_characters_are_a_number_at_most() -> None:
    """In a column, and where `map suggest` asks whether a text could be one."""
    assert numeral("de")(f"{'1' * 58},5") == f"{'1' * 58}.5"
    assert (spelled_in("de", "1" * 60), spelled_in("de", "1" * 61), spelled_in("de", "1.5")) == (True, False, False)
