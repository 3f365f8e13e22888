"""How commands show much at once: tables, findings, progress. What peers and exports say is text, never markup."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from connector.cli.console import console, one_line
from connector.model import list_in, objects_in

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

FINDINGS_SHOWN = 50
_WIDTH_WITHOUT_TERMINAL = 200

_MARKS: Final = {"passed": "[green]✓[/green]", "failed": "[red]✗[/red]", "unchecked": "[yellow]?[/yellow]"}
_STATES: Final = {
    "satisfied": "green",
    "not-satisfied": "bold red",
    "unknown": "bold yellow",
    "not-checked-here": "dim",
    "accepted": "cyan",
}
Cell = str | tuple[str, str]
"""A text, or a text with its style."""


def show_table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, error: bool = False) -> None:
    """A table; where nobody sees it, wide enough to be searched in."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(
            *(Text(one_line(one), "") if isinstance(one, str) else Text(one_line(one[0]), one[1]) for one in row)
        )
    out = console(error=error)
    if not out.is_terminal:
        out.width = _WIDTH_WITHOUT_TERMINAL
    out.print(table, soft_wrap=False)


def has_room(columns: int) -> bool:
    """Whether a table of this width can be read as one."""
    out = console()
    return not out.is_terminal or out.width >= columns


def say(text: str, style: str = "") -> None:
    """A line of others' words. They begin no line of their own: it could look like ours, with a command to paste."""
    own = text.removeprefix("\n")
    if own != text:
        console().print()
    console().print(one_line(own), style=style or None, markup=False)


def show_findings(findings: Sequence[Json]) -> None:
    """What is wrong, with place, value, reason and what to do."""
    objects = [one for one in findings if isinstance(one, dict)]
    rows = [
        (_file(one), _row(one), _text(one, "column"), _text(one, "value"), _reason(one), _text(one, "hint"))
        for one in objects[:FINDINGS_SHOWN]
    ]
    show_table(("file", "row", "column", "value", "reason", "what to do"), rows, error=True)
    if len(objects) > FINDINGS_SHOWN:
        console(error=True).print(f"... and {len(objects) - FINDINGS_SHOWN} more; --json has all", markup=False)


def _file(finding: JsonObject) -> str:
    sheet = _text(finding, "sheet")
    return _text(finding, "source") + (f", sheet {sheet}" if sheet else "")


def _row(finding: JsonObject) -> str:
    line, record = finding.get("line"), finding.get("record")
    unit = _text(finding, "unit")
    if unit:
        return f"{unit} {line}"
    if line == 1 and record:  # all in one line, as JSON and XML often are
        return f"record {record}"
    return str(line or record or "")


def _reason(finding: JsonObject) -> str:
    return f"{_text(finding, 'message')} [{_text(finding, 'code')}]"


def _text(finding: JsonObject, name: str) -> str:
    value = finding.get(name)
    return "" if value is None else str(value)


def show_decision(decision: JsonObject) -> None:
    """What the policy said, and each constraint beside what it was compared to."""
    from connector.server.entries import because

    permit = decision.get("decision") == "permit"
    out = console()
    out.print(
        f"our policy's decision: [bold {'green' if permit else 'red'}]{decision.get('decision')}[/]"
        f" ({decision.get('reason')}), stage {decision.get('stage')}, at {decision.get('at')}"
    )
    if reason := because(decision):
        say(f"  because {reason}")
    for doubt in () if permit else list_in(decision.get("doubted")):
        say(f"  shown in vain: {doubt}", "yellow")
    if permit and not decision.get("rules"):
        say("  it has no constraint")
    rows: list[tuple[Cell, ...]] = [
        (
            str(rule["constraint"]),
            str(rule["left"]),
            str(rule["operator"]),
            _joined(rule["right"]),
            _joined(rule["value"]) or "nothing known",
            (str(rule["state"]), _style(rule)),
        )
        for rule in objects_in(decision.get("rules"))
    ]
    if rows:
        show_table(("constraint", "left", "operator", "right", "value", "state"), rows)


def _style(rule: JsonObject) -> str:
    """The colour of a state; in a prohibition what is satisfied is nothing good."""
    return "" if str(rule["constraint"]).startswith("prohibition") else _STATES.get(str(rule["state"]), "")


def _joined(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def show_checks(checks: Json) -> None:
    """Numbered checks, each with its outcome and the rule that asks for it."""
    for check in objects_in(checks):
        mark = _MARKS.get(str(check["outcome"]), "·")
        console().print(f"  {mark} {check['step']:>2} {check['name']:<11} ", end="")
        said = f"{check['code'] or check['outcome']}  {check['detail']}  ({check['spec']})"
        console().print(one_line(said), markup=False)


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[JsonObject], None]]:
    """A line that moves while long work runs; only where somebody looks."""
    out = console(error=True)
    if quiet or not out.is_terminal:
        yield lambda _: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as shown:
        task = shown.add_task(what, total=None)

        def tell(how_far: JsonObject) -> None:
            at = f", {one_line(str(how_far['at']))}" if "at" in how_far else ""
            said = one_line(str(how_far["waiting"])) if "waiting" in how_far else f"{how_far.get('done')}{at}"
            shown.update(task, description=f"{what}: {said}")

        yield tell
