"""The exports of the story as files: what is committed is what the generator writes, and the written numbers add up."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from examples.mine_to_recycler.story.model import tell
from examples.mine_to_recycler.story.write import files

FOLDER = Path("examples/mine_to_recycler")
Cells = Mapping[str, str]
METALS = ("Ni", "Co", "Mn", "Li")


@pytest.fixture(scope="module")
def written() -> dict[str, bytes]:
    """The files of the smallest story."""
    return files(tell())


def test_the_committed_exports_are_the_generators(written: dict[str, bytes]) -> None:
    """Byte for byte, and there is no other file beside them."""
    committed = {
        str(path.relative_to(FOLDER)): path.read_bytes()
        for part in ("exports", "arrivals", "claims")
        for path in FOLDER.glob(f"*/{part}/**/*")
        if path.is_file()
    }
    assert sorted(committed) == sorted(written)
    assert [name for name, data in written.items() if committed[name] != data] == []


def test_the_generator_runs_as_a_script_with_any_python(tmp_path: Path) -> None:
    """Without site packages: standard library only."""
    dids = tmp_path / "dids.json"
    dids.write_text(json.dumps({"mine": "did:web:localhost%3A8101"}))
    command = [sys.executable, "-S", "-E", str(FOLDER / "generate.py"), "--items", "9", "--out", str(tmp_path / "x")]
    done = subprocess.run([*command, "--dids", str(dids)], capture_output=True, text=True, check=True)
    assert "9 batteries" in done.stdout
    assert "did:web:localhost%3A8101" in (tmp_path / "x/refiner/exports/parties.csv").read_text()
    assert len(json.loads((tmp_path / "x/car/arrivals/2027-03/Orders_01.json").read_bytes())["value"]) == 9


def test_a_tampered_assay_is_one_changed_value(written: dict[str, bytes]) -> None:
    """The fault adds one file, and in it one line differs from the honest export."""
    planted = files(tell(fault="tampered"))
    extra = set(planted) - set(written)
    assert extra == {"refiner/arrivals/tampered/LIMS_Sulfate_2026-09.csv"}
    assert all(planted[name] == data for name, data in written.items())
    honest = written["refiner/exports/LIMS_Sulfate_2026-09.csv"].splitlines()
    pairs = zip(honest, planted[extra.pop()].splitlines(), strict=True)
    changed = [(old, new) for old, new in pairs if old != new]
    assert len(changed) == 1
    assert changed[0][1].startswith(b"L26-3301;")


def test_the_inflated_story_differs_at_the_refiner_alone(written: dict[str, bytes]) -> None:
    """No export of another company changes."""
    planted = files(tell(fault="inflated"))
    assert {name.split("/")[0] for name in written if planted[name] != written[name]} == {"refiner"}


def test_long_exports_are_paged() -> None:
    """120 batteries are three pages; all but the last name the next one."""
    found = files(tell(120))
    pages = [json.loads(found[f"car/arrivals/2027-03/Orders_0{number}.json"]) for number in (1, 2, 3)]
    assert [len(page["value"]) for page in pages] == [50, 50, 20]
    assert ["@odata.nextLink" in page for page in pages] == [True, True, False]


def test_the_formats_have_their_quirks(written: dict[str, bytes]) -> None:
    """Code page, trailing minus, totals, a unit row, a value below detection, text with leading zeros."""
    movements = written["refiner/exports/MB51_20261102.csv"].decode("cp1252")
    assert "120,000-;KG" in movements
    assert movements.splitlines()[-1].startswith("*;")
    assert "Harjav\u00e4rvi".encode("cp1252") in written["refiner/exports/ZWERK_20261102.csv"]
    assays = written["mine/exports/LIMS_MHP_2026-07.csv"].decode().splitlines()
    assert assays[5].startswith(";;;;;;%;%")
    assert "<0,05" in assays[6]
    lots = openpyxl.load_workbook(BytesIO(written["mine/exports/production_2026-06_07.xlsx"]))["Lots"]
    assert [lots.cell(1, 1).value, lots.cell(2, 1).value] == ["Lot", "No"]
    assert lots.cell(3, 1).value == "000026070031"
    idoc = ET.fromstring(written["cathode/exports/DELVRY_in.xml"])
    assert idoc.findtext("IDOC/E1EDL20/E1EDL24/CHARG") == "NS26090014"


# --- the numbers as they are written


@pytest.mark.parametrize(
    ("company", "book"), [("mine", "production_2026-06_07.xlsx"), ("recycler", "Anlage_2026_Q3.xlsx")]
)
def test_workbooks_balance(written: dict[str, bytes], company: str, book: str) -> None:
    """Feed = product + losses, per campaign and metal, in the kilograms that stand in the cells."""
    sheets = {
        name: list(sheet_rows(written[f"{company}/exports/{book}"], name)) for name in ("Feed", "Product", "Losses")
    }
    assert_balanced("Campaign No", "{} kg", sheets["Feed"], sheets["Product"], sheets["Losses"])
    shares = list(sheet_rows(written[f"{company}/exports/{book}"], "Attribution"))
    assert_attributed(shares, ("Metal Symbol", "To Lot", "Mass kg"), sheets["Product"], ("Product Lot", "{} kg"))


def test_sap_lists_balance(written: dict[str, bytes]) -> None:
    """The same for the refiner's lists; the totals lines are left out, and are right."""
    lists = {name: list(sap_rows(written, name)) for name in ("ZEINSATZ", "ZAUSBEUTE", "ZVERLUST", "ZKONTO", "MB51")}
    assert_balanced("AUFNR", "{}_KG", lists["ZEINSATZ"], lists["ZAUSBEUTE"], lists["ZVERLUST"])
    assert_attributed(lists["ZKONTO"], ("METALL", "NACH_CHARG", "MASSE"), lists["ZAUSBEUTE"], ("CHARG", "{}_KG"))
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for row in lists["MB51"]:
        booked[row["CHARG"]] += kilograms(row["MENGE"])
    assert booked == {row["CHARG"]: kilograms(row["MENGE"]) for row in lists["ZAUSBEUTE"]}
    last = written["refiner/exports/MB51_20261102.csv"].decode("cp1252").splitlines()[-1].split(";")
    assert kilograms(last[5]) == sum(booked.values())


