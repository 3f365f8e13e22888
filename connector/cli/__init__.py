"""The commands. One file per family: parse, call the running connector or a pure journey, render.

Commands about a running connector use its management API (`client`); commands about files work on their own. `console`
holds what all share: exit codes, errors as sentences, `--json`, the next step; `tables` how it is shown, in words that
`server` has for its pages too. Only the module of the command that is asked for is loaded, and rooms that it needs are
imported in the functions that use them, so that `--help`, and what needs no journey, comes at once.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from connector import __version__
from connector.cli.console import BAD_USAGE, BUG, DONE, NO, for_machines, show_error

_COMMANDS = {
    "demo": ("demo", "Run a whole chain of companies on this machine."),
    "init": ("init", "Make a company folder: configuration, keys, secrets."),
    "serve": ("serve", "Run a connector in the foreground."),
    "open": ("open", "Open the operators' pages in a browser."),
    "openapi": ("openapi", "Describe the management API for programs."),
    "config": ("settings", "Every key of connector.toml, and what it is here."),
    "doctor": ("doctor", "Look whether everything is well, and what to do where not."),
    "site": ("site", "Serve DID documents and status lists on loopback."),
    "vc-api": ("vc_api", "The W3C VC API on loopback, to try against."),
    "backup": ("backup", "Copy this company while its connector works."),
    "publish": ("exchange", "Map exports, sign what comes out, and offer it."),
    "publish-file": ("files", "Offer a file as it is, under a policy."),
    "withdraw": ("withdraw", "Stop offering a dataset; what was agreed goes on."),
    "catalog": ("catalog", "What a peer offers us, and under which terms."),
    "request": ("exchange", "Negotiate a contract on a dataset."),
    "fetch": ("exchange", "Transfer the data of an agreement, and verify it."),
    "received": ("received", "What came, from whom, under which terms."),
    "discard": ("received", "Delete what came and is not needed any more."),
    "approvals": ("negotiations", "What waits for a person's word."),
    "approve": ("negotiations", "Say yes to what waits, or answer with other terms."),
    "reject": ("negotiations", "Say no to what waits."),
    "offer": ("negotiations", "Offer our data to a peer that has not asked."),
    "terminate": ("negotiations", "End a negotiation, whoever's turn it is."),
    "why": ("why", "Why a negotiation or transfer stands where it stands."),
}
"""Command -> its module and its line in `--help`, in this order. Its own help says more."""
_FAMILIES = {
    "audit": "Walk a chain and judge every record; verify a bundle.",
    "agreement": "What was agreed, and what was delivered under it.",
    "transfers": "List, start, suspend, resume, complete, terminate.",
    "evidence": "The log of what was decided, sent, taken and given, and why.",
    "passport": "What each audience sees, and what is still missing.",
    "map": "Mapping plans: suggest, check, run; as a sheet, too.",
    "credential": "Issue, revoke, verify, inspect, import, request.",
    "did": "Our keys: show, rotate, revoke; resolve anybody's.",
    "policy": "Access policies: check, explain, say in plain words.",
    "vocab": "Generated files, and what a term means.",
}
"""Module with an `app` of several commands -> its line in `--help`."""
_COMPLETING = "_BATTERY_CONNECTOR_COMPLETE"
"""Set by a shell that completes a line; the line stands in one of the next."""
_LINES = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")
_COLLECT_EVERY = 100_000
"""New objects between two collections: what a command loads stays, and looking at it took 7 % of loading it."""

_WRONG_USE = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])
"""What all errors about a command's words are: click's `ClickException`, or the copy of it that newer typers have."""


class _Commands(TyperGroup):
    """All commands. Who asks for JSON is told of a wrong use as of any other error."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **more: Any) -> Any:  # noqa: ANN401 - as in the parent
        """Run the command that these words name."""
        words = sys.argv[1:] if args is None else list(args)
        if "--json" not in words:
            return super().main(args, *others, **more)
        with for_machines():
            try:
                ended = super().main(words, *others, **{**more, "standalone_mode": False})
            except _WRONG_USE as error:
                where = error.ctx.command_path if error.ctx is not None else "battery-connector"
                show_error("bad-usage", error.format_message(), hint=f"{where} --help")
                raise SystemExit(BAD_USAGE) from None
        raise SystemExit(ended if isinstance(ended, int) else DONE)


app = typer.Typer(
    name="battery-connector",
    cls=_Commands,
    help="Map company records to the battery vocabulary and exchange verifiable credentials under access policies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"battery-connector {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Which version this is.")
    ] = False,
) -> None:
    """Map company records to the battery vocabulary and exchange verifiable credentials under access policies."""


def main() -> None:
    """The entry point of `battery-connector`."""
    gc.set_threshold(_COLLECT_EVERY)
    words = sys.argv[1:]
    if _COMPLETING in os.environ:
        words = next((os.environ[name] for name in _LINES if name in os.environ), "").split()[1:]
    asked = next((word for word in words if not word.startswith("-")), "")
    if asked in _COMMANDS or asked in _FAMILIES:
        mount([asked])
    else:
        _outline()
    try:
        app()
    except BrokenPipeError:  # as the library does where nobody asked for JSON
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(NO) from None
    except Exception:  # noqa: BLE001 - the edge of the process: "the answer is no" has a code of its own
        traceback.print_exc()
        raise SystemExit(BUG) from None


def mount(names: Sequence[str] = (*_COMMANDS, *_FAMILIES)) -> None:
    """Load these commands."""
    for name in names:
        if name in _FAMILIES:
            app.add_typer(import_module(f"connector.cli.{name}").app, name=name)
        else:
            module = import_module(f"connector.cli.{_COMMANDS[name][0]}")
            app.command(name)(getattr(module, name.replace("-", "_")))


def _outline() -> None:
    """Names and lines of all commands, for `--help`, a misspelt name, a shell that completes one: nothing is loaded."""
    for name, line in ({name: line for name, (_, line) in _COMMANDS.items()} | _FAMILIES).items():
        app.command(name, help=line)(_nothing)


def _nothing() -> None:
    """In the place of a command that is only listed."""
