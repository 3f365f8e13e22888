"""`passport convert` and `passport import`: a record in the words of another data model, and back, with every loss.

The bridges themselves are `connector.bridges`; what an audience may see is the vocabulary's lattice.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.bridges.crossing import Crossed
from connector.bridges.formats import Bridges, Format
from connector.cli.console import JSON, console, next_step, show_json, told
from connector.cli.passport_records import LARGEST_FILE, octets_of, record_of
from connector.errors import BadInput, BadMessage
from connector.server.words import visible
from connector.vocabulary.admission import admit
from connector.vocabulary.bundle import load_bundle, load_matches
from connector.vocabulary.views import Audience, Scope, audience_classes
from connector.vocabulary.views import view as view_of

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

_MOST_SHOWN = 40
OUT = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write; standard output else.")]


def convert(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A record as JSON or JSON lines, or its credentials.")],
    *,
    to: Annotated[Format, typer.Option("--to", help="The other data model.")],
    audience: Annotated[
        str, typer.Option("--audience", help="Only what this audience may see: public, authority, b2b.")
    ] = "",
    compressed: Annotated[bool, typer.Option("--compressed", help="EN 18223 in its compressed form.")] = False,
    issuer: Annotated[str, typer.Option("--issuer", help="Who will issue it (UNTP): a DID.")] = "",
    only: Annotated[str, typer.Option("--id", metavar="ID", help="Which record of a file of many.")] = "",
    out: OUT = None,
    as_json: JSON = False,
) -> None:
    """A record in the words of another data model, and a list of what that model can't say.

    Example: battery-connector passport convert battery.json --to catena-x --audience public --out catena-x.json
    """
    with told():
        bundle = load_bundle()
        record = record_of(file, only, None, bundle)
        subject = record.flat
        if audience:
            if audience not in list(Audience):
                raise BadInput(f"no audience is called {audience!r}", hint=f"known: {', '.join(Audience)}")
            classes = audience_classes(Audience(audience), Scope())
            seen = view_of(bundle.terms, record.record_type, record.subjects, classes)
            subject = {
                **{name: subject[name] for name in ("id", "type") if name in subject},
                **{one.term: one.value for one in seen.values},
            }
        party = issuer or str(subject.get("economicOperator", "did:web:issuer.invalid"))
        crossed = _bridges().convert(
            subject, to, issuer={"id": party, "name": str(subject.get("economicOperatorName", party))},
            now=_now(), compressed=compressed,
        )  # fmt: skip
        if as_json:
            show_json(_as_json(crossed))
            return
        _write(crossed.document, out)
        _tell(crossed)
        next_step(f"battery-connector passport import {quote(str(out or 'FILE'))} --from {to}", error=True)


def read(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A document of another data model, as JSON.")],
    *,
    source: Annotated[
        Format | None, typer.Option("--from", help="Its data model, where it does not name itself.")
    ] = None,
    out: OUT = None,
    as_json: JSON = False,
) -> None:
    """A document of another data model in the words of the vocabulary, and a list of what means nothing to it.

    Example: battery-connector passport import catena-x.json --out battery.jsonl
    """
    with told():
        found = _bridges().read(_document(file), source)
        if as_json:
            show_json({"documents": [_as_json(one) for one in found]})
            return
        for number, one in enumerate(found):
            _write(one.document, out, more=number > 0)
            _tell(one)
        next_step(_next(found[0].document, out), error=True)


def _next(document: JsonObject, out: Path | None) -> str:
    """A passport is checked; it may not say of which category it is. An event is looked at."""
    if "Event" in str(document.get("type")):
        return f"battery-connector passport view {out or 'FILE'} --audience authority"
    category = document.get("batteryCategory", "ev|lmt|industrial")
    return f"battery-connector passport check {out or 'FILE'} --category {category}"


def _bridges() -> Bridges:
    bundle = load_bundle()
    return Bridges(
        terms=bundle.terms, matches=load_matches(), context=bundle.context_url, definitions=bundle.definitions
    )


def _now() -> str:
    now = datetime.now(UTC)  # noqa: TID251 - a person converts now; there is no connector
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _document(file: Path) -> JsonObject:
    octets = octets_of(file)
    try:
        return admit(octets, LARGEST_FILE)
    except BadMessage as bad:
        raise BadInput(
            bad.detail, hint="one JSON object, in UTF-8 or in UTF-16 with its mark", place=str(file)
        ) from None


def _write(document: JsonObject, out: Path | None, *, more: bool = False) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    elif more:
        with out.open("a", encoding="utf-8") as file:
            file.write(text)
    else:
        out.write_text(text, "utf-8")


def _tell(crossed: Crossed) -> None:
    """The losses, on standard error, so that the document can be piped."""
    shown = console(error=True)
    if not crossed.losses:
        shown.print("nothing is lost")
        return
    count = len(crossed.losses)
    shown.print(f"{count} {'loss' if count == 1 else 'losses'}:")
    for loss in crossed.losses[:_MOST_SHOWN]:
        shown.print(visible(f"  {loss.code:14} {loss.term}: {loss.message}"), markup=False)
    if len(crossed.losses) > _MOST_SHOWN:
        shown.print(f"  and {len(crossed.losses) - _MOST_SHOWN} more: --json lists all")


def _as_json(crossed: Crossed) -> JsonObject:
    losses: list[Json] = [{"code": one.code, "term": one.term, "message": one.message} for one in crossed.losses]
    return {"document": crossed.document, "losses": losses}
