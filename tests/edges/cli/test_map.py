"""`map` at the command line: answers and exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from connector.cli.map import app
from connector.cli.sheets import _csv, _grid
from connector.errors import BadInput
from connector.mapping.changes import State, read_state
from tests.commands import app as commands

RUN = CliRunner()
PLAN = """\
mapping: trial/1
record: MineralLotPassport
subject: MaterialLot
key: LOT
sources:
  lots: {file: "lots_*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, key: LOT}
identifiers:
  - {scheme: lotNumber, value: LOT}
document:
  materialType: =ore
  producedAt: {mint: Facility, key: =0100}
  productionDate: =2027-02-14
  netMass: {from: MENGE, unit: KGM}
  containedMetal:
    - {type: ContainedMetal, metal: =Ni, mass: {from: MENGE, unit: KGM}}
examples:
  - {name: good, given: {lots: [{LOT: "1", MENGE: "1,5"}]}, gives: {netMass: {value: "1.5"}}}
"""


def _company(tmp_path: Path, rows: str) -> Path:
    (tmp_path / "plans").mkdir()
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "lots_1.csv").write_text(f"LOT;MENGE\n{rows}")
    plan = tmp_path / "plans" / "lots.yaml"
    plan.write_text(PLAN)
    return plan


def test_run(tmp_path: Path) -> None:
    """Good rows become documents, one a line; without a config the ids are throw-away ones, and that is said."""
    plan, out = _company(tmp_path, "L1;1,5\nL2;2\n"), tmp_path / "out.jsonl"
    answer = RUN.invoke(app, ["run", str(plan), "--out", str(out), "--json"])
    told = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (told["rows"], told["documents"], told["findings"], told["throwAwayIds"]) == (2, 2, [], True)
    documents = [json.loads(line) for line in out.read_text().splitlines()]
    assert [document["netMass"]["value"] for document in documents] == ["1.5", "2"]
    assert documents[0]["id"].startswith("urn:uuid:")
    people = RUN.invoke(app, ["run", str(plan), "--out", str(out)])
    assert "throw-away" in people.output


def test_a_source_made_by_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked against the headers, tried on the examples' rows, run, run again with nothing new; exit codes as ever."""
    plan = _company(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert RUN.invoke(commands, ["init", "acme", "--public-url", "https://acme.example"]).exit_code == 0
    heavy = "  heavy: {locale: de, sql: \"SELECT * FROM lots WHERE number(MENGE, 'de') > 1\"}\n"
    plan.write_text(PLAN.replace("identifiers:", f"{heavy}from: heavy\nidentifiers:"))
    made = {"rows": 1, "documents": 1, "unchanged": 0, "gone": []}
    assert _since(tmp_path, plan, "L1;1\nL2;2\n") == (0, made, ["2"])
    assert _since(tmp_path, plan, "L1;1\nL2;2\n") == (0, {**made, "rows": 0, "documents": 0, "unchanged": 1}, [])
    assert RUN.invoke(app, ["test", str(plan)]).exit_code == 0
    checked = json.loads(RUN.invoke(app, ["check", str(plan), "--json"]).stdout)
    assert (checked["findings"], checked["sqlTried"]) == ([], True)
    assert checked["plan"]["sources"]["heavy"]["of"] == ["lots"]
    plan.write_text(plan.read_text().replace("SELECT *", "SELECT LOT"))
    answer = RUN.invoke(app, ["check", str(plan), "--json"])
    assert (answer.exit_code, [each["code"] for each in json.loads(answer.stdout)["findings"]]) == (
        1, ["column-missing"],
    )  # fmt: skip
    bare = json.loads(RUN.invoke(app, ["check", str(plan), "--exports", str(plan.parent), "--json"]).stdout)
    assert (bare["findings"], bare["sqlTried"]) == ([], False)


def test_a_column_that_could_be_read_otherwise_is_told_and_is_no_finding(tmp_path: Path) -> None:
    """Once, by `run` and `preview`, with what the plan assumed; the exit code stays."""
    plan, out = _company(tmp_path, "L1;1.234\nL2;2.500\n"), tmp_path / "out.jsonl"
    for command in (["run", str(plan), "--out", str(out)], ["preview", str(plan)]):
        told = RUN.invoke(app, [*command, "--json"])
        assert told.exit_code == 0
        assert [each["code"] for each in json.loads(told.stdout)["doubts"]] == ["doubtful-number"]
        assert RUN.invoke(app, command).output.count("look: lots_1.csv, MENGE: ") == 1


def test_a_run_writes_over_nothing_that_it_reads(tmp_path: Path) -> None:
    """Neither the plan nor an export, however the slip is spelt."""
    plan = _company(tmp_path, "L1;1,5\n")
    export = tmp_path / "exports" / "lots_1.csv"
    for slip in (["--out", str(plan)], ["--out", str(plan.parent / ".." / "exports" / "lots_1.csv")],
                 ["--out", str(tmp_path / "o.jsonl"), "--findings", str(plan)],
                 ["--out", str(tmp_path / "o.jsonl"), "--since", str(plan)]):  # fmt: skip
        answer = RUN.invoke(app, ["run", str(plan), *slip])
        assert (answer.exit_code, "is what the run reads" in answer.output) == (2, True), answer.output
    assert plan.read_text() == PLAN
    assert export.read_text() == "LOT;MENGE\nL1;1,5\n"


def test_what_excel_lays_beside_an_open_workbook_is_no_export(tmp_path: Path) -> None:
    """`~$NAME` fits many a pattern and is no workbook."""
    plan = _company(tmp_path, "L1;1,5\n")
    plan.write_text(PLAN.replace("lots_*.csv", "*lots_*.csv"))
    (tmp_path / "exports" / "~$lots_1.csv").write_bytes(b"\x04Anna" + b" " * 50)
    answer = RUN.invoke(app, ["run", str(plan), "--out", str(tmp_path / "o.jsonl"), "--json"])
    assert (answer.exit_code, json.loads(answer.stdout)["documents"]) == (0, 1), answer.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_a_full_disk_is_no_bug(tmp_path: Path) -> None:
    """What fails at the end of writing names no file."""
    answer = RUN.invoke(app, ["run", str(_company(tmp_path, "L1;1,5\n")), "--out", "/dev/full"])
    assert (answer.exit_code, "No space left" in answer.output, "make room" in answer.output) == (2, True, True)


def test_run_with_findings(tmp_path: Path) -> None:
    """Exit code 1; all rows at once, in the answer and in the file; the terminal sees no control characters."""
    plan, out, file = _company(tmp_path, "L1;1.5\nL2;2\nL3;\x1b[31m\n"), tmp_path / "out.jsonl", tmp_path / "f.json"
    arguments = ["run", str(plan), "--out", str(out), "--findings", str(file)]
    answer = RUN.invoke(app, [*arguments, "--json"])
    assert answer.exit_code == 1
    told = json.loads(answer.stdout)
    assert json.loads(file.read_text()) == told["findings"]
    assert [(each["line"], each["column"], each["code"]) for each in told["findings"]] == [
        (2, "MENGE", "bad-number"),
        (4, "MENGE", "bad-number"),
    ]
    assert set(told["findings"][0]) == {
        "source", "sheet", "record", "line", "column", "value", "code", "message", "hint", "term",
    }  # fmt: skip
    assert "\x1b" not in RUN.invoke(app, arguments).output


def test_bad_plan_and_bad_file(tmp_path: Path) -> None:
    """Exit code 2, with the line, or with the pattern that no file fits."""
    plan = _company(tmp_path, "L1;1\n")
    plan.write_text(PLAN.replace("delimiter", "delimeter"))
    answer = RUN.invoke(app, ["check", str(plan)])
    assert answer.exit_code == 2
    assert "line 6" in answer.output
    assert "delimiter" in answer.output
    plan.write_text(PLAN.replace("lots_*", "none_*"))
    assert RUN.invoke(app, ["run", str(plan), "--out", str(tmp_path / "o")]).exit_code == 2
    assert RUN.invoke(app, ["check", str(tmp_path / "none.yaml")]).exit_code == 2


def test_check_preview_and_test(tmp_path: Path) -> None:
    """The other three: a summary, cells beside documents, examples."""
    plan = _company(tmp_path, "L1;1,5\n")
    checked = json.loads(RUN.invoke(app, ["check", str(plan), "--json"]).stdout)
    assert checked["plan"]["sources"]["lots"]["columns"] == ["LOT", "MENGE"]
    shown = json.loads(RUN.invoke(app, ["preview", str(plan), "--json"]).stdout)
    assert shown["documents"][0]["cells"]["/netMass/value"] == "lots_1.csv:2 MENGE `1,5`"
    assert "MENGE" in RUN.invoke(app, ["preview", str(plan)]).output
    assert RUN.invoke(app, ["test", str(plan)]).exit_code == 0
    plan.write_text(PLAN.replace('"1.5"', '"1.6"'))
    failed = RUN.invoke(app, ["test", str(plan), "--json"])
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["failed"] == 1


def test_the_vocabulary_has_its_word_before_anything_is_published(tmp_path: Path) -> None:
    """`check` on the plan's names, with lines; `run` and `preview` on the values, with cells, or paths of constants."""
    plan, out = _company(tmp_path, "L1;1,5\nL2;2\n"), tmp_path / "out.jsonl"
    assert RUN.invoke(app, ["check", str(plan)]).exit_code == 0
    plan.write_text(PLAN.replace("netMass", "netMas").replace("materialType: =ore", "materialType: LOT"))
    answer = RUN.invoke(app, ["check", str(plan), "--json"])
    assert answer.exit_code == 1
    assert [(each["code"], each["line"], each["column"]) for each in json.loads(answer.output)["findings"]] == [
        ("unknown-term", 13, "$.netMas"),
        ("missing-term", 10, "$.netMass"),
    ]
    assert "did you mean netMass" in RUN.invoke(app, ["check", str(plan)]).output
    answer = RUN.invoke(app, ["run", str(plan), "--out", str(out), "--json"])
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["documents"], len(out.read_text().splitlines())) == (1, 2, 2)
    first = [each for each in told["findings"] if each["line"] == 2]
    assert {(each["code"], each["column"], each["value"]) for each in first} == {
        ("unknown-term", "MENGE", "1,5"),
        ("missing-term", "$.netMass", ""),
        ("bad-code", "LOT", "L1"),
    }
    assert RUN.invoke(app, ["preview", str(plan)]).exit_code == 1


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """Exit code 2 and the path; no traceback."""
    plan = _company(tmp_path, "L1;1,5\n")
    for out in (tmp_path / "nowhere" / "out.jsonl", tmp_path):
        answer = RUN.invoke(app, ["run", str(plan), "--out", str(out)])
        assert answer.exit_code == 2, answer.exception
        assert f"bad-input: {out}: " in answer.output


def test_suggest_writes_a_plan_that_check_and_preview_take(tmp_path: Path) -> None:
    """From an export to a plan; a file that is there is not written over; a bad target names the good ones."""
    _company(tmp_path, "")
    export, out = tmp_path / "exports" / "ZLOTS_20261102.csv", tmp_path / "plans" / "z.yaml"
    export.write_text("Liste;Werk\n\nCHARG;HSDAT;MENGE;MEINS\nL1;01.12.2026;1.200,5;KG\n*;;1.200,5;\n")
    for none in ("notes.docx", "photo.png", "parties.csv.bak"):
        (export.parent / none).touch()
    arguments = ["suggest", str(export), "--target", "MaterialLot"]
    assert RUN.invoke(app, arguments).stdout.endswith("\n")
    first = RUN.invoke(app, [*arguments, "--out", str(out)])
    assert (first.exit_code, "look: beside it there are lots_1.csv: --beside FILE" in first.output) == (0, True)
    checked = json.loads(RUN.invoke(app, ["check", str(out), "--json"]).stdout)
    assert {each["code"] for each in checked["findings"]} == {"missing-term"}
    (shown,) = json.loads(RUN.invoke(app, ["preview", str(out), "--json"]).stdout)["documents"]
    assert shown["subject"]["netMass"] == {"type": "Quantity", "value": "1200.5", "unit": "KGM"}
    before = out.read_bytes()
    assert RUN.invoke(app, [*arguments, "--out", str(out)]).exit_code == 2
    assert out.read_bytes() == before
    told = json.loads(RUN.invoke(app, [*arguments, "--json"]).stdout)
    assert told["plan"].encode() == before
    assert {"columns": ["MENGE", "MEINS"], "term": "netMass", "runs": True} in [
        {key: each[key] for key in ("columns", "term", "runs")} for each in told["matched"]
    ]
    wrong = RUN.invoke(app, ["suggest", str(export), "--target", "Lorry"])
    assert wrong.exit_code == 2
    assert "MaterialLot" in wrong.output


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.xlsx"])
def test_a_plan_goes_to_a_sheet_and_comes_back(tmp_path: Path, name: str) -> None:
    """With examples; as it is it changes nothing; with another cell it changes the plan, or says what is wrong."""
    plan, sheet = _company(tmp_path, "=1+1;1,5\n"), tmp_path / name
    assert RUN.invoke(app, ["export", str(plan), "--out", str(sheet), "--language", "fi"]).exit_code == 0
    same = json.loads(RUN.invoke(app, ["import", str(sheet), "--plan", str(plan), "--json"]).stdout)
    assert (same["changes"], same["findings"], same["plan"]) == ([], [], PLAN)
    rows = _cells_of(sheet)
    assert ["lots", "MENGE", "netMass", "unit: KGM", "vocabulary", "1,5", "nettomassa"] in rows
    assert ["lots", "LOT", "plan: key", "", "", "=1+1", ""] in rows
    edited = tmp_path / "edited.csv"
    lines = [";".join(row) for row in rows]
    edited.write_text("\n".join(lines).replace("MENGE;netMass;unit: KGM", "GEWICHT;netMass;unit: TNE"), "cp1252")
    assert RUN.invoke(app, ["import", str(edited), "--plan", str(plan), "--out", str(plan)]).exit_code == 0
    assert plan.read_text() == PLAN.replace("netMass: {from: MENGE, unit: KGM}", "netMass: {from: GEWICHT, unit: TNE}")
    edited.write_text("\n".join(lines).replace("unit: KGM", "unit: LITRE"))
    wrong = RUN.invoke(app, ["import", str(edited), "--plan", str(plan), "--out", str(plan), "--json"])
    assert wrong.exit_code == 1
    finding = json.loads(wrong.stdout)["findings"][0]
    assert (finding["source"], finding["column"], finding["value"]) == ("edited.csv", "rule", "unit: LITRE")
    assert rows[finding["line"] - 1][2] == "netMass"
    assert "GEWICHT" in plan.read_text()


def test_without_the_extra_a_workbook_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written; the hint says what to install, or to write CSV."""
    monkeypatch.setattr("connector.cli.sheets.find_spec", lambda _: None)
    plan, sheet = _company(tmp_path, "L1;1\n"), tmp_path / "sheet.xlsx"
    answer = RUN.invoke(app, ["export", str(plan), "--out", str(sheet)])
    assert (answer.exit_code, sheet.exists()) == (2, False)
    assert "battery-connector[sheets]" in answer.output


def _cells_of(sheet: Path) -> list[list[str]]:
    """The sheet as a program other than ours reads it."""
    if sheet.suffix == ".csv":
        text = sheet.read_text("utf-8-sig")
        assert "'=1+1" in text
        return [[cell.removeprefix("'") for cell in row] for row in csv.reader(text.splitlines(), delimiter=";")]
    page = load_workbook(sheet)["Mapping"]
    assert {cell.data_type for row in page.iter_rows() for cell in row if cell.value} == {"s"}
    return [[str(cell or "") for cell in row] for row in page.iter_rows(values_only=True)]


def _since(tmp_path: Path, plan: Path, rows: str) -> tuple[int, dict[str, object], list[str]]:
    """A run since the last one over these rows: exit code, answer, masses of the documents that were written."""
    (tmp_path / "exports" / "lots_1.csv").write_text(f"LOT;MENGE\n{rows}")
    out, state = tmp_path / "new.jsonl", tmp_path / "lots.state"
    config = tmp_path / "acme" / "connector.toml"
    arguments = ["run", str(plan), "--out", str(out), "--since", str(state), "--config", str(config)]
    exports = ["--exports", str(tmp_path / "exports"), "--json"]
    answer = RUN.invoke(app, [*arguments, *exports])
    told = json.loads(answer.stdout)
    written = [json.loads(line)["netMass"]["value"] for line in out.read_text().splitlines()]
    return answer.exit_code, {name: told[name] for name in ("rows", "documents", "unchanged", "gone")}, written


def test_run_since_gives_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New, changed, gone, nothing; a row that cannot be read is told each time, and hides that others are gone."""
    plan = _company(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert RUN.invoke(commands, ["init", "acme", "--public-url", "https://acme.example"]).exit_code == 0
    first = {"rows": 2, "documents": 2, "unchanged": 0, "gone": []}
    assert _since(tmp_path, plan, "L1;1\nL2;2\n") == (0, first, ["1", "2"])
    assert _since(tmp_path, plan, "L1;1\nL2;2\n") == (0, {**first, "rows": 0, "documents": 0, "unchanged": 2}, [])
    changed = {"rows": 3, "documents": 2, "unchanged": 1, "gone": []}
    assert _since(tmp_path, plan, "L2;2,5\nL1;1\nL3;3\n") == (0, changed, ["2.5", "3"])
    broken = {"rows": 2, "documents": 0, "unchanged": 1, "gone": []}
    assert _since(tmp_path, plan, "L1;1\nL3;x\n") == (1, broken, [])
    assert _since(tmp_path, plan, "L1;1\nL3;x\n") == (1, broken, [])
    gone = {"rows": 2, "documents": 1, "unchanged": 1, "gone": ["L2"]}
    assert _since(tmp_path, plan, "L1;1\nL3;4\n") == (0, gone, ["4"])


def test_run_since_needs_ids_that_stay_and_a_state_of_this_plan(tmp_path: Path) -> None:
    """A throw-away key would make everything new each time; another plan's state is refused, and stays as it was."""
    plan, state = _company(tmp_path, "L1;1\n"), tmp_path / "lots.state"
    arguments = ["run", str(plan), "--out", str(tmp_path / "o.jsonl"), "--since", str(state)]
    refused = RUN.invoke(app, arguments)
    assert (refused.exit_code, state.exists()) == (2, False)
    assert "--config" in refused.output
    with pytest.raises(BadInput, match=r"is of other/1, the plan is trial/1"):
        read_state(State(mapping="other/1").as_bytes(), "trial/1")
    with pytest.raises(BadInput, match="cannot be read"):
        read_state(b'{"format": "mapping-state/1", "records": {"a": 1}}', "trial/1")


@pytest.mark.parametrize("first", "=+-@\t\r\n")
def test_no_cell_of_a_written_sheet_is_a_formula_and_each_comes_back(tmp_path: Path, first: str) -> None:
    """What stands in an export is its sender's, and the sheet is opened in Excel."""
    cell, file = f"{first}HYPERLINK(1)", tmp_path / "sheet.csv"
    file.write_bytes(_csv([["a", "b"], [cell, "1"]]))
    assert f"'{cell}".encode() in file.read_bytes()
    assert [one.replace("\r", "") for one in _grid(file, "1")[1]] == [cell.replace("\r", ""), "1"]
