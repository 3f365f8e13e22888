"""`did show`, `rotate`, `revoke`: our keys over time; `did resolve`: anybody's. What the words mean stands in
`credentials.own_methods`; how a DID is resolved step by step, in `did_trace`.
"""

from __future__ import annotations

import asyncio
import getpass
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from connector.cli.client import Management
from connector.cli.console import (
    CONFIG,
    DONE,
    JSON,
    NO,
    SETTINGS_OF,
    UNCHECKED,
    finite,
    keep_log_quiet,
    next_step,
    show_json,
    told,
)
from connector.cli.tables import progress, say, show_table
from connector.config import load
from connector.errors import BadInput, ConnectorError, PeerUnreachable
from connector.model import Did, counted, list_in, object_in, objects_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from connector.cli.did_trace import Step
    from connector.config import Config
    from connector.credentials.own_methods import OwnMethod, Purpose
    from connector.exchange.ports import Clock
    from connector.model import Json, JsonObject

app = typer.Typer(no_args_is_help=True, help="Identities: our DID document and its keys, and those of others.")

_PURPOSES: Final = {
    "assertion": "assertionMethod", "assertionMethod": "assertionMethod", "authentication": "authentication"
}  # fmt: skip
_USES: Final = {
    "assertionMethod": "credentials and status lists",
    "authentication": "tokens, presentations and receipts",
}
_DAY_HOURS: Final = 24.0
_CUSTODY = Annotated[
    str,
    typer.Option(
        "--custody", metavar="URI",
        help="Where a new key lies: a token (pkcs11:token=...?module-path=...), a key in it (object=...), or `file`.",
    ),
]  # fmt: skip
_SITE = Annotated[
    Path | None, typer.Option("--site", help="Also write DID document and status lists there, for a static web site.")
]


