"""`map suggest`: a plan proposed from an export; nothing is written over, nothing is published."""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from connector.cli.console import DONE, JSON, console, next_step, show_json, told
from connector.cli.sheets import exports_near
from connector.errors import BadInput
from connector.mapping.proposal import Parties, Proposal, parties_in, propose
from connector.mapping.source import SourceFile
from connector.model import counted
from connector.peers.files import Exports
from connector.server.words import visible
from connector.vocabulary.bundle import load_bundle, load_headings

_SHOWN = 5
_EXPORTS = frozenset([
    ".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".ods", ".xml", ".idoc", ".edi", ".x12", ".json", ".gz",
])  # fmt: skip
"""Endings of what may be an export. What `map run` wrote ends otherwise."""


def suggest(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An export: CSV, XLSX, XLS, ODS, IDoc, EDIFACT, X12, JSON.")
    ],
    *,
    target: Annotated[
        str, typer.Option("--target", metavar="CLASS", help="A class (MaterialLot) or record type (BatteryPassport).")
    ],
    out: Annotated[Path | None, typer.Option("--out", metavar="PLAN", help="Write the plan here, a new file.")] = None,
    sheet: Annotated[str, typer.Option("--sheet", help="A workbook's sheet: its name, or its number from 1.")] = "1",
    record: Annotated[str, typer.Option("--record", metavar="PATH", help="What makes a row in XML and JSON.")] = "",
    zone: Annotated[str, typer.Option("--zone", help="The zone of times that say none: Europe/Berlin, UTC.")] = "",
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            "--beside", metavar="FILE", help="Another export whose rows belong to these, or a flat IDoc's layout."
        ),
    ] = None,
    parties: Annotated[
        Path | None, typer.Option("--parties", metavar="CSV", help="Numbers and DIDs; else parties.csv beside FILE.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Propose a mapping plan from an export. What is not sure is commented out, with the reason beside it.

    Columns are found by their headings in English, German, French and Finnish, field names of SAP and other systems,
    units, cells and code lists; what a heading of another language says, you write. Rows of other exports are joined
    where one column's values are the other's key.

    Example: battery-connector map suggest exports/ZLOTS_20261102.csv --target MaterialLot --out plans/lots.yaml
    """
    with told():
        if out is not None and out.exists():
            raise BadInput(f"{out} is there already.", hint="choose another name; nothing is written over")
        exports = Exports()
        bundle = load_bundle()
        proposal = propose(
            asyncio.run(exports.read_one(file, sheet)), target, terms=bundle.terms, shapes=bundle.shapes,
            headings=load_headings(), parties=_parties(file, parties), sheet=sheet, record=record, zone=zone,
            beside=[asyncio.run(exports.read_one(one, "1")) for one in beside or ()],
        )  # fmt: skip
        if out is not None:
            out.write_text(proposal.plan, "utf-8")
        if as_json:
            show_json(proposal.as_json())
        elif out is None:
            console().print(visible(proposal.plan).rstrip("\n"), markup=False)
        if not as_json:
            _say(proposal, file, out)
    raise SystemExit(DONE)


def _parties(file: Path, given: Path | None) -> Parties | None:
    listed = given or file.parent / "parties.csv"
    if given is None and not listed.is_file():
        return None
    return parties_in(SourceFile(name=listed.name, digest="", data=listed.read_bytes()))


def _say(proposal: Proposal, file: Path, out: Path | None) -> None:
    """What came out, in short; on standard error, because the plan may stand on standard output."""
    found, err = proposal.found, console(error=True)
    running = sum(entry.runs for entry in found.entries)
    err.print(
        f"{counted(running, 'proposal runs', 'proposals run')}, {len(found.entries) - running} commented out, "
        f"{counted(len(found.near), 'column')} not matched, "
        f"{counted(len(found.missing), 'required term')} without a column"
    )
    for doubt in proposal.doubts:
        err.print(f"look: {visible(doubt)}", markup=False)
    others = _beside(file, str(proposal.sniffed.settings["file"]))
    if others and not proposal.joins:
        err.print(f"look: beside it there are {visible(', '.join(others))}: --beside FILE joins one", markup=False)
    if out is None:
        next_step("the same with --out PLAN.yaml", error=True)
        return
    err.print(
        f"{out} is written; read its comments, and take away the `# ` (with its blank) before what is right",
        markup=False,
    )
    where = "" if file.parent.resolve() == exports_near(out).resolve() else f" --exports {quote(str(file.parent))}"
    plan = quote(str(out))
    next_step(f"battery-connector map check {plan}", error=True)
    next_step(f"battery-connector map preview {plan}{where}", error=True)


def _beside(file: Path, pattern: str) -> list[str]:
    """Some other exports of the folder: not those of the same kind, of other days."""
    found = (one for one in file.parent.glob("*.*") if one.name[0] not in ".~" and one.suffix.lower() in _EXPORTS)
    names = sorted(one.name for one in found if one.name != "parties.csv" and not fnmatchcase(one.name, pattern))
    return names[:_SHOWN]
