"""`map export|import`: a plan as the mapping sheet that integrators document anyway, and a changed sheet as a plan.

CSV is written as Excel on this continent opens it: UTF-8 with its mark, semicolons; a cell that Excel would take for a
formula begins with an apostrophe. XLSX needs the extra `sheets` (openpyxl); it is read without.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from shlex import join, quote
from typing import Annotated, Literal

import typer

from connector.cli.console import DONE, JSON, NO, console, next_step, one_line, show_json, told
from connector.cli.tables import show_findings
from connector.errors import BadInput, BadPlan
from connector.mapping.plan import Plan, layout_of, parse
from connector.mapping.reading import open_table
from connector.mapping.sheet import Revised, read_sheet, revise, sheet_of
from connector.mapping.source import Unreadable
from connector.model import Json, JsonObject, counted
from connector.peers.files import Exports
from connector.server.words import visible
from connector.vocabulary.bundle import load_bundle

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="The mapping plan, a YAML file.")]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ROWS_LOOKED_AT = 200
_WIDTHS = (14, 30, 34, 60, 12, 26, 28)
_EXTRA = "pip install 'battery-connector[sheets]', or name a file that ends in .csv"


def export(
    plan: PlanFile,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="SHEET", help="The sheet: a new .csv or .xlsx.")],
    language: Annotated[Literal["en", "de", "fr", "fi"], typer.Option(help="The language of the labels.")] = "en",
    exports: Annotated[
        Path | None, typer.Option("--exports", metavar="DIR", help="Folder of the exports, for the examples.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Write a plan as a mapping sheet: source field, target term, rule, required, example, label.

    Change it and give it back with `map import`.

    Example: battery-connector map export plans/lots.yaml --out lots.xlsx --language de
    """
    with told():
        if out.suffix.lower() not in {".csv", ".xlsx"}:
            raise BadInput(f"{out} ends neither in .csv nor in .xlsx.")
        if out.exists():
            raise BadInput(f"{out} is there already.", hint="choose another name; nothing is written over")
        text, bundle = _plan_text(plan), load_bundle()
        cells = _cells(parse(text.encode()), plan, exports)
        rows = sheet_of(text, bundle.terms, bundle.shapes, cells=cells, language=language)
        out.write_bytes(_workbook(rows) if out.suffix.lower() == ".xlsx" else _csv(rows))
        if as_json:
            show_json({"rows": len(rows) - 1, "sheet": str(out)})
        else:
            console().print(f"{counted(len(rows) - 1, 'line is', 'lines are')} in {out}", markup=False)
            if not cells:
                console().print("no example: the exports are not beside the plan (--exports DIR)", markup=False)
            next_step(f"battery-connector map import {quote(str(out))} --plan {quote(str(plan))}")
    raise SystemExit(DONE)


