"""`demo`: the whole chain on this machine, one connector process per company, from ERP exports to an audited battery.

Everything is asked of the companies through their public faces (`storyline`), so every figure is counted from answers.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.companies import Companies, examples_folder
from connector.cli.console import DONE, JSON, NO, console, next_step, show_json, told
from connector.cli.spawned import stop_noted
from connector.cli.storyline import Storyline, read_story
from connector.errors import BadInput
from connector.model import counted, list_in, object_in

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

STORY = "mine_to_recycler"
BUNDLE = "audit.zip"


def demo(
    items: Annotated[
        int, typer.Option("--items", min=1, max=1_000_000, help="Batteries of the second generation.")
    ] = 1,
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
            ended = stop_noted(stop)
            if as_json:
                show_json({"stopped": ended})
            else:
                console().print(f"stopped {counted(ended, 'process', 'processes')}")
                next_step("battery-connector demo --keep")
            return
        began = time.monotonic()
        story = read_story(examples_folder() / STORY)
        if fault and fault not in object_in(story["faults"]):
            raise BadInput(f"no fault {fault!r}", hint=f"known: {', '.join(object_in(story['faults']))}")
        place = _place(folder)
        companies = Companies(story=examples_folder() / STORY, folder=place, fence=fence)
        try:
            line = _run(companies, story, fault, items, quiet=as_json)
            result = _result(companies, line, time.monotonic() - began)
            pages = _write_pages(companies, line, running=keep)
            if as_json:
                show_json({**result, "pages": {**pages}})
            else:
                from connector.cli import demo_table

                demo_table.show(result, line.told.refused, pages)
        finally:
            if keep:
                companies.leave()
            else:
                companies.close()
        if not as_json:
            next_step(
                f"battery-connector audit verify {quote(str(place / BUNDLE))}", "   (needs nothing but that file)"
            )
        if keep and not as_json:
            _what_next(companies)
        elif folder is None and not keep:
            _clear(place, pages)
    as_told = all("sealed" in step or report["verdict"] == "verified" for step, report in line.told.audits)
    raise SystemExit(DONE if as_told and not fault and not line.told.findings else NO)


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

    cast = object_in(story["story"])
    on_stage("set-up", f"keys, configuration and exports for {len(list_in(cast['companies']))} companies")
    companies.set_up([str(one) for one in list_in(cast["companies"])], [str(one) for one in list_in(cast["signers"])],
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
            "nodes": len(list_in(report["nodes"])),
            "outcomes": report["outcomes"],
            "unreached": report["unreached"],
            "coverage": report["coverage"],
            "places": report["places"],
            "footprint": report["footprint"],
            "sourcing": report["sourcing"],
            "findings": _findings(companies, report),
        },
        "audits": [_short(step, one) for step, one in line.told.audits],
        "findings": line.told.findings,
        "seconds": round(seconds, 1),
    }


def _findings(companies: Companies, report: JsonObject) -> list[Json]:
    """What the audit names: records whose word is another than verified, and what does not add up; with the company."""
    from connector.cli.audit import record_called

    names = {did: name for name, did in companies.dids().items()}
    nodes = [object_in(node) for node in list_in(report["nodes"])]
    places = object_in(report["places"])
    owners = {str(node["subject"]): str(node["holder"]) for node in nodes if node["type"] == "FacilityRecord"}
    found: list[Json] = []
    for node in nodes:
        if node["outcome"] != "verified":
            signer, holder = str(node["issuer"] or node["holder"]), str(node["holder"])
            found.append({
                "code": node["outcome"], "company": names.get(signer, signer), "holder": names.get(holder, holder),
                "type": node["type"], "name": node["name"], "what": record_called(node, report), "record": node["id"],
                "message": "; ".join(str(reason) for reason in list_in(node["reasons"])),
            })  # fmt: skip
    for one in map(object_in, list_in(report["findings"])):
        owner = owners.get(str(one["site"]), "")
        place = places.get(str(one["site"]), one["site"])
        found.append({**one, "company": names.get(owner, owner), "place": place})
    return found


def _short(step: dict[str, object], report: JsonObject) -> JsonObject:
    return {
        "by": str(step["company"]), "battery": str(step["battery"]), "verdict": report["verdict"],
        "outcomes": report["outcomes"], "nodes": len(list_in(report["nodes"])),
    }  # fmt: skip


def _write_pages(companies: Companies, line: Storyline, *, running: bool) -> dict[str, str]:
    """The reports as files, and where the passport pages are while the connectors run."""
    from connector.server.report import render_json

    step, full = line.told.audits[0]
    client, own = next(
        (one for one in line.told.audits if one[0]["company"] != step["company"]), (step, full)
    )  # an ordinary customer's audit of the same battery
    title = companies.connectors[str(client["company"])].title
    texts = {
        "audit report": ("audit-report.html", render_json(full)),
        "report for the client": (
            "report-for-the-client.html",
            render_json(full, client=own, prepared_for=title),
        ),
        "audit as JSON": ("audit.json", json.dumps(full, indent=2)),
        "the client's own audit": ("audit-by-the-client.json", json.dumps(own, indent=2)),
    }
    for other, report in line.told.audits:
        if other["battery"] != step["battery"]:
            name = f"audit-{other['battery']}"
            texts[f"audit report {other['battery']}"] = (f"{name}.html", render_json(report))
            texts[f"audit {other['battery']} as JSON"] = (f"{name}.json", json.dumps(report, indent=2))
    bundle = companies.folder / BUNDLE
    bundle.write_bytes(line.told.bundles[0])
    pages: dict[str, str] = {"audit bundle": str(bundle)}
    for name, (file, text) in texts.items():
        (companies.folder / file).write_text(text, "utf-8")
        pages[name] = str(companies.folder / file)
    if running:
        url = companies.connectors["car"].config.public_url
        batteries = dict.fromkeys(str(other["battery"]) for other, _ in line.told.audits)
        pages |= {f"passport {battery}": f"{url}/passport/{battery}" for battery in batteries}
    return pages


def _clear(place: Path, pages: dict[str, str]) -> None:
    """Leave the reports, and nothing else, of a demo that was given no folder."""
    for path in place.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif str(path) not in pages.values():
            path.unlink()


def _what_next(companies: Companies) -> None:
    console().print("the connectors go on running")
    names = ("auditor", "car", "competitor")
    auditor, car, competitor = (quote(str(companies.connectors[one].config_file)) for one in names)
    battery = object_in(read_story(companies.story)["story"])["battery"]
    next_step(f"battery-connector audit {battery} --peer car --config {auditor} --bundle b.zip")
    next_step(f"battery-connector received --config {car}")
    next_step(f"battery-connector open --browser --config {car}")
    next_step(f"battery-connector catalog cathode --config {competitor}")
    next_step(f"battery-connector demo --stop {quote(str(companies.folder))}   (ends all of them)")
