"""What `audit` says about responsible sourcing in a terminal: who stands behind the places that the metal came from."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from connector.cli.tables import Cell, say, show_table
from connector.model import object_in, objects_in

if TYPE_CHECKING:
    from connector.model import JsonObject


def show_sourcing(answer: JsonObject) -> None:
    """Nothing where no record states any."""
    found = object_in(answer.get("sourcing") or {})
    stated = objects_in(found.get("stated"))
    if not stated:
        return
    places, nodes = object_in(answer["places"]), {str(node["key"]): node for node in objects_in(answer.get("nodes"))}
    say("\nresponsible sourcing, by who stands behind what is said of the sites", "bold")
    for metal, one in object_in(found["metals"]).items():
        say(f"  {metal}: {summary(object_in(one))}")
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in stated:
        node = nodes.get(str(one["node"]), {})
        alike.setdefault(_said(one, places), []).append(str(node.get("name") or node.get("id") or one["node"]))
    rows: list[tuple[Cell, ...]] = [(", ".join(records), *said) for said, records in alike.items()]
    show_table(("record", "states", "result", "counts for"), rows)
    bare = [str(places.get(str(one["site"]), one["site"])) for one in objects_in(found["sites"])
            if one["standing"] == "unstated"]  # fmt: skip
    if bare:
        say(f"  nothing counts for: {', '.join(bare)}", "yellow")


def summary(shares: JsonObject) -> str:
    """One metal's shares in a line."""
    return ", ".join(f"{Decimal(str(share)) * 100:.1f} % {word}" for word, share in shares.items())


def _said(one: JsonObject, places: JsonObject) -> tuple[str, ...]:
    """What it states, the result, and what it counts for."""
    place, scheme = str(places.get(str(one["site"]), one["site"])), f"{one['scheme']} {one['schemeVersion']}".strip()
    use = f"{place}: {one['standing']}" if one["standing"] else place
    told = f"not counted: {one['notCounted']}" if one["notCounted"] else use
    return (
        f"{one['kind']}: {scheme}" if scheme else str(one["kind"]),
        str(one["score"]),
        "; ".join(part for part in (told, str(one.get("note", ""))) if part),
    )
