"""The commands. One file per family: parse, call the running connector or a pure journey, render.

Commands about a running connector use its management API (`client`); commands about files work on their own. `console`
holds what all share: exit codes, errors as sentences, `--json`, the next step; `tables` and `words` how it is shown.
Only the module of the command that is asked for is loaded, so that each starts quickly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

_COMMANDS = {
    "demo": "demo",
    "init": "init",
    "serve": "serve",
    "site": "site",
    "publish": "exchange",
    "publish-file": "files",
    "catalog": "catalog",
    "request": "exchange",
    "fetch": "exchange",
    "received": "exchange",
    "approvals": "negotiations",
    "approve": "negotiations",
    "reject": "negotiations",
    "offer": "negotiations",
    "terminate": "negotiations",
    "why": "why",
    "audit": "audit",
}
"""Command -> its module, in the order of `--help`."""
_FAMILIES = ("agreement", "transfers", "passport", "map", "credential", "policy", "vocab")
"""Modules with an `app` of several commands."""

app = typer.Typer(
    name="battery-connector",
    help="Map company records to the battery vocabulary and exchange verifiable credentials under access policies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root() -> None:
    """Map company records to the battery vocabulary and exchange verifiable credentials under access policies."""


def main() -> None:
    """The entry point of `battery-connector`."""
    mount(sys.argv[1:])
    app()


def mount(arguments: Sequence[str]) -> None:
    """Add the command that these arguments ask for, or all where they ask for none of them."""
    asked = next((word for word in arguments if not word.startswith("-")), "")
    one = asked in _COMMANDS or asked in _FAMILIES
    for name, module in _COMMANDS.items():
        if name == asked or not one:
            app.command(name)(getattr(import_module(f"connector.cli.{module}"), name.replace("-", "_")))
    for name in _FAMILIES:
        if name == asked or not one:
            app.add_typer(import_module(f"connector.cli.{name}").app, name=name)