@pytest.mark.parametrize(
    "name",
    [
        "cathode/exports/Orders_01.json",
        "cell/exports/Orders_2608_01.json",
        "cell/arrivals/2027-01/Orders_2701_01.json",
        "car/arrivals/2027-03/Orders_01.json",
    ],
)
def test_services_balance(written: dict[str, bytes], name: str) -> None:
    """The same for the orders that come by OData."""
    for order in json.loads(written[name])["value"]:
        number = order["OrderNumber"]
        feed, product, losses = (
            [{**row, "Order": number} for row in order[part]] for part in ("to_Component", "to_Product", "to_Loss")
        )
        assert_balanced("Order", "{}Mass", feed, product, losses)
        assert_attributed(order["to_Attribution"], ("Metal", "ToBatch", "Mass"), product, ("Batch", "{}Mass"))


def sheet_rows(data: bytes, sheet: str) -> Iterator[Cells]:
    """Rows of a sheet under its two joined header rows."""
    upper, lower, *rows = openpyxl.load_workbook(BytesIO(data))[sheet].iter_rows(values_only=True)
    names, last = [], ""
    for high, low in zip(upper, lower, strict=True):
        last = str(high or last)
        names.append(f"{last} {low or ''}".strip())
    for row in rows:
        yield {name: "" if cell is None else str(cell) for name, cell in zip(names, row, strict=True)}


def sap_rows(written: Mapping[str, bytes], name: str) -> Iterator[Cells]:
    """Rows of one of the refiner's lists."""
    lines = written[f"refiner/exports/{name}_20261102.csv"].decode("cp1252").splitlines()
    header = lines[3].split(";")
    for line in lines[5:]:
        if line and not line.startswith("*"):
            yield dict(zip(header, line.split(";"), strict=True))


def kilograms(cell: str | None) -> Decimal:
    """A written mass, German or plain."""
    text = cell or "0"
    if "," in text:
        text = text.replace(".", "").replace(",", ".")
    return -Decimal(text[:-1]) if text.endswith("-") else Decimal(text)


def assert_balanced(key: str, column: str, feed: Iterable[Cells], *gone: Iterable[Cells]) -> None:
    """Feed less everything that went, per key and metal, is nothing."""
    left: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for sign, rows in ((1, feed), *((-1, rows) for rows in gone)):
        for row in rows:
            for metal in METALS:
                left[row[key], metal] += sign * kilograms(row.get(column.format(metal)))
    assert any(left), "there was something to balance"
    assert {place: gap for place, gap in left.items() if gap} == {}


def assert_attributed(
    shares: Iterable[Cells], names: tuple[str, str, str], products: Iterable[Cells], columns: tuple[str, str]
) -> None:
    """The shares of each output add up to what it contains."""
    metal_name, target, mass = names
    given: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in shares:
        given[row[target], row[metal_name]] += kilograms(row[mass])
    held = {
        (row[columns[0]], metal): kilograms(row.get(columns[1].format(metal))) for row in products for metal in METALS
    }
    assert dict(given) == {place: value for place, value in held.items() if value}
