"""The commands. One file per family: parse, call the running connector or a pure journey, render.

Commands about a running connector use its management API (`client`); commands about files work on their own. `console`
holds what all share: exit codes, errors as sentences, `--json`, the next step.
"""

from __future__ import annotations

import typer

app = typer.Typer(
    name="battery-connector",
    help="Map company records to the battery vocabulary and exchange verifiable credentials under access policies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The entry point of `battery-connector`."""
    _mount()
    app()


def _mount() -> None:
    from connector.cli import (  # noqa: PLC0415 - mounted when asked for
        audit,
        credential,
        demo,
        exchange,
        init,
        map,  # noqa: A004 - the command's name
        passport,
        policy,
        serve,
        site,
        vocab,
        why,
    )

    app.command("demo")(demo.demo)
    app.command("init")(init.init)
    app.command("serve")(serve.serve)
    app.command("site")(site.site)
    app.command("publish")(exchange.publish)
    app.command("catalog")(exchange.catalog)
    app.command("request")(exchange.request)
    app.command("fetch")(exchange.fetch)
    app.command("received")(exchange.received)
    app.command("why")(why.why)
    app.command("audit")(audit.audit)
    app.add_typer(passport.app, name="passport")
    app.add_typer(map.app, name="map")
    app.add_typer(credential.app, name="credential")
    app.add_typer(policy.app, name="policy")
    app.add_typer(vocab.app, name="vocab")
