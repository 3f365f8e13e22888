"""What every command shares in talking to people: exit codes, errors, `--json`, the next step at the end.

Exit codes (a contract): 0 done and good; 1 done, but the answer is "no"; 2 bad usage or bad input; 3 could not be
checked or peer unreachable; 70 (EX_SOFTWARE of sysexits.h) a bug, here or in the connector that was asked.
"""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import typer

from connector.errors import BadInput, CannotCheck, ConnectorError, NotAllowed, NotFound, Unavailable
from connector.server.words import visible

if TYPE_CHECKING:
    from rich.console import Console

    from connector.model import Json

_CONFIG_VARIABLE: Final = "CONNECTOR_CONFIG"
_ELSEWHERE: Final = ContextVar("elsewhere", default="")
"""The `--config` that was given to the running command, where the next one would not find it by itself."""


def _noted(config: Path | None) -> Path | None:
    return _noted_if_asked(None if str(config) == "connector.toml" else config) or config


def _noted_if_asked(config: Path | None) -> Path | None:
    """Of a command that looks for no company where none is said."""
    found_anyway = {"None", os.environ.get(_CONFIG_VARIABLE, "")}
    _ELSEWHERE.set("" if str(config) in found_anyway else str(config))
    return config


CONFIG = Annotated[
    Path,
    typer.Option("--config", help="The company's configuration file.", envvar=_CONFIG_VARIABLE, callback=_noted),
]
SETTINGS_OF = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="CONFIG",
        help="Whose names of peers and settings count.",
        envvar=_CONFIG_VARIABLE,
        callback=_noted_if_asked,
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="Machine-readable answer.")]


class Bug(ConnectorError):
    """The running connector met a bug of its own."""

    code = "bug"


def finite(value: float) -> float:
    """A number with which one can reckon: a bound on a range lets `nan` pass."""
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number.")
    return value


WAIT = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", min=0, max=86_400, callback=finite, help="How long to wait for the peer."
    ),
]
CODE = Annotated[str, typer.Option("--code", help="A word for the peer's machine.")]
REASON = Annotated[str, typer.Option("--reason", help="A sentence for the peer's people.")]
PEER = Annotated[str, typer.Argument(metavar="PEER", help="A name of `[peers]`, a DID, or a connector's address.")]
KEY = Annotated[str, typer.Option("--idempotency-key", help="Repeat a command safely: the same key, the same work.")]

_FILE_HINTS: Final = {
    errno.EACCES: "you are not allowed to: be the user to whom it belongs (`ls -l` says who), as the connector is",
    errno.EPERM: "you are not allowed to: be the user to whom it belongs (`ls -l` says who), as the connector is",
    errno.EEXIST: "it is there already, and nothing is written over: name another",
    errno.ENOSPC: "make room on that disk, and repeat the command",
    errno.EROFS: "this disk can be read alone: write elsewhere",
}
_FILE_HINT: Final = "see that its folder is there, and that you may use both"
DONE, NO, BAD_USAGE, UNCHECKED, BUG = 0, 1, 2, 3, 70
_AS_JSON: Final = ContextVar("as_json", default=False)
"""Whether a machine asked, so that an error is told as JSON too."""


def console(*, error: bool = False) -> Console:
    """A console for people: no colours where nobody sees them, and `did:key:` is no picture of a key."""
    from rich.console import Console

    return Console(stderr=error, highlight=False, soft_wrap=True, emoji=False)


def show_json(value: Json) -> None:
    """The machine's answer, and nothing else, on standard output."""
    sys.stdout.write(shown_json(value) + "\n")


def shown_json(value: Json, indent: int | None = 2) -> str:
    """JSON for machines that a person may look at: what would move a terminal's cursor is escaped, as JSON does it."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    return f"\\u{ord(one):04x}" if one == "\x7f" else json.dumps(one)[1:-1]


def one_line(text: str) -> str:
    """The same for what has to stay on its line."""
    return visible(text).replace("\n", "\\n")


def keep_log_quiet() -> None:
    """For a command that says itself what the house would log."""
    logging.getLogger("connector").addHandler(logging.NullHandler())


def day_of(text: str) -> date:
    """The day that an option names."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no day", hint="such as 2027-03-01") from None


def of_company(command: str) -> str:
    """The command with the `--config` that the running one was given, where it would not find that by itself."""
    elsewhere = _ELSEWHERE.get()
    ours = elsewhere and "battery-connector " in command and " --config " not in command
    return command + (f" --config {quote(elsewhere)}" if ours else "")


def next_step(command: str, note: str = "", *, error: bool = False) -> None:
    """What to do now, for people: a command, or a sentence that ends with one, so that it can be copied.

    `error`: on standard error, because standard output is a document.
    The command gets the `--config` that this one was given; one in the `note` (not about this company) does not.
    """
    out = console(error=error)
    out.print("[dim]next:[/dim] ", end="")
    out.print(one_line(of_company(command) + note), markup=False)


@contextmanager
def told() -> Iterator[None]:
    """Turn the error tree into a sentence, a hint and an exit code. Bugs stay bugs.

    What the machine says of a file (not there, not ours to write, a full disk) is bad input too.
    """
    try:
        yield
    except ConnectorError as error:
        raise SystemExit(_say(error)) from None
    except OSError as error:
        if not error.filename and error.errno != errno.ENOSPC:
            raise
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        hint = _FILE_HINTS.get(error.errno or 0, _FILE_HINT)
        raise SystemExit(_say(BadInput(f"{where}{error.strerror or 'it cannot be used'}", hint=hint))) from None
    finally:
        _ELSEWHERE.set("")


@contextmanager
def for_machines() -> Iterator[None]:
    """Errors within are told on standard output, as `{"error": {code, message, place, hint}}`; exit codes are the same.

    A bug is told as well, and stays one.
    """
    before = _AS_JSON.set(True)
    try:
        yield
    except BrokenPipeError:  # nobody reads any more
        raise
    except Exception as bug:  # told to the machine, and raised again: a bug stays one
        show_error(Bug.code, f"{type(bug).__name__}: {bug}", hint="what happened stands on standard error: report it")
        raise
    finally:
        _AS_JSON.reset(before)


def show_error(code: str, message: str, *, place: str = "", hint: str = "") -> None:
    """An error, for who asked for JSON."""
    show_json({"error": {"code": code, "message": message, "place": place, "hint": hint}})


def _say(error: ConnectorError) -> int:
    """The error for who asked; its exit code."""
    if _AS_JSON.get():
        show_error(error.code, error.detail, place=error.place, hint=error.hint)
        return _exit_code(error)
    out = console(error=True)
    out.print(f"[bold red]{error.code}:[/bold red] ", end="")
    out.print(one_line(error.detail), markup=False)
    if error.place:
        out.print(one_line(f"  at: {error.place}"), markup=False)
    if error.hint:
        out.print(one_line(f"  do: {error.hint}"), markup=False)
    return _exit_code(error)


def _exit_code(error: ConnectorError) -> int:
    if isinstance(error, Bug):
        return BUG
    if isinstance(error, CannotCheck | Unavailable):
        return UNCHECKED
    if isinstance(error, BadInput | NotFound):
        return BAD_USAGE
    return NO if isinstance(error, NotAllowed) else BAD_USAGE