@app.command()
def show(config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """Our DID document: what each key is good for now, the services; and what peers find at our address.

    Exit code 1: they find something else; 3: it could not be looked at.

    Example: battery-connector did show
    """
    from connector.app import clock_of
    from connector.cli import doctor_company, doctor_network
    from connector.credentials.own_methods import standing
    from connector.keys.register import Register
    from connector.server.statements import did_document

    with told():
        company = load(config)
        methods, now = Register(company).read(), clock_of(company).now()
        keep_log_quiet()
        runs = doctor_company.running(company).outcome == "good"
        served = asyncio.run(doctor_network.served(company, methods, runs=runs))
        document = json.loads(did_document(company, methods, now))
        keys: list[Json] = [{**_shown(one), "standing": standing(one, methods, now)} for one in methods]
        if as_json:
            show_json({"did": company.did, "keys": keys, "document": document, "served": served.as_json()})
        else:
            say(company.did, "bold")
            names = ("id", "purpose", "standing", "signsFrom", "revoked")
            rows = [tuple(str(one[name] or "").removeprefix("#") for name in names) for one in objects_in(keys)]
            show_table(("key", "under", "now", "signs from", "revoked"), rows)
            show_table(("service", "at"), [(one["type"], one["serviceEndpoint"]) for one in document["service"]])
            say(f"{served.outcome}: {served.says}")
            if served.fix:
                next_step(served.fix)
            else:
                next_step(f"battery-connector did resolve {company.did} --trace", ", from another machine")
    raise SystemExit({"good": DONE, "bad": NO}.get(served.outcome, UNCHECKED))


@app.command()
def resolve(
    did: Annotated[str, typer.Argument(metavar="DID", help="A did:web, a connector's address, or a name of [peers].")],
    *,
    trace: Annotated[bool, typer.Option("--trace", help="Tell every step: addresses, guard, TLS, answer.")] = False,
    config: SETTINGS_OF = None,
    as_json: JSON = False,
) -> None:
    """Fetch a DID document as the connector does: which keys it has, what each may sign, where its services are; and
    until when the certificate of its host is good (with a warning three weeks before).

    Exit code 1: it is refused; 3: it could not be had.

    Example: battery-connector did resolve did:web:connector.mine.example --trace
    """
    from connector.cli import did_trace

    with told():
        wanted, clock, allow_http = _party(did, config)
        keep_log_quiet()
        found = asyncio.run(did_trace.trace(wanted, allow_http=allow_http, clock=clock))
        worst = found.steps[-1]
        keys = did_trace.keys_of(found.document) if found.document else []
        services: list[Json] = [
            {"type": one.type, "endpoint": one.endpoint} for one in (found.document.services if found.document else ())
        ]
        if as_json:
            steps: list[Json] = [one.as_json() for one in found.steps]
            said: JsonObject = {"did": wanted, "outcome": worst.outcome, "reason": worst.says, "keys": [*keys]}
            said["certificateUntil"] = _time(found.certificate_until) if found.certificate_until else None
            show_json({**said, "services": services, **({"steps": steps} if trace else {})})
        else:
            told_of = [one for one in found.steps if trace or one is worst or one.outcome == "warning"]
            _show_resolved(wanted, told_of, keys, services)
    raise SystemExit({"passed": DONE, "failed": NO}.get(worst.outcome, UNCHECKED))


def _show_resolved(did: str, steps: Sequence[Step], keys: list[JsonObject], services: list[Json]) -> None:
    from connector.cli.did_trace import USES

    styles = {"passed": "green", "warning": "yellow", "failed": "bold red"}
    say(did, "bold")
    rows = [((one.outcome, styles.get(one.outcome, "magenta")), one.name, one.says) for one in steps]
    show_table(("outcome", "step", "says"), rows)
    if not keys and steps[0].name != "did":
        next_step(f"battery-connector did resolve {did} --trace")
        return
    if not keys:
        if steps[-1].name == "did":
            example = (
                "a DID is like did:web:connector.mine.example; one on loopback needs the --config of a company for"
            )
            next_step(f"{example} trials ([unsafe] allow_loopback_http)")
        else:
            next_step(f"the owner of {did} can mend what is listed last")
        return
    told_of = [
        (
            str(one["id"]),
            str(one["kind"]),
            ", ".join(USES[str(use)] for use in list_in(one["uses"])) or "nothing",
            "" if one["uses"] else "; ".join(map(str, list_in(one["refused"]))),
        )
        for one in keys
    ]
    show_table(("key", "kind", "may sign", "why not"), told_of)
    show_table(("service", "at"), [(str(one["type"]), str(one["endpoint"])) for one in objects_in(services)])
    next_step(f"battery-connector catalog {did}")


def _party(name: str, config: Path | None) -> tuple[Did, Clock, bool]:
    """Whom a name means, the time, and whether loopback is allowed; without a company only DIDs and addresses."""
    from connector.app import SystemClock, clock_of
    from connector.credentials.did_web import did_of

    here = Path("connector.toml")
    if config is not None or here.is_file():
        company = load(config or here)
        return Did(company.peer(name)), clock_of(company), company.unsafe.allow_loopback_http
    return did_of(name) if name.startswith("https://") else Did(name), SystemClock(), False


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
        float,
        typer.Option(
            "--overlap", metavar="HOURS", min=0, max=8_760, callback=finite, help="Published so long before it signs."
        ),
    ] = _DAY_HOURS,
    algorithm: Annotated[str, typer.Option("--algorithm", help="ES256 or EdDSA. Default: as before.")] = "",
    custody: _CUSTODY = "",
    site: _SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Replace a key: the new one is published now and signs when no peer can hold an older DID document.

    The former key signs until then, and stays published after it, so that all that it signed stays good. A running
    connector takes the change over at once, without a restart. The new key lies where the former does, unless
    --custody says otherwise.

    Example: battery-connector did rotate assertionMethod --overlap 24
    """
    from connector.app import clock_of
    from connector.credentials.own_methods import signing
    from connector.keys.custody import in_token
    from connector.keys.register import Register

    with told():
        company, wanted = load(config), _purpose(purpose)
        now = clock_of(company).now()
        signs_from = now + timedelta(hours=overlap)
        register = Register(company)
        former = signing(register.read(), wanted, now)
        new = register.rotate(wanted, algorithm=algorithm, now=now, signs_from=signs_from, place=custody)
        recorded = _recorded(config, company, new.name)
        _write_site(company, site)
        if as_json:
            show_json({"did": company.did, "key": _shown(new), "former": _shown(former), "recorded": not recorded})
            return
        say(f"{new.name} is published from now on", "bold")
        say(f"  it signs {_USES[wanted]} from {_time(signs_from)} on; until then {former.name} does")
        kept = (
            "and never leaves it" if in_token(new.custody) else "under the same passphrase: make a backup of the folder"
        )
        say(f"  its private key is {new.custody}, {kept}")
        _say_unrecorded(recorded)
        if not overlap:
            say("  peers that keep our DID document may refuse what it signs, until they fetch it anew", "yellow")
        if site is not None:
            next_step(f"publish {site} on your web server now: the time runs from now on")
        else:
            next_step(f"after {_time(signs_from)} destroy {register.custody(former)}; its public half stays published")


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's name, such as assertion-1.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for your own records.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only told what rests on it.")] = False,
    custody: _CUSTODY = "",
    site: _SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Withdraw a key that somebody else may have: it is published no more, and nothing that it signed can be verified.

    If it is the one in use, a new one signs at once. Peers that keep our DID document believe the old key until they
    fetch the document anew; connectors of this kind do so when they meet the new one, others refuse it until then.
    There is no way back.

    Example: battery-connector did revoke assertion-1 --reason "the backup was stolen" --yes
    """
    from connector.app import clock_of
    from connector.credentials.own_methods import named, revoked
    from connector.keys.register import Register

    with told():
        company = load(config)
        register, now = Register(company), clock_of(company).now()
        methods = register.read()
        method = named(methods, key)
        revoked(methods, key, now=now, reason=reason, successor=None)  # refused before anything is counted
        rests = _signed_with(config, company, method, quiet=as_json)
        heir, recorded = None, ""
        if yes:
            method, heir = register.revoke(key, now=now, reason=reason, place=custody)
            recorded = _recorded(config, company, key)
            _write_site(company, site)
        if as_json:
            said: JsonObject = {"did": company.did, "revoked": yes, "key": _shown(method), "rests": rests}
            show_json({**said, "signs": _shown(heir) if heir else None, "recorded": yes and not recorded})
            return
        say(f"{key} is revoked" if yes else f"{key} would be revoked", "bold")
        _show_consequences(method, rests, now)
        _say_unrecorded(recorded)
        _show_next(heir, method, site, signed=method.signs_from is None or method.signs_from <= now)