def import_sheet(
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="The mapping sheet, CSV or XLSX.")],
    *,
    plan: Annotated[Path, typer.Option("--plan", metavar="PLAN", help="The plan that the sheet was made of.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="PLAN", help="Where the changed plan goes.")] = None,
    page: Annotated[str, typer.Option("--sheet", help="A workbook's sheet: its name, or its number from 1.")] = "1",
    as_json: JSON = False,
) -> None:
    """Take a changed mapping sheet back into its plan. Without --out it only shows what would change.

    Exit code 1: something of the sheet can't be done; then nothing is written. --out may be the plan itself.

    Example: battery-connector map import lots.xlsx --plan plans/lots.yaml --out plans/lots.yaml
    """
    with told():
        if out is not None and out.exists() and not out.samefile(plan):
            raise BadInput(f"{out} is there already.", hint="choose another name, or the plan itself")
        bundle = load_bundle()
        read = read_sheet(_rows(sheet, page))
        revised = revise(_plan_text(plan), read, bundle.terms, bundle.shapes)
        if out is not None and not revised.findings:
            write_whole(out, revised.text.encode())
        where: JsonObject = {"source": sheet.name, "sheet": page if sheet.suffix.lower() == ".xlsx" else ""}
        findings = [each.as_json() | where for each in revised.findings]
        if as_json:
            changes: list[Json] = [
                {"target": one.target, "before": one.before, "after": one.after, "row": one.row}
                for one in revised.changes
            ]
            show_json({"changes": changes, "findings": list[Json](findings), "plan": revised.text})
        else:
            words = ["--plan", str(plan), "--out", str(plan), *(("--sheet", page) if page != "1" else ())]
            _say(revised, findings, join(["battery-connector", "map", "import", str(sheet), *words]), out)
    raise SystemExit(NO if revised.findings else DONE)


def _say(revised: Revised, findings: Sequence[Json], again: str, out: Path | None) -> None:
    if findings:
        show_findings(findings)
        console(error=True).print("nothing was changed", markup=False)
        return
    for change in revised.changes:
        console().print(
            one_line(f"{change.target}: {change.before or '(none)'}  ->  {change.after or '(none)'}"), markup=False
        )
    console().print(f"{counted(len(revised.changes), 'change')}", markup=False)
    if out is not None:
        next_step(f"battery-connector map check {quote(str(out))}")
    elif revised.changes:
        next_step(again)


def write_whole(out: Path, data: bytes) -> None:
    """The file whole or not at all: what was there stays until the new one is written."""
    part = out.with_name(f"{out.name}.part")
    part.write_bytes(data)
    part.replace(out)


def _plan_text(plan: Path) -> str:
    try:
        data = plan.read_bytes()
        parse(data)
    except BadPlan as error:
        raise BadPlan(error.detail, hint=error.hint, place=f"{plan}, {error.place}") from None
    return data.decode("utf-8-sig")


def exports_near(plan: Path) -> Path:
    """Where a plan's exports lie if nobody says it: in the company's folder, or beside the plan."""
    near = (plan.parent / "exports", plan.parent.parent / "exports")
    return next((folder for folder in near if folder.is_dir()), plan.parent)


def _cells(plan: Plan, file: Path, exports: Path | None) -> dict[str, dict[str, str]]:
    """Of each source that can be read here, the first filled cell of each column."""
    try:
        files = asyncio.run(Exports().read(plan, exports or exports_near(file)))
    except BadInput:
        return {}
    found: dict[str, dict[str, str]] = {}
    for name, source in plan.sources.items():
        try:
            table = open_table(name, source, files[name], files.get(layout_of(name), ()))
            cells = found.setdefault(name, {})
            for row in islice(table.rows, _ROWS_LOOKED_AT):
                for column, cell in zip(table.columns, row.cells, strict=True):
                    if cell:
                        cells.setdefault(column, str(cell))
        except Unreadable:
            continue
    return found


# --- the files ---


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    writer.writerows([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _workbook(rows: Sequence[Sequence[str]]) -> bytes:
    """The sheet as a workbook; every cell is text."""
    if find_spec("openpyxl") is None:
        raise BadInput("XLSX is written by openpyxl, which is not installed.", hint=_EXTRA)
    from openpyxl import Workbook  # an extra
    from openpyxl.styles import Font

    book = Workbook()
    page = book.create_sheet("Mapping", 0)
    del book["Sheet"]
    for number, row in enumerate(rows, start=1):
        for column, text in enumerate(row, start=1):
            cell = page.cell(number, column)
            cell.value, cell.data_type, cell.number_format = visible(text), "s", "@"
            cell.font = Font(bold=number == 1)
    for letter, width in zip("ABCDEFG", _WIDTHS, strict=True):
        page.column_dimensions[letter].width = width
    page.freeze_panes, page.auto_filter.ref = "A2", page.dimensions
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _rows(sheet: Path, page: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Row numbers and cells of a sheet."""
    return enumerate(_grid(sheet, page), start=1)


def _grid(sheet: Path, page: str) -> list[list[str]]:
    file = asyncio.run(Exports().read_one(sheet, page))
    if file.grid is not None:
        return [[str(cell) for cell in row] for row in file.grid]
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = file.data.decode("cp1252", "replace")  # what Excel saves as plain CSV
    header = text.partition("\n")[0]
    delimiter = max(";,\t", key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadInput(f"The sheet cannot be split into cells: {error}.", place=str(sheet)) from None
    return [[cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell for cell in row] for row in rows]
