"""What every command shares in talking to people: exit codes, errors, `--json`, the next step at the end.

Exit codes (a contract): 0 done and good; 1 done, but the answer is "no"; 2 bad usage or bad input; 3 could not be
checked or peer unreachable.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import BadInput, CannotCheck, ConnectorError, NotAllowed, NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from connector.model import Json

CONFIG = Annotated[Path, typer.Option("--config", help="The company's configuration file.", envvar="CONNECTOR_CONFIG")]
JSON = Annotated[bool, typer.Option("--json", help="Machine-readable answer.")]
KEY = Annotated[str, typer.Option("--idempotency-key", help="Repeat a command safely: the same key, the same work.")]

DONE, NO, BAD_USAGE, UNCHECKED = 0, 1, 2, 3


def console(*, error: bool = False) -> Console:
    """A console for people: no colours where nobody sees them."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms that `--json` need not pay

    return Console(stderr=error, highlight=False, soft_wrap=True)


def show_json(value: Json) -> None:
    """The machine's answer, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def visible(text: str) -> str:
    """Control characters in what peers and exports say never reach the terminal."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)


def next_step(text: str) -> None:
    """What to do now, for people."""
    out = console()
    out.print("[dim]next:[/dim] ", end="")
    out.print(visible(text), markup=False)


@contextmanager
def told() -> Iterator[None]:
    """Turn the error tree into a sentence, a hint and an exit code. Bugs stay bugs."""
    try:
        yield
    except ConnectorError as error:
        out = console(error=True)
        out.print(f"[bold red]{error.code}:[/bold red] ", end="")
        out.print(visible(error.detail), markup=False)
        if error.place:
            out.print(visible(f"  at: {error.place}"), markup=False)
        if error.hint:
            out.print(visible(f"  do: {error.hint}"), markup=False)
        raise SystemExit(_exit_code(error)) from None


def _exit_code(error: ConnectorError) -> int:
    if isinstance(error, CannotCheck):
        return UNCHECKED
    if isinstance(error, BadInput | NotFound):
        return BAD_USAGE
    return NO if isinstance(error, NotAllowed) else BAD_USAGE
