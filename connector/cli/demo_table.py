"""The demo's result as tables in a terminal."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.table import Table

from connector.cli import audit_sourcing
from connector.cli.audit_footprint import summary
from connector.cli.console import console
from connector.model import list_in, object_in
from connector.server.words import refused_in_words

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

_TONES = {"verified": "green", "sealed": "yellow", "pending": "yellow", "unchecked": "yellow", "missing": "yellow"}


def show(result: JsonObject, refused: list[JsonObject], pages: dict[str, str]) -> None:
    """Counts, the refusal, the audit."""
    out = console()
    table = Table(title="What happened", show_header=False, title_justify="left")
    for name in (
        "companies", "documents", "credentials", "negotiations_finalized", "negotiations_refused",
        "transfers_completed", "seconds",
    ):  # fmt: skip
        table.add_row(name.replace("_", " "), str(result[name]))
    out.print(table)
    for one in refused:
        _refusal(one)
    _audits(result)
    audit = object_in(result["audit"])
    _coverage(object_in(audit["coverage"]), object_in(audit["places"]))
    if footprint := object_in(audit["footprint"]):
        out.print(f"carbon footprint, kg CO2e: {summary(footprint)}", markup=False)
    for metal, shares in object_in(object_in(audit["sourcing"])["metals"]).items():
        out.print(f"source of {metal}: {audit_sourcing.summary(object_in(shares))}", markup=False)
    _findings(list_in(audit["findings"]), list_in(result["findings"]))
    for name, place in pages.items():
        out.print(f"{name}: {place}", markup=False)


def _refusal(one: JsonObject) -> None:
    out = console()
    told = object_in(one["told_to_asker"])
    out.print(f"[bold]{one['asker']}[/bold] asked {one['owner']} for {one['dataset']}: {one['state']}")
    out.print(f"  the asker is told:  {refused_in_words(told)}", markup=False)
    for rule in list_in(object_in(one["known_to_owner"]).get("rules")):
        row = object_in(rule)
        asked = ", ".join(map(str, list_in(row["right"]) or [row["right"]]))
        said = f"{row['left']} {row['operator']} {asked}: {row['state']}"
        said += f" (it is {row['value']})" if row["value"] else ""
        out.print(f"  the owner sees:     {said}", markup=False)


def _audits(result: JsonObject) -> None:
    table = Table("audit by", "battery", "verdict", "nodes", "outcomes", title="Audits", title_justify="left")
    for one in map(object_in, list_in(result["audits"])):
        words = ", ".join(
            f"[{_TONES.get(word, 'red')}]{count} {word}[/]" for word, count in object_in(one["outcomes"]).items()
        )
        table.add_row(str(one["by"]), str(one["battery"]), str(one["verdict"]), str(one["nodes"]), words)
    console().print(table)


def _coverage(coverage: JsonObject, places: JsonObject) -> None:
    if not coverage:
        return
    table = Table("metal", "kg", "verified", "physical", "allocated", "recycled", "the rest",
                  title="Origin of the contained metal, per cent", title_justify="left")  # fmt: skip
    for metal, told in coverage.items():
        part = object_in(told)
        recycled = sum(Decimal(str(share)) for share in object_in(part.get("recycled")).values())
        grounds = [
            f"{_percent(share)} {word}" for word, share in object_in(part["shares"]).items() if word != "verified"
        ]
        numbers = (_percent(part[name]) for name in ("verified", "physical", "allocated"))
        table.add_row(metal, str(part["mass"]), *numbers, _percent(recycled), ", ".join(grounds))
    console().print(table)
    for metal, told in coverage.items():
        for share in map(object_in, list_in(object_in(told)["open"])):
            place = places.get(str(share["site"]))
            what = share.get("name") or (f"what came into {place}" if place else share.get("thing"))
            console().print(f"  {metal}: {_percent(share['share'])} % {share['ground']}: {what}", markup=False)


def _percent(share: object) -> str:
    return f"{Decimal(str(share)) * 100:.1f}"


def _findings(audit: list[Json], others: list[Json]) -> None:
    out = console()
    for finding in map(object_in, audit):
        what = finding.get("what") or " ".join(str(finding[name]) for name in ("place", "period") if finding.get(name))
        out.print(f"[red]{finding['code']}[/red] at {finding['company']}: ", end="")
        out.print(f"{what}: {finding['message']}", markup=False)
        if finding.get("metal") and finding.get("residual"):
            out.print(f"  residual {finding['residual']} kg, tolerance {finding['tolerance']} kg", markup=False)
    for finding in map(object_in, others):
        out.print(f"[red]{finding.get('code')}[/red] ", end="")
        out.print(str(finding.get("message") or finding), markup=False)
    if not audit and not others:
        out.print("[green]no findings[/green]")
