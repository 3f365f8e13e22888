"""`credential verify`: one credential of a file, or all that it holds, and what the file says beside them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.alone import checked_alone
from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, UNCHECKED, console, next_step, show_json, told
from connector.cli.secured import credentials_in, inspected
from connector.cli.several import Several
from connector.cli.tables import say, show_checks
from connector.credentials.datamodel import parse_credential
from connector.credentials.refused import Refused
from connector.credentials.verify import needs
from connector.errors import BadInput
from connector.model import counted, list_in, objects_in
from connector.server.passport_values import HEADER, UNSIGNED, held_against

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.model import Finding, JsonObject

_EXITS = {"valid": DONE, "indeterminate": UNCHECKED, "invalid": NO}
_FROM_BEST = tuple(_EXITS)
_SHOWN = 20


def verify(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A compact `vc+jwt`, an SD-JWT, or JSON with a proof in it; or several: the JSON of a passport's "
            "page, a list, a presentation.",
        ),
    ],
    *,
    at: Annotated[str, typer.Option("--at", help="Judge as of this time (ISO 8601). Default: now.")] = "",
    audience: Annotated[
        str, typer.Option("--audience", help="Of an SD-JWT: whom the holder's key binding names.")
    ] = "",
    nonce: Annotated[str, typer.Option("--nonce", help="With --audience: what the holder was given to sign.")] = "",
    unsafe_loopback: Annotated[
        bool, typer.Option("--unsafe-loopback", help="Without a company: issuers on this machine, over plain http.")
    ] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Check a credential: ten numbered checks, each with its reason. Exit 0 valid, 1 invalid, 3 could not be checked.

    An SD-JWT has two more: its disclosures, and the holder's key binding, asked for with --audience and --nonce.

    Of a file with several each is checked, and what stands beside them has to be what they say: the exit code is that
    of the worst. Who shows a presentation, and to whom, is not checked.

    Where there is no connector.toml, no company is needed: the issuer's keys and status lists are fetched from here.
    Nobody has said whom to trust then, and that check is skipped: look whose DID it is.

    Example: battery-connector credential verify permit.jwt --at 2026-06-15T00:00:00Z

    Example: curl -H 'Accept: application/json' https://connector.car.example/passport/CM27-84-000201 > passport.json;
    battery-connector credential verify passport.json
    """
    with told():
        read = credentials_in(file)
        each = read.credentials if isinstance(read, Several) else (read,)
        asked: list[JsonObject] = [
            {"credential": octets.decode(), "at": at or None, "audience": audience, "nonce": nonce} for octets in each
        ]
        if alone := config == Path("connector.toml") and not config.is_file():
            answers = asyncio.run(checked_alone(asked, allow_http=unsafe_loopback)) if asked else []
        else:
            answers = [Management.of(config).post("/v1/verify", body) for body in asked]
    if isinstance(read, Several) or alone:
        issuers = [needs(octets, selective=True).issuer for octets in each]
        answers = [{**one, "issuer": issuer} for one, issuer in zip(answers, issuers, strict=True)]
    answer = _of_all(read, answers) if isinstance(read, Several) else answers[0]
    if as_json:
        show_json(answer)
    else:
        _show(answer, len(read.beside.keys() - HEADER) if isinstance(read, Several) else 0)
        if alone:
            named = ", ".join(sorted({str(one["issuer"] or "nobody that can be read") for one in answers}))
            say(f"issued by {named or 'nobody'}; whether to believe them is yours to judge")
        again = f"have it sent again as it was issued: battery-connector credential verify {quote(str(file))}"
        next_step(f"battery-connector credential inspect {quote(str(file))}" if _is_read(each) else again)
    raise SystemExit(_EXITS[str(answer["verdict"])])


def _of_all(read: Several, answers: list[JsonObject]) -> JsonObject:
    """The worst verdict, each credential's, and where what stands beside them is not what they say."""
    findings = held_against(read.beside, list(_said(read.credentials))) if read.beside else []
    verdict = _worst([*(str(one["verdict"]) for one in answers), *map(_verdict, findings)])
    told_of: list[JsonObject] = [
        {"code": one.code, "term": one.term, "message": one.message, "hint": one.hint} for one in findings
    ]
    return {"verdict": verdict, "findings": [*told_of], "credentials": [*answers]}


def _said(credentials: Iterable[bytes]) -> Iterator[JsonObject]:
    """What each says, of those that can be read; the others are invalid already."""
    for octets in credentials:
        with suppress(Refused):
            yield parse_credential(octets, selective=True).payload


def _is_read(credentials: Iterable[bytes]) -> bool:
    """Whether `credential inspect` can show them, valid or not."""
    with suppress(BadInput):
        return all(map(inspected, credentials))
    return False


def _verdict(finding: Finding) -> str:
    return "indeterminate" if finding.code == UNSIGNED else "invalid"


def _worst(verdicts: Iterable[str]) -> str:
    return max(verdicts, key=_FROM_BEST.index, default="invalid")


def _show(answer: JsonObject, beside: int) -> None:
    if "checks" in answer:
        _show_report(answer)
        return
    credentials = objects_in(answer["credentials"])
    for number, one in enumerate(credentials, start=1):
        say(f"credential {number} of {len(credentials)}, by {one['issuer'] or 'nobody that can be read'}")
        _show_report(one)
    findings = objects_in(answer["findings"])
    for finding in findings[:_SHOWN]:
        say(f"  ✗ {finding['code']}  {finding['message']}")
        if finding["hint"]:
            say(f"    do: {finding['hint']}")
    if len(findings) > _SHOWN:
        say(f"  ✗ and {len(findings) - _SHOWN} more: --json has all")
    found = counted(len(credentials), "credential")
    if beside and answer["verdict"] == "valid":
        found += f", and the {beside} values beside them are what they say"
    console().print(f"[bold]{answer['verdict']}[/bold]  ", end="")
    say(found)
    if beside:
        say("a file can't tell what was left out of it: the page at its address shows all that is public")


def _show_report(answer: JsonObject) -> None:
    console().print(f"[bold]{answer['verdict']}[/bold]  ", end="")
    say(", ".join(map(str, list_in(answer.get("types")))))
    show_checks(answer.get("checks"))
    if any(check["code"] == "issuer-not-anchored" for check in objects_in(answer.get("checks"))):
        say(
            "    do: if its issuer is to be believed, name it under [trusted_issuers] of connector.toml, and serve anew"
        )
