"""What `audit` says about carbon footprints in a terminal: the sum upstream, how it fits, what each record states."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from connector.cli.tables import Cell, say, show_table
from connector.model import list_in, object_in, objects_in
from connector.server.words import PARTIES

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

_FITS: Final = {"holds": ("fits", "green"), "exceeded": ("contradicted", "bold red")}
_OPEN: Final = ("not comparable", "yellow")


def show_footprint(answer: JsonObject) -> None:
    """Nothing where no record states one."""
    found = object_in(answer.get("footprint") or {})
    stated = objects_in(found.get("stated"))
    if not stated:
        return
    nodes = {str(node["key"]): node for node in objects_in(answer.get("nodes"))}
    upstream = object_in(found["upstream"])
    say("\ncarbon footprint, kg CO2e", "bold")
    say(f"  {summary(found)}")
    if metals := object_in(upstream["metals"]):
        told = (f"{metal} {_percent(object_in(one)['stated'])}" for metal, one in metals.items())
        third = (f"{metal} {_percent(object_in(one)['thirdParty'])}" for metal, one in metals.items())
        say(f"  of the metal has a stated footprint: {', '.join(told)}; third-party checked: {', '.join(third)}", "dim")
    parts = {str(one["node"]): one for one in objects_in(upstream.get("parts"))}
    rows: list[tuple[Cell, ...]] = [_row(one, nodes, parts) for one in stated]
    show_table(("record", "states", "boundary", "checked by", "brings", "use"), rows)
    for one in objects_in(found.get("comparisons")):
        word, style = _FITS.get(str(one["outcome"]), _OPEN)
        say(f"  {word}: {_compared(one, nodes)}", style)


def summary(footprint: JsonObject) -> str:
    """The sum and the battery's own figures in one line."""
    total = _number(object_in(footprint["upstream"])["kgCO2e"])
    own = [one for one in objects_in(footprint.get("comparisons")) if one["kind"] == "battery"]
    figures = (f"{_number(one['whole']) or 'a figure'} ({_FITS.get(str(one['outcome']), _OPEN)[0]})" for one in own)
    said = f"the battery states {', '.join(figures)}" if own else "nothing is stated of the whole"
    told = f"{total} stated upstream by the nearest claims, not verified as a sum" if total else "no sum upstream"
    return f"{told}; {said}"


def _row(one: JsonObject, nodes: dict[str, JsonObject], parts: dict[str, JsonObject]) -> tuple[Cell, ...]:
    key = str(one["node"])
    part = parts.get(key)
    use = f"not comparable: {one['notComparable']}" if one["notComparable"] else ""
    if part is not None and not use:
        use = "held by a nearer claim" if part["counted"] == "0" else "added"
    node = nodes.get(key, {})
    return (
        str(node.get("name") or node.get("id") or key),
        f"{one['value']} per {one['declaredUnit']}",
        str(one["boundary"]),
        PARTIES.get(str(one["party"]), "not stated"),
        _number(part["kgCO2e"]) if part is not None else "",
        use,
    )


def _compared(one: JsonObject, nodes: dict[str, JsonObject]) -> str:
    farther = ", ".join(_called(key, nodes) for key in list_in(one["farther"])) or "what is added upstream"
    nearer = ", ".join(_called(key, nodes) for key in list_in(one["nearer"]))
    sums = f"{_number(one['part'])} of {_number(one['whole']) or 'unknown'}"
    return f"{farther} within {nearer}: {sums}" + (f"; {one['reason']}" if one["reason"] else "")


def _called(key: Json, nodes: dict[str, JsonObject]) -> str:
    node = nodes.get(str(key), {})
    return str(node.get("name") or node.get("id") or "a record")


def _number(text: Json) -> str:
    return f"{Decimal(str(text)):.1f}" if text else ""


def _percent(text: Json) -> str:
    return f"{Decimal(str(text)) * 100:.1f} %"
