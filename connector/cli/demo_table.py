"""The demo's result as tables in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from connector.cli.console import console

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
    _coverage(_dict(_dict(result["audit"])["coverage"]))
    _findings(_list(_dict(result["audit"])["findings"]), _list(result["findings"]))
    for name, place in pages.items():
        out.print(f"{name}: {place}", markup=False)


def _refusal(one: JsonObject) -> None:
    out = console()
    told = _dict(one["told_to_asker"])
    out.print(f"[bold]{one['asker']}[/bold] asked {one['owner']} for {one['dataset']}: {one['state']}")
    out.print(f"  the asker is told:  {told.get('code')} {told.get('reason')}", markup=False)
    for rule in _list(_dict(one["known_to_owner"]).get("rules")):
        row = _dict(rule)
        said = f"{row['left']} {row['operator']} {row['right']}: {row['state']} (value {row['value']})"
        out.print(f"  the owner sees:     {said}", markup=False)


def _audits(result: JsonObject) -> None:
    table = Table("audit by", "battery", "verdict", "nodes", "outcomes", title="Audits", title_justify="left")
    for one in map(_dict, _list(result["audits"])):
        words = ", ".join(
            f"[{_TONES.get(word, 'red')}]{count} {word}[/]" for word, count in _dict(one["outcomes"]).items()
        )
        table.add_row(str(one["by"]), str(one["battery"]), str(one["verdict"]), str(one["nodes"]), words)
    console().print(table)


def _coverage(coverage: JsonObject) -> None:
    if not coverage:
        return
    table = Table("metal", "verified", "physical", "allocated", "not attested", title="Origin of the contained metal",
                  title_justify="left")  # fmt: skip
    for metal, shares in coverage.items():
        share = _dict(shares)
        table.add_row(
            metal, *(str(share.get(name, "")) for name in ("verified", "physical", "allocated", "unattested"))
        )
    console().print(table)


def _findings(audit: list[Json], others: list[Json]) -> None:
    out = console()
    for finding in map(_dict, [*audit, *others]):
        out.print(f"[red]{finding.get('code')}[/red] ", end="")
        out.print(str(finding.get("message") or finding), markup=False)
    if not audit and not others:
        out.print("[green]no findings[/green]")


def _dict(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Json]:
    return value if isinstance(value, list) else []
