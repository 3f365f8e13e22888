"""`demo`: the whole chain on this machine, one connector process per company, from ERP exports to an audited battery.

Everything is asked of the companies through their public faces (`storyline`), so every figure is counted from answers.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.companies import Companies, examples_folder, stop_noted
from connector.cli.console import DONE, JSON, NO, console, next_step, show_json, told
from connector.cli.storyline import Storyline, read_story
from connector.errors import BadInput

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

STORY = "mine_to_recycler"


def demo(  # noqa: PLR0917 - typer makes the options of the arguments
    items: Annotated[int, typer.Option("--items", min=1, help="Batteries of the second generation.")] = 1,
    fault: Annotated[
        str, typer.Option("--with", help="Plant a fault: tampered, revoked, missing-supplier or inflated.")
    ] = "",
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the connectors running, and say where the pages are.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to set it up. Default: a fresh temporary folder.")
    ] = None,
    fence: Annotated[bool, typer.Option("--fence", help="Let the kernel confine each process to its folder.")] = False,
    stop: Annotated[
        Path | None, typer.Option("--stop", metavar="FOLDER", help="Stop what a demo with --keep left running.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Run the whole chain on this machine: mine, refiner, cathode, cells, car, recycler, auditor.

    Example: battery-connector demo --with revoked
    """
    with told():
        if stop is not None:
            console().print(f"stopped {stop_noted(stop)} processes")
            return
        began = time.monotonic()
        story = read_story(examples_folder() / STORY)
        if fault and fault not in _dict(story["faults"]):
            raise BadInput(f"no fault {fault!r}", hint=f"known: {', '.join(_dict(story['faults']))}")
        place = _place(folder)
        companies = Companies(story=examples_folder() / STORY, folder=place, fence=fence)
        try:
            line = _run(companies, story, fault, items, quiet=as_json)
            result = _result(companies, line, time.monotonic() - began)
            pages: dict[str, str] = {}
            if as_json:
                show_json(result)
            else:
                from connector.cli import demo_table  # noqa: PLC0415 - rich is only loaded to be looked at

                demo_table.show(result, line.told.refused, pages)
        finally:
            if keep:
                companies.leave()
            else:
                companies.close()
        if keep and not as_json:
            _what_next(companies, pages)
        elif folder is None and not keep:
            shutil.rmtree(place, ignore_errors=True)
    raise SystemExit(NO if fault or _dict(result["audit"])["findings"] or line.told.findings else DONE)


def _place(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="battery-connector-"))
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty", hint="choose a fresh folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def _run(companies: Companies, story: JsonObject, fault: str, items: int, *, quiet: bool) -> Storyline:
    """Set the story up and play it, with a line per stage while it runs."""
    out = console(error=True)

    def on_stage(name: str, says: str) -> None:
        if not quiet:
            out.print(f"[bold]{name:<11}[/bold] {says}")

    cast = _dict(story["story"])
    on_stage("set-up", f"keys, configuration and exports for {len(_list(cast['companies']))} companies")
    companies.set_up([str(one) for one in _list(cast["companies"])], [str(one) for one in _list(cast["signers"])],
                     str(cast["now"]))  # fmt: skip
    line = Storyline(companies=companies, story=story, fault=fault, items=items, on_stage=on_stage)
    line.prepare()
    companies.start()
    line.play()
    return line


def _result(companies: Companies, line: Storyline, seconds: float) -> JsonObject:
    """The published shape: the figures of the auditor's walk, and of what led to it."""
    report = line.told.audits[0][1]
    return {
        "companies": len(companies.connectors),
        "documents": line.told.documents,
        "credentials": line.told.credentials,
        "negotiations_finalized": line.told.negotiations_finalized,
        "negotiations_refused": len(line.told.refused),
        "transfers_completed": line.told.transfers_completed,
        "audit": {
            "verdict": report["verdict"],
            "nodes": len(_list(report["nodes"])),
            "outcomes": report["outcomes"],
            "unreached": report["unreached"],
            "coverage": report["coverage"],
            "findings": report["findings"],
        },
        "audits": [_short(step, one) for step, one in line.told.audits],
        "findings": line.told.findings,
        "seconds": round(seconds, 1),
    }


def _short(step: dict[str, object], report: JsonObject) -> JsonObject:
    return {
        "by": str(step["company"]), "battery": str(step["battery"]), "verdict": report["verdict"],
        "outcomes": report["outcomes"], "nodes": len(_list(report["nodes"])),
    }  # fmt: skip


def _write_pages(companies: Companies, line: Storyline) -> dict[str, str]:
    """The reports as files, and where the passport pages are."""
    from connector.server.report import render_json  # noqa: PLC0415 - Jinja is only loaded for pages

    pages: dict[str, str] = {}
    own = next((one for step, one in line.told.audits if step["company"] != line.told.audits[0][0]["company"]), None)
    full = line.told.audits[0][1]
    for name, report, client in (("audit report", full, None), ("report for the client", full, own)):
        if client is None and name != "audit report":
            continue
        path = companies.folder / f"{name.replace(' ', '-')}.html"
        path.write_text(render_json(report, client=client), "utf-8")
        pages[name] = str(path)
    (companies.folder / "audit.json").write_text(json.dumps(full, indent=2), "utf-8")
    for step, _ in line.told.audits[:2]:
        url = companies.connectors["car"].config.public_url
        pages[f"passport {step['battery']}"] = f"{url}/passport/{step['battery']}"
    return pages


def _what_next(companies: Companies, pages: dict[str, str]) -> None:
    out = console()
    for name, place in pages.items():
        out.print(f"{name}: {place}", markup=False)
    auditor, car = companies.connectors["auditor"], companies.connectors["car"]
    battery = _dict(read_story(companies.story)["story"])["battery"]
    next_step(f"battery-connector audit {battery} --peer car --config {auditor.config_file} --out audit.html")
    next_step(f"battery-connector received --config {car.config_file}")
    next_step(f"battery-connector catalog cathode --config {companies.connectors['competitor'].config_file}")
    next_step(f"battery-connector demo --stop {companies.folder}   (ends all of them)")


def _dict(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Json]:
    return value if isinstance(value, list) else []
