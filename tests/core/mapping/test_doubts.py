"""Columns that read well and could mean something else are told once, and only where something speaks for it."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pytest
from openpyxl import Workbook

from connector import mapping
from connector.errors import BadPlan
from connector.mapping.doubts import sentence
from connector.mapping.engine import Result, run
from connector.mapping.exports import DOUBTS
from connector.mapping.workbook import opened
from connector.model import Finding, Place
from tests.core.mapping.trial import CSV, file, mint, plan_of, workbook

TODAY = "2026-11-30"


def judged(lines: list[str], *, date: str = "", locale: str = "de", delimiter: str = ";") -> Result:
    """A column of dates, or one or two of masses, without a header of its own."""
    source = CSV.replace('";"', f'"{delimiter}"').replace("locale: de", f"locale: {locale}")
    document = f'productionDate: {{from: A, date: "{date}"}}' if date else "netMass: {from: A, unit: KGM}"
    document += "\ngrossMass: {from: B, unit: KGM}" if delimiter in lines[0] else ""
    rows = [f"L{number}{delimiter}{line}" for number, line in enumerate(lines)]
    data = "\n".join([delimiter.join(["LOT", "A", "B"][: rows[0].count(delimiter) + 1]), *rows]).encode()
    plan = plan_of(f"lots: {source}}}", document)
    return run(plan, {"lots": [file("lots.csv", data)]}, mint=mint, today=TODAY)


@pytest.mark.parametrize(
    ("date", "days", "said"),
    [
        ("%d/%m/%Y", ["03/04/2026", "03/25/2026", "04/02/2026"], "all its dates fit %m/%d/%Y, 1 of them"),
        ("%m/%d/%Y", ["03/04/2026", "25/03/2026"], "all its dates fit %d/%m/%Y, 1 of them (the first: `25/03/2026`)"),
        ("%d.%m.%Y", ["11.12.2026", "10.02.2026"], "read the plan's way some are still to come"),
        ("%d/%m/%Y", ["03/01/2025", "03/05/2025", "03/12/2025"], "which lie closer together"),
        (
            "%d/%m/%Y",
            ["03/01/2025", "01/02/2025", "03/05/2025", "03/12/2025"],
            "as %m/%d/%Y from 2025-01-02 to 2025-03-12",
        ),
        ("%d/%m/%Y", ["03/25/2026", "n/a", "04/02/2026"], "all its dates fit %m/%d/%Y"),
        (
            "%d/%m/%Y",
            ["03/25/2026", "04/02/2026", "05/02/2026"],
            "that alone; 2 others fit the plan's %d/%m/%Y too, and",
        ),
        (
            "%d/%m/%Y",
            ["03/25/2026", "04/26/2026"],
            "2 of them (the first: `03/25/2026`) that alone; none fits the plan's",
        ),
    ],
)
def test_day_and_month_changed_over_is_told_once(date: str, days: list[str], said: str) -> None:
    """With what speaks for it, and the format that the plan would say."""
    (doubt,) = judged(days, date=date).doubts
    assert (doubt.code, doubt.place.source, doubt.place.column) == ("doubtful-date", "lots.csv", "A")
    assert said in doubt.message
    accept = "; if it is as it should be, `accept: [doubtful-date]` at the source `lots` ends this"
    assert doubt.hint.endswith(f'"{date.translate(str.maketrans("dm", "md"))}"{accept}')
    assert sentence(doubt).startswith("lots.csv, A: ")


@pytest.mark.parametrize(
    ("date", "days"),
    [
        ("%d/%m/%Y", ["03/04/2026", "25/03/2026", "03/12/2026"]),  # one cell settles it
        ("%d.%m.%Y", ["01.01.2026", "01.02.2026", "01.03.2026", "01.11.2026"]),  # the first of each month
        ("%d.%m.%Y", ["05.03.2026", "07.06.2026", "06.09.2026"]),  # nothing speaks for either
        ("%d/%m/%Y", ["03/01/2025", "03/12/2025"]),  # two are too few to be close together
        ("%d.%m.%Y", ["11.12.26", "10.02.26"]),  # of another form altogether
        ("%d.%m.%Y", ["11.12.2027", "10.02.2027"]),  # to come in either order
        ("%d/%m/%Y", ["03/25/2026", "25/03/2026"]),  # told row by row: neither order fits all
        ("iso", ["2026-03-01", "2026-03-05", "2026-03-12"]),
        ("sap", ["20260301", "20260305", "20260312"]),
    ],
)
def test_dates_without_a_reason_are_not_doubted(date: str, days: list[str]) -> None:
    """Most columns have a day above twelve; the others need something that speaks against them."""
    assert judged(days, date=date).doubts == ()


def test_times_are_judged_by_their_days() -> None:
    """With a zone, over whatever hours."""
    when = 'productionDate: {from: A, datetime: "%d/%m/%Y %H:%M", zone: Europe/Berlin}'
    data = b"LOT;A\nL1;03/04/2026 08:00\nL2;03/25/2026 08:00\n"
    result = run(plan_of(f"lots: {CSV}}}", when), {"lots": [file("lots.csv", data)]}, mint=mint)
    assert [doubt.code for doubt in result.doubts] == ["doubtful-date"]
    assert '"%m/%d/%Y %H:%M"' in result.doubts[0].hint


@pytest.mark.parametrize(
    ("locale", "delimiter", "numbers", "assumed", "other"),
    [
        ("de", ";", ["1.234", "12.500"], "reads 1234, so these are thousands; they could be decimals", "en"),
        ("de", ";", ["-1.234", "1000"], "reads -1234, so these are thousands; they could be decimals", "en"),
        ("en", ";", ["1,234", "12,500"], "reads 1234, so these are thousands; they could be decimals", "de"),
        ("plain", ";", ["1.234", "12.500"], "reads 1.234, so these are decimals; they could be thousands", "de"),
        ("de", "|", ["1,234", "950"], "reads 1.234, so these are decimals; they could be thousands", "en"),
    ],
)
def test_three_digits_behind_the_only_mark_are_told_once(
    locale: str, delimiter: str, numbers: list[str], assumed: str, other: str
) -> None:
    """With what the plan assumed, and what it would say otherwise; the rows stand."""
    result = judged(numbers, locale=locale, delimiter=delimiter)
    assert (result.documents, result.findings) == (2, ())
    (doubt,) = result.doubts
    assert (doubt.code, doubt.place.value) == ("doubtful-number", numbers[0])
    assert (doubt.place.source, doubt.place.column) == ("lots.csv", "A")
    assert assumed in doubt.message
    assert f"the plan says locale: {other}; if it is right, a `min` or `max`" in doubt.hint


def test_bounds_that_rule_out_the_other_reading_settle_it() -> None:
    """So that who has looked can say so in the plan; others do not."""
    source = f"lots: {CSV}}}"
    given = {"lots": [file("lots.csv", b"LOT;A\nL1;1.234\n")]}
    for bounds, told in (('min: "1.235"', 0), ('min: "1.234"', 1), ('min: "0"', 1), ('max: "5000"', 1)):
        plan = plan_of(source, f"netMass: {{from: A, unit: KGM, {bounds}}}")
        assert len(run(plan, given, mint=mint).doubts) == told, bounds
    given = {"lots": [file("lots.csv", b"LOT;A;B\nL1;1.234;5.678\n")]}
    for bounds, told in (('max: "1233"', 1), ('max: "1234"', 2)):  # the column beside it is another question
        plan = plan_of(
            source.replace("locale: de", "locale: plain"),
            f"netMass: {{from: A, unit: KGM, {bounds}}}\ngrossMass: {{from: B, unit: KGM}}",
        )
        assert len(run(plan, given, mint=mint).doubts) == told, bounds


@pytest.mark.parametrize(("date", "day", "told"), [("%d.%m.%Y", "25.09.2026", 0), ("%d/%m/%Y", "25/09/2026", 1)])
def test_days_with_dots_say_that_a_comma_is_the_decimal_mark(date: str, day: str, told: int) -> None:
    """Who writes days so writes numbers so."""
    lots = CSV.replace('";"', '"|"')
    plan = plan_of(
        f"lots: {lots}}}",
        f'netMass: {{from: A, unit: KGM}}\nproductionDate: {{from: DAY, date: "{date}"}}',
    )
    given = [file("lots.csv", f"LOT|A|DAY\nL1|1,234|{day}\n".encode())]
    assert len(run(plan, {"lots": given}, mint=mint).doubts) == told


@pytest.mark.parametrize(
    ("locale", "delimiter", "numbers"),
    [
        ("de", ";", ["950,000", "75,760"]),  # SAP writes three places; semicolons are there because of the comma
        ("en", ",", ["950.000", "75.760"]),
        ("de", ";", ["1.234", "950", "12.500"]),  # below a thousand there is no mark, so the marks are thousands
        ("de", "|", ["1,234", "0,500"]),
        ("de", "|", ["1,234", "2.500,5"]),
        ("de", "|", ["1,234|0,5", "2,500|7"]),  # the other column says how this file writes numbers
        ("en", ";", ["1.25", "7"]),
        ("fr", "|", ["1 234", "2 500"]),
    ],
)
def test_numbers_that_something_settles_are_not_doubted(locale: str, delimiter: str, numbers: list[str]) -> None:
    """A cell, another column, or how the file is separated."""
    result = judged(numbers, locale=locale, delimiter=delimiter)
    assert result.findings == ()
    assert result.doubts == ()


def test_what_a_workbook_stores_as_numbers_and_dates_is_never_doubted() -> None:
    """Only text can be read in two ways."""
    source = "lots: {file: '*.xlsx', format: xlsx, locale: de, key: LOT}"
    document = 'netMass: {from: A, unit: KGM}\nproductionDate: {from: B, date: "%d/%m/%Y"}'
    day = dt.date(2026, 12, 3)  # still to come
    given = file("lots.xlsx", workbook([["LOT", "A", "B"], ["L1", 1.234, day]]))
    result = run(plan_of(source, document), {"lots": [given]}, mint=mint, today=TODAY)
    assert (result.documents, result.doubts) == (1, ())


def test_a_doubt_of_a_sheet_or_a_file_names_no_column() -> None:
    """Such as hidden rows; it stands among the warnings of `publish`."""
    place = Place(source="lots.xlsx", sheet="Lots")
    assert sentence(Finding(code="x", message="said", hint="do", place=place)) == "lots.xlsx, sheet Lots: said; do"
    assert (
        sentence(Finding(code="x", message="said", hint="do", place=Place(source="a", column="B"))) == "a, B: said; do"
    )


MERGED = "sheet: Data, locale: en, key: LOT"


def merged_and_hidden() -> bytes:
    """A sheet with cells that are merged over rows, and a hidden row."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = "Data"
    for row in (["LOT", "DAY", "A"], ["L1", "2026-09-11", 5], ["L2", None, 6]):
        page.append(row)
    page.merge_cells("B2:B3")
    page.row_dimensions[3].hidden = True
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("accepted", "told"),
    [
        ("[]", ["hidden-cells", "merged-cells"]),
        ("[merged-cells]", ["hidden-cells"]),
        ("[merged-cells, hidden-cells, join-missed]", []),
    ],
)
def test_a_doubt_that_the_plan_accepts_is_not_told(accepted: str, told: list[str]) -> None:
    """Of this source and code alone; what is wrong with a row is told as before."""
    lots = f'lots: {{file: "*", format: xlsx, {MERGED}, accept: {accepted}}}'
    other = f'other: {{file: "*", format: xlsx, {MERGED}}}'
    plan = plan_of(
        f"{lots}\n{other}",
        "productionDate: {from: DAY, date: iso, required: true}",
        "key: LOT\nlookup: {other: {on: LOT}}",
    )
    book = opened(file("lots.xlsx", merged_and_hidden()), "Data")
    result = run(plan, {"lots": [book], "other": [book]}, mint=mint)
    assert [doubt.code for doubt in result.doubts] == [*told, "hidden-cells", "merged-cells"]
    assert [doubt.hint.rpartition("; ")[2] for doubt in result.doubts[-2:]] == [
        f"if it is as it should be, `accept: [{code}]` at the source `other` ends this"
        for code in ("hidden-cells", "merged-cells")
    ]
    assert [finding.code for finding in result.findings] == ["empty-required"]


@pytest.mark.parametrize("code", ["hidden", "bad-number", "sheet-chosen"])
def test_a_plan_accepts_doubts_alone(code: str) -> None:
    """A word that is no doubt would silence nothing, and an error is none."""
    with pytest.raises(BadPlan) as refused:
        plan_of(f"lots: {CSV}, accept: [{code}]}}", "netMass: {from: A, unit: KGM}")
    assert f"`{code}` is none" in str(refused.value)
    assert refused.value.place == "line 6"


def test_every_doubt_that_can_be_accepted_is_told_in_the_readme() -> None:
    """The table of the words that findings carry."""
    text = Path(mapping.__file__).with_name("README.md").read_text("utf-8")
    assert [code for code in sorted(DOUBTS) if f"`{code}`" not in text] == []
