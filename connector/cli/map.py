"""`map check|run|preview|test`: try a mapping plan on exports, without publishing anything. The others are beside.

Ids are minted with the company's id key (`--config`), else with a key that is thrown away; the answer says which.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from connector.cli.console import DONE, JSON, NO, console, next_step, one_line, show_json, shown_json, told
from connector.cli.map_run import (
    Ran,
    Work,
    findings_of,
    made_of_examples,
    result_of,
    run_since,
    run_whole,
    sql_checked,
)
from connector.cli.proposing import suggest
from connector.cli.sheets import PlanFile, export, exports_near, import_sheet, write_whole
from connector.cli.tables import progress
from connector.credentials.ids import mint as mint_id
from connector.errors import BadInput, BadPlan
from connector.mapping.binding import MintId
from connector.mapping.engine import Compiled, compile_plan
from connector.mapping.naming import misnamed
from connector.mapping.plan import CodeFile, parse
from connector.mapping.preview import beside, describe, try_examples
from connector.mapping.reading import code_lists
from connector.mapping.source import SourceFile, Unreadable
from connector.model import Finding, Json, JsonObject, counted
from connector.peers.files import Exports
from connector.vocabulary.bundle import Bundle, load_bundle

app = typer.Typer(no_args_is_help=True, help="Mapping plans: suggest, check, run, preview, test, export, import.")
app.command()(suggest)
app.command()(export)
app.command(name="import")(import_sheet)

ExportsFolder = Annotated[
    Path | None, typer.Option("--exports", metavar="DIR", help="Folder of the exports, if not the config's or beside.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A company's config: its id key makes the ids.")
]

_SHOWN = 20
_THROW_AWAY = "the ids are made with a throw-away key; --config FILE takes the company's"


@app.command()
def check(plan: PlanFile, exports: ExportsFolder = None, as_json: JSON = False) -> None:
    """Check a plan without any export: keys, units, formats; names, code lists, constants against the vocabulary.

    Where sources are made by SQL, and the exports are at hand, also the SQL and the columns that the plan takes of it,
    against the exports' headers. Exit code 1: the vocabulary does not know a name or word, or asks for more; or there
    is no such column.

    Example: battery-connector map check plans/lots.yaml
    """
    with told():
        compiled, findings = checked(plan, load_bundle())
        sql = sql_checked(compiled, exports or exports_near(plan))
        findings += sql or ()
        summary = describe(compiled)
        if as_json:
            tried: JsonObject = {"sqlTried": sql is not None} if compiled.plan.queries() else {}
            show_json({"findings": [each.as_json() for each in findings], "plan": summary, **tried})
        elif findings:
            _show(findings)
        else:
            console().print(f"{summary['mapping']}: the plan is good", markup=False)
            if sql is None and compiled.plan.queries():
                console().print("its SQL was not tried: its exports are not here (--exports DIR)", markup=False)
            next_step(f"battery-connector map preview {quote(str(plan))}")
    raise SystemExit(NO if findings else DONE)


def checked(plan: Path, bundle: Bundle) -> tuple[Compiled, list[Finding]]:
    """A plan without any export, and what the vocabulary says of its names. `BadPlan`: it is none."""
    compiled = _compiled(plan)
    findings = misnamed(compiled.plan, bundle.terms, bundle.shapes)
    return compiled, [replace(each, place=replace(each.place, source=str(plan))) for each in findings]


@app.command(name="run")
def run_plan(
    plan: PlanFile,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="OUT.jsonl", help="One document per line.")],
    findings: Annotated[Path | None, typer.Option("--findings", metavar="F.json", help="All findings.")] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            metavar="STATE",
            help="Only what changed since the run that left this file; it is brought up to date.",
        ),
    ] = None,
    exports: ExportsFolder = None,
    config: ConfigFile = None,
    as_json: JSON = False,
) -> None:
    """Map the exports to documents, and hold them against the vocabulary. Exit code 1: there are findings.

    A row with a finding makes no document; a document that the vocabulary refuses is written, and not published. A
    column that could be read otherwise (day and month, thousands or decimals) is told as `look`, and is no finding.

    Example: battery-connector map run plans/lots.yaml --out lots.jsonl --findings findings.json

    Every night, only what is new: battery-connector map run plans/lots.yaml --out new.jsonl --since lots.state --config
    connector.toml
    """
    with told():
        started = time.perf_counter()
        work = _work(plan, exports, config)
        _spare_what_is_read((out, findings, since), plan, work)
        with progress("mapping", quiet=as_json) as tell:
            ran = run_whole(work, tell) if since is None else run_since(work, plan, since, tell)
            with out.open("w", encoding="utf-8") as stream:
                for mapped in ran.documents:
                    stream.write(json.dumps(mapped.subject, ensure_ascii=False, separators=(",", ":")) + "\n")
        told_of = [finding.as_json() for finding in ran.findings]
        if findings is not None:
            findings.write_text(json.dumps(told_of, ensure_ascii=False, indent=2) + "\n", "utf-8")
        if since is not None and ran.state is not None:
            write_whole(since, ran.state.as_bytes())
        answer: JsonObject = {
            "rows": ran.rows,
            "documents": len(ran.documents),
            "findings": list[Json](told_of),
            "doubts": [doubt.as_json() for doubt in ran.doubts],
            "seconds": round(time.perf_counter() - started, 3),
            "throwAwayIds": work.throw_away,
        }
        if since is not None:
            answer |= {"unchanged": ran.unchanged, "gone": [*ran.gone]}
        if as_json:
            show_json(answer)
        else:
            _show_run(work, ran, plan, since)
    raise SystemExit(NO if told_of else DONE)


@app.command()
def preview(
    plan: PlanFile,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many documents.")] = 3,
    exports: ExportsFolder = None,
    config: ConfigFile = None,
    as_json: JSON = False,
) -> None:
    """The first documents, each beside the cells that it is made from.

    Example: battery-connector map preview plans/lots.yaml --rows 1
    """
    with told():
        work = _work(plan, exports, config)
        result = result_of(work)
        shown, found = [beside(mapped) for mapped in islice(result.mapped, rows)], findings_of(result)
        if as_json:
            doubts: list[Json] = [each.as_json() for each in result.doubts]
            show_json(
                {"documents": list[Json](shown), "findings": [each.as_json() for each in found], "doubts": doubts}
            )
        else:
            for each in shown:
                _beside(each)
            _show(found)
            _show(result.doubts, "look: ")
            _say_ids(work)
            if not found:
                next_step(f"battery-connector publish {quote(str(plan))} --policy POLICY")
    raise SystemExit(NO if found else DONE)


@app.command(name="test")
def run_examples(plan: PlanFile, exports: ExportsFolder = None, as_json: JSON = False) -> None:
    """Run the plan's examples. Exit code 1: one does not hold.

    Example: battery-connector map test plans/lots.yaml
    """
    with told():
        compiled = _compiled(plan)
        mint, folders = _of_nobody(plan)
        codes = _file_codes(compiled, folders if exports is None else (exports,))
        tried = try_examples(compiled.plan, codes, mint, asyncio.run(made_of_examples(compiled)))
        bad = [each for each in tried if each.differences]
        if as_json:
            examples: list[Json] = [{"name": each.name, "differences": list[Json](each.differences)} for each in tried]
            show_json({"examples": examples, "failed": len(bad)})
        else:
            for each in tried:
                console().print(f"{'differs' if each.differences else 'holds  '}  {each.name}", markup=False)
                for difference in each.differences:
                    console().print(f"         {difference}", markup=False)
            if not tried:
                console().print("the plan has no examples", markup=False)
    raise SystemExit(NO if bad else DONE)


# --- loading ---


def _compiled(plan: Path) -> Compiled:
    try:
        return compile_plan(parse(plan.read_bytes()))
    except OSError as error:
        around = sorted(map(str, Path("plans").glob("*.y*ml")))
        hint = f"there are: {', '.join(around)}" if around else "the path of a plan, such as plans/lots.yaml"
        raise BadInput(f"The plan cannot be read: {error.strerror}.", place=str(plan), hint=hint) from None
    except BadPlan as error:
        raise BadPlan(error.detail, hint=error.hint, place=f"{plan}, {error.place}") from None


def _work(plan: Path, exports: Path | None, config: Path | None) -> Work:
    mint, folders = _of_nobody(plan) if config is None else _of_company(config)
    return Work(_compiled(plan), mint, folders if exports is None else (exports,), throw_away=config is None)


def _of_nobody(plan: Path) -> tuple[MintId, tuple[Path, ...]]:
    return partial(mint_id, secrets.token_bytes(32), ""), (exports_near(plan),)


def _of_company(config: Path) -> tuple[MintId, tuple[Path, ...]]:
    """What makes its ids, and where its exports are."""
    from connector.config import load
    from connector.keys.custody import open_id_key

    company = load(config)
    key = open_id_key(company.keys.id_key, folder=company.folder)
    return partial(mint_id, key, company.tenant), tuple(company.path(folder) for folder in company.exports)


def _spare_what_is_read(written: Sequence[Path | None], plan: Path, work: Work) -> None:
    """A slip of the hand must not write documents over the plan that somebody made, or over an export."""
    patterns, folders = work.compiled.plan.patterns().values(), [folder.resolve() for folder in work.folders]
    for one in (each.resolve() for each in written if each is not None):
        export = one.parent in folders and any(fnmatch.fnmatchcase(one.name, pattern) for pattern in patterns)
        if export or one == plan.resolve():
            raise BadInput(f"{one} is what the run reads", hint="write elsewhere, such as --out lots.jsonl")


def _file_codes(compiled: Compiled, folders: tuple[Path, ...]) -> Mapping[str, Mapping[str, str]]:
    """The code lists that stand in files, for the examples."""
    lists = {name: codes for name, codes in compiled.plan.codes.items() if isinstance(codes, CodeFile)}
    if not lists:
        return {}
    reader, files = Exports(), dict[str, list[SourceFile]]()
    for name, codes in lists.items():
        files[name] = asyncio.run(reader.read_pattern(codes.file, *folders))
    try:
        return code_lists(compiled.plan, files)
    except Unreadable as broken:
        raise BadInput(broken.finding.message, hint=broken.finding.hint, place=broken.finding.place.source) from None


# --- showing ---


def _show(findings: Sequence[Finding], before: str = "") -> None:
    out = console(error=True)
    for finding in findings[:_SHOWN]:
        out.print(before + _line(finding), markup=False)
        if finding.hint:
            out.print(f"  do: {finding.hint}", markup=False)
    if len(findings) > _SHOWN:
        out.print(f"... and {len(findings) - _SHOWN} more; --json has all", markup=False)


def _show_run(work: Work, ran: Ran, plan: Path, since: Path | None) -> None:
    made = counted(len(ran.documents), "document") + ("" if since is None else " new or changed")
    console().print(f"{counted(ran.rows, 'row')}, {made}, {counted(len(ran.findings), 'finding')}", markup=False)
    if since is not None:
        console().print(
            f"{ran.unchanged} as before, {len(ran.gone)} gone {one_line(' '.join(ran.gone[:_SHOWN]))}", markup=False
        )
    _show(ran.findings)
    _show(ran.doubts, "look: ")
    _say_ids(work)
    if not ran.findings:
        next_step(f"battery-connector publish {quote(str(plan))} --policy POLICY --config FILE")


def _line(finding: Finding) -> str:
    place = finding.place
    where = [
        place.source,
        f"sheet {place.sheet}" if place.sheet else "",
        f"{place.unit} {place.line}" if place.line else "",
    ]
    where += (
        [f"record {place.record}"] if place.record and place.line <= 1 and place.unit == "line" else []
    )  # all in one: JSON, XML
    at = ", ".join(part for part in [*where, place.column] if part)
    return one_line(f"{at}: {finding.message} [{finding.code}]")


def _beside(shown: JsonObject) -> None:
    out = console()
    out.print(one_line(str(shown["title"])), style="bold", markup=False)
    cells = shown["cells"]
    for pointer, cell in cells.items() if isinstance(cells, dict) else ():
        out.print(f"  {pointer}  <-  {one_line(str(cell))}", markup=False)
    out.print(shown_json(shown["subject"]), markup=False)


def _say_ids(work: Work) -> None:
    if work.throw_away:
        console(error=True).print(f"note: {_THROW_AWAY}", markup=False)
