"""`transfers`: what is being transferred, and an operator's suspend, resume, complete and terminate, from either side.

How a transfer begins is `fetch`'s (`exchange`), why it stands where it stands is `why`'s.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote as shell_quote
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from connector.cli.client import Management
from connector.cli.console import (
    CODE,
    CONFIG,
    DONE,
    JSON,
    NO,
    REASON,
    UNCHECKED,
    WAIT,
    console,
    next_step,
    show_json,
    told,
)
from connector.cli.tables import Cell, progress, say, show_table
from connector.config import load
from connector.model import objects_in
from connector.server.words import called, refused_in_words

if TYPE_CHECKING:
    from connector.model import JsonObject

app = typer.Typer(
    help="Transfers: list, start, suspend, resume, complete, terminate.",
    rich_markup_mode=None,
    invoke_without_command=True,
)
ID = Annotated[str, typer.Argument(metavar="ID", help="The transfer: our id or the peer's. `transfers` lists them.")]
_SECONDS: Final = 30.0
_STATES: Final = {"STARTED": "green", "SUSPENDED": "yellow", "COMPLETED": "dim", "TERMINATED": "red"}


@app.callback()
def transfers(context: typer.Context, config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """All transfers, those that run first.

    Example: battery-connector transfers
    """
    if context.invoked_subcommand is None:
        listed(config, as_json)


@app.command("list")
def listed(config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """All transfers, those that run first; the same without a word behind `transfers`.

    Example: battery-connector transfers list
    """
    with told():
        answer, company = Management.of(config).get("/v1/transfers"), load(config)
        found = objects_in(answer.get("transfers"))
        if as_json:
            show_json(answer)
            return
        if not found:
            say("no transfers yet")
            next_step("battery-connector fetch AGREEMENT")
            return
        rows: list[tuple[Cell, ...]] = [
            (
                (str(one["state"] or "begun"), _STATES.get(str(one["state"]), "yellow")),
                str(one["role"]),
                called(company, one["counterparty"]),
                str(one["title"] or one["dataset"] or ""),
                str(one["updated"]),
                str(one["pid"]),
            )
            for one in found
        ]
        show_table(("state", "we are", "with", "dataset", "last change", "id"), rows)
        if answer.get("more"):
            say(f"... and {answer['more']} more that are over")
        next_step(f"battery-connector why {shell_quote(str(found[0]['pid']))}")


@app.command()
def start(ident: ID, wait: WAIT = _SECONDS, config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """Start a transfer that waits for a person (`[approvals]`). Exit code 3: the peer has not answered yet.

    Example: battery-connector transfers start urn:uuid:5a0f...
    """
    _act("start", ident, {"wait_seconds": wait}, config, as_json=as_json)


@app.command()
def suspend(
    ident: ID, code: CODE = "", reason: REASON = "", wait: WAIT = _SECONDS, config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:  # fmt: skip
    """Pause a transfer. As provider, the data is closed at once. Exit code 3: the peer has not answered yet.

    Example: battery-connector transfers suspend urn:uuid:5a0f... --reason "stock-taking"
    """
    _act("suspend", ident, {"code": code, "reason": reason, "wait_seconds": wait}, config, as_json=as_json)


@app.command()
def resume(ident: ID, wait: WAIT = _SECONDS, config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """Let a suspended transfer go on; the provider gives a fresh data address. Exit code 1: its policy says no now.

    Example: battery-connector transfers resume urn:uuid:5a0f...
    """
    _act("resume", ident, {"wait_seconds": wait}, config, as_json=as_json)


@app.command()
def complete(ident: ID, wait: WAIT = _SECONDS, config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """End a transfer well: everything is there. Exit code 3: the peer has not answered yet.

    Example: battery-connector transfers complete urn:uuid:5a0f...
    """
    _act("complete", ident, {"wait_seconds": wait}, config, as_json=as_json)


@app.command()
def terminate(
    ident: ID, code: CODE = "", reason: REASON = "", wait: WAIT = _SECONDS, config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:  # fmt: skip
    """End a transfer for good. As provider, the data is closed at once. Exit code 3: the peer has not answered yet.

    Example: battery-connector transfers terminate urn:uuid:5a0f... --reason "certificate withdrawn"
    """
    _act("terminate", ident, {"code": code, "reason": reason, "wait_seconds": wait}, config, as_json=as_json)


_GOALS: Final = {
    "start": "STARTED", "suspend": "SUSPENDED", "resume": "STARTED", "complete": "COMPLETED", "terminate": "TERMINATED"
}  # fmt: skip


def _act(word: str, ident: str, body: JsonObject, config: Path, *, as_json: bool) -> None:
    with told():
        with progress(f"{word}, waiting for the peer", quiet=as_json):
            answer = Management.of(config).post(f"/v1/transfers/{quote(ident, safe=':')}/{word}", body)
        state, there = str(answer["state"]), answer["state"] == _GOALS[word] and not answer["pending"]
        over = state in {"COMPLETED", "TERMINATED"}
        if as_json:
            show_json(answer)
        else:
            _show(answer, state, word, there=there)
    raise SystemExit(DONE if there else NO if over else UNCHECKED)


def _show(answer: JsonObject, state: str, word: str, *, there: bool) -> None:
    console().print(f"[bold {_STATES.get(state, 'yellow')}]{state or 'begun'}[/]", end="")
    if answer["pending"]:
        then = ", then we end it" if word == "terminate" and "Termination" not in str(answer["pending"]) else ""
        say(f": our {answer['pending']} is not answered yet; it is sent again until it is{then}")
    elif there:
        say(": both sides are there")
    else:
        say(": it did not come there")
    if state == "TERMINATED" and isinstance(answer["termination"], dict) and answer["termination"].get("by") != "us":
        say(refused_in_words(answer["termination"]))
    resumable = state == "SUSPENDED" and not answer["pending"]
    next_step(f"battery-connector {'transfers resume' if resumable else 'why'} {answer['transfer']}")
