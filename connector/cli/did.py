"""`did rotate`, `did revoke`: our keys over time. What the words mean stands in `credentials.own_methods`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, JSON, next_step, show_json, told
from connector.cli.tables import progress, say
from connector.config import load
from connector.errors import BadInput, PeerUnreachable
from connector.model import object_in

if TYPE_CHECKING:
    from datetime import datetime

    from connector.config import Config
    from connector.credentials.own_methods import OwnMethod, Purpose
    from connector.model import JsonObject

app = typer.Typer(no_args_is_help=True, help="Our identity: the keys in our DID document.")

_PURPOSES: Final = {"assertion": "assertionMethod", "assertionMethod": "assertionMethod"} | {
    "authentication": "authentication"
}
_USES: Final = {
    "assertionMethod": "credentials and status lists",
    "authentication": "tokens, presentations and receipts",
}
_DAY_HOURS: Final = 24.0
_SITE = Annotated[
    Path | None, typer.Option("--site", help="Also write DID document and status lists there, for a static web site.")
]


@app.command()
def rotate(
    purpose: Annotated[
        str,
        typer.Argument(
            metavar="PURPOSE", help="assertionMethod (signs credentials) or authentication (proves who we are)."
        ),
    ],
    *,
    overlap: Annotated[
        float, typer.Option("--overlap", metavar="HOURS", min=0, max=8_760, help="Published so long before it signs.")
    ] = _DAY_HOURS,
    algorithm: Annotated[str, typer.Option("--algorithm", help="ES256 or EdDSA. Default: as before.")] = "",
    site: _SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Replace a key: the new one is published now and signs when no peer can hold an older DID document.

    The former key stays published, so that all that it signed stays good; it signs no more. A running connector takes
    the change over at once, without a restart.

    Example: battery-connector did rotate assertionMethod --overlap 24
    """
    from connector.app import clock_of  # noqa: PLC0415 - `--help` need not load the house
    from connector.keys.register import Register  # noqa: PLC0415 - as above

    with told():
        company, wanted = load(config), _purpose(purpose)
        now = clock_of(company).now()
        signs_from = now + timedelta(hours=overlap)
        new = Register(company).rotate(wanted, algorithm=algorithm, now=now, signs_from=signs_from)
        _write_site(company, site)
        if as_json:
            show_json({"did": company.did, "key": _shown(new)})
            return
        say(f"{new.name} is published from now on", "bold")
        say(f"  it signs {_USES[wanted]} from {_time(signs_from)} on; until then the former key does")
        say(f"  its private key is {new.custody}, under the same passphrase: make a backup of the folder")
        if not overlap:
            say("  peers that keep our DID document refuse what it signs, until they fetch it anew", "yellow")
        if site is not None:
            next_step(f"publish {site} on your web server now: the time runs from now on")
        else:
            next_step(f"after {_time(signs_from)}: ", "destroy the former key's file; its public half stays published")


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's name, such as assertion-1.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for your own records.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only told what rests on it.")] = False,
    site: _SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Withdraw a key that somebody else may have: it is published no more, and nothing that it signed can be verified.

    If it is the one in use, a new one signs at once. Peers that keep our DID document believe the old key, and refuse
    the new one, until they fetch the document anew. There is no way back.

    Example: battery-connector did revoke assertion-1 --reason "the backup was stolen" --yes
    """
    from connector.app import clock_of  # noqa: PLC0415 - `--help` need not load the house
    from connector.credentials.own_methods import named, revoked  # noqa: PLC0415 - as above
    from connector.keys.register import Register  # noqa: PLC0415 - as above

    with told():
        company = load(config)
        register, now = Register(company), clock_of(company).now()
        methods = register.read()
        method = named(methods, key)
        revoked(methods, key, now=now, reason=reason, successor=None)  # refused before anything is counted
        rests = _signed_with(config, company, method, quiet=as_json)
        heir = None
        if yes:
            method, heir = register.revoke(key, now=now, reason=reason)
            _write_site(company, site)
        if as_json:
            said: JsonObject = {"did": company.did, "revoked": yes, "key": _shown(method), "rests": rests}
            show_json({**said, "signs": _shown(heir) if heir else None})
            return
        say(f"{key} is revoked" if yes else f"{key} would be revoked", "bold")
        _show_consequences(method, rests)
        _show_next(heir, method, site)


def _show_consequences(method: OwnMethod, rests: JsonObject) -> None:
    if method.purpose == "assertionMethod":
        types = ", ".join(f"{count} {name}" for name, count in object_in(rests["types"]).items())
        say(f"  {rests['credentials']} credentials can no longer be verified{f': {types}' if types else ''}")
        say("  status lists and their changes are signed anew")
    else:
        say("  receipts that it signed can be verified by those alone who kept the key with them")
        say("  tokens that it signed are refused; each lives for minutes only")


def _show_next(heir: OwnMethod | None, method: OwnMethod, site: Path | None) -> None:
    if heir is None:
        next_step("the same with --yes")
        return
    say(f"  {heir.name} signs {_USES[heir.purpose]} now")
    if site is not None:
        next_step(f"publish {site} on your web server at once")
    elif method.purpose == "assertionMethod":
        next_step("sign your records anew: ", 'battery-connector publish PLAN --policy P --correct "key revoked"')
    else:
        next_step("battery-connector why ID", ", where a negotiation or transfer stands still")


def _signed_with(config: Path, company: Config, method: OwnMethod, *, quiet: bool) -> JsonObject:
    """What rests on a key, as the running connector counts it, else as its store does."""
    if method.purpose != "assertionMethod":
        return {}
    try:
        with progress("counting what it signed", quiet=quiet) as tell:
            return Management.of(config).work("/v1/signed-with", {"key": method.name}, on_progress=tell)
    except PeerUnreachable:
        from connector.cli import issuing  # noqa: PLC0415 - only where no connector runs

        return asyncio.run(issuing.signed_with(company, method.name))


def _write_site(company: Config, site: Path | None) -> None:
    if site is not None:
        from connector.cli import issuing  # noqa: PLC0415 - only for static sites

        asyncio.run(issuing.write_site(company, site))


def _purpose(word: str) -> Purpose:
    if word not in _PURPOSES:
        raise BadInput(f"{word!r} is no purpose of a key", hint="assertionMethod or authentication")
    return cast("Purpose", _PURPOSES[word])


def _shown(method: OwnMethod) -> JsonObject:
    from connector.credentials.own_methods import as_json  # noqa: PLC0415 - `--help` need not load it

    return as_json(method)


def _time(moment: datetime) -> str:
    from connector.credentials.datamodel import time_text  # noqa: PLC0415 - `--help` need not load it

    return time_text(moment)