def _show_consequences(method: OwnMethod, rests: JsonObject, now: datetime) -> None:
    if method.signs_from is not None and method.signs_from > now:
        say("  it has signed nothing yet")
    elif method.purpose == "assertionMethod":
        types = ", ".join(f"{count} {name}" for name, count in object_in(rests["types"]).items())
        say(f"  {counted(rests['credentials'], 'credential')} can no longer be verified{f': {types}' if types else ''}")
        say("  status lists and their changes are signed anew")
    else:
        say("  receipts that it signed can be verified by those alone who kept the key with them")
        say("  tokens that it signed are refused; each lives for minutes only")


def _show_next(heir: OwnMethod | None, method: OwnMethod, site: Path | None, *, signed: bool) -> None:
    if heir is None:
        next_step("the same with --yes")
        return
    say(f"  {heir.name} signs {_USES[heir.purpose]} now")
    if site is not None:
        next_step(f"publish {site} on your web server at once")
    elif not signed:
        next_step("battery-connector did show")
    elif method.purpose == "assertionMethod":
        next_step("sign your records anew: ", 'battery-connector publish PLAN --policy P --correct "key revoked"')
    else:
        next_step("battery-connector why ID", ", where a negotiation or transfer stands still")


def _recorded(config: Path, company: Config, key: str) -> str:
    """Have the running connector, else the store, put the change on record; why it could not be, or nothing.

    The change stands either way: a stolen key must not wait for a log.
    """
    try:
        by = getpass.getuser()
    except (OSError, KeyError):  # a machine without names
        by = ""
    try:
        try:
            Management.of(config).post("/v1/key-changed", {"key": key, "by": by})
        except PeerUnreachable:
            from connector.cli import issuing

            asyncio.run(issuing.note_key(company, key, by=by))
    except ConnectorError as error:
        return error.detail
    return ""


def _say_unrecorded(why: str) -> None:
    if why:
        say(f"  it is not in the evidence log, but in the register alone: {why}", "yellow")


def _signed_with(config: Path, company: Config, method: OwnMethod, *, quiet: bool) -> JsonObject:
    """What rests on a key, as the running connector counts it, else as its store does."""
    if method.purpose != "assertionMethod":
        return {}
    try:
        with progress("counting what it signed", quiet=quiet) as tell:
            return Management.of(config).work("/v1/signed-with", {"key": method.name}, on_progress=tell)
    except PeerUnreachable:
        from connector.cli import issuing

        return asyncio.run(issuing.signed_with(company, method.name))


def _write_site(company: Config, site: Path | None) -> None:
    if site is not None:
        from connector.cli import issuing

        asyncio.run(issuing.write_site(company, site))


def _purpose(word: str) -> Purpose:
    if word not in _PURPOSES:
        raise BadInput(f"{word!r} is no purpose of a key", hint="assertionMethod or authentication")
    return cast("Purpose", _PURPOSES[word])


def _shown(method: OwnMethod) -> JsonObject:
    from connector.credentials.own_methods import as_json

    return as_json(method)


def _time(moment: datetime) -> str:
    from connector.credentials.datamodel import time_text

    return time_text(moment)
