"""`passport view|check`: a record as one audience sees it, and how complete a passport is. Mounts the family.

Which class a value has is the vocabulary's; which classes an audience may see, its lattice's (Battery Regulation,
Article 77(2)); what is owed, its rules'. Whether a caller belongs to an audience is decided by policies, not here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import typer

from connector.cli import bridge
from connector.cli.console import CONFIG, DONE, JSON, NO, day_of, next_step, show_json, told
from connector.cli.passport_records import record_of, subject_of
from connector.cli.passport_table import show_completeness, show_view
from connector.errors import BadInput
from connector.model import AccessClass, Finding, Place
from connector.vocabulary.bundle import Bundle, load_bundle, load_rules
from connector.vocabulary.judging import judge, of_values
from connector.vocabulary.views import Audience, Scope, View, audience_classes
from connector.vocabulary.views import view as view_of

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

app = typer.Typer(no_args_is_help=True, help="Passports: what each audience sees, and what is still missing.")

FILE = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A record as JSON or JSON lines, or its credentials; else an id or number that the running connector has.",
    ),
]
ONLY = Annotated[str, typer.Option("--id", metavar="ID", help="Which record of a file of many: id or number.")]
_PASSPORT: Final = "BatteryPassport"
_CATEGORY: Final = "batteryCategory"
_AUDIENCES: Final = {
    "auditor": Audience.AUDITOR,
    "authority": Audience.AUTHORITY,
    "notifiedBody": Audience.AUTHORITY,
    "legitimateInterest": Audience.LEGITIMATE_INTEREST,
}
"""Words of the code list `MandateRole`."""


@app.command()
def view(
    file: FILE,
    *,
    audience: Annotated[
        str, typer.Option("--audience", help="public, legitimate-interest, authority, b2b; auditor with --mandate.")
    ] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="What the data is asked for, such as recycling.")] = "",
    item: Annotated[
        list[str] | None, typer.Option("--item", metavar="ID", help="The thing that the interest is shown for.")
    ] = None,
    mandate: Annotated[
        Path | None, typer.Option("--mandate", metavar="FILE", help="A mandate: the view keeps to its scope.")
    ] = None,
    only: ONLY = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """A record as one audience sees it. A legitimate interest holds for its purpose and its item only.

    Example: battery-connector passport view batteries.jsonl --id CM27-84-000201 --audience legitimate-interest
    """
    with told():
        bundle = load_bundle()
        record = record_of(file, only, config, bundle)
        stated = subject_of(mandate) if mandate else None
        chosen = _audience(audience, stated)
        scope = _scope(stated, item)
        classes = audience_classes(chosen, scope, purpose=_purpose(purpose, bundle), item=record.names)
        made = view_of(bundle.terms, record.record_type, record.subjects, classes)
        if as_json:
            show_json(_as_json(made, chosen, bundle))
        else:
            show_view(made, chosen, bundle.wording())
            next_step(f"battery-connector passport view {quote(file)} --audience {_next(chosen, made)}")


def _next(audience: Audience, made: View) -> Audience:
    """Whose view to look at next: of those that see something of what is withheld here."""
    if audience is not Audience.PUBLIC:
        return Audience.PUBLIC
    more = (one for one in (Audience.AUTHORITY, Audience.B2B) if audience_classes(one) & made.withheld)
    return next(more, Audience.AUTHORITY)


def _audience(word: str, mandate: JsonObject | None) -> Audience:
    """The audience that is named, or that the mandate makes of its holder."""
    mandated = _AUDIENCES.get(str(mandate.get("mandateRole"))) if mandate else None
    if not word:
        return mandated or Audience.PUBLIC
    if word not in list(Audience):
        raise BadInput(f"no audience is called {word!r}", hint=f"known: {', '.join(Audience)}")
    if mandated and mandated != word:
        raise BadInput(f"the mandate is one of {mandated}, not of {word}", hint=f"--audience {mandated}")
    if word == Audience.AUDITOR and mandate is None:
        raise BadInput("an auditor sees what the mandate grants", hint="--mandate FILE")
    return Audience(word)


def _purpose(word: str, bundle: Bundle) -> str:
    """A word of the code list: a slip would only look like a lack of rights."""
    known = [code.name for code in bundle.terms.codes["Purpose"]]
    if word and word not in known:
        raise BadInput(f"no purpose is called {word!r}", hint=f"known: {', '.join(known)}")
    return word


def _scope(mandate: JsonObject | None, item: list[str] | None) -> Scope:
    """What a mandate (or a role credential with purposes) limits; an auditor's chain root limits no single item."""
    body = mandate or {}
    granted, purposes, root = (_words(body.get(name)) for name in ("accessClassGranted", "purpose", "chainRoot"))
    items = set(item or ())
    if body.get("mandateRole") == "legitimateInterest":
        items |= root
    try:
        classes = frozenset(AccessClass(word) for word in granted) if "accessClassGranted" in body else None
    except ValueError as bad:
        raise BadInput(f"the mandate grants what is no class: {bad}") from None
    return Scope(classes=classes, purposes=frozenset(purposes) or None, items=frozenset(items) or None)


def _words(value: Json) -> set[str]:
    return {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}


def _as_json(made: View, audience: Audience, bundle: Bundle) -> JsonObject:
    values: list[Json] = [
        {
            "term": one.term,
            "label": bundle.terms.term(one.about, one.term).label,
            "class": one.access.value,
            "level": one.level.value,
            "value": one.value,
        }
        for one in made.values
    ]
    return {
        "type": made.record_type,
        "audience": audience.value,
        "classes": [*sorted(made.classes)],
        "ended": made.ended,
        "subject": {one.term: one.value for one in made.values},
        "values": values,
        "withheld": [*sorted(made.withheld)],
    }


@app.command()
def check(
    file: FILE,
    *,
    category: Annotated[
        str, typer.Option("--category", help="ev, lmt or industrial. Default: what the passport says.")
    ] = "",
    at: Annotated[
        str,
        typer.Option("--at", metavar="DATE", help="Judge by the rules that were known on this day. Default: today."),
    ] = "",
    only: ONLY = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """How complete a passport is: per data point present, missing, pending or not applicable, each with its reason.

    Exit code 0: nothing that is owed is missing. 1: something is.

    Example: battery-connector passport check batteries.jsonl --id CM27-84-000201 --category ev
    """
    with told():
        bundle = load_bundle()
        record = record_of(file, only, config, bundle)
        if record.record_type != _PASSPORT:
            raise BadInput(f"{file} holds a {record.record_type}; only battery passports have data points to fill")
        stated = str(record.flat.get(_CATEGORY, ""))
        if not category and not stated:
            raise BadInput("the passport does not say its category", hint="--category ev, lmt or industrial")
        day = day_of(at) if at else datetime.now(UTC).date()  # noqa: TID251 - the command's own default
        told_by_shapes = bundle.check_mapped(_PASSPORT, record.flat)  # `map run --out` writes links that wait
        completeness = judge(load_rules(), record.flat, category or stated, at=day, findings=told_by_shapes)
        findings = [*of_values(told_by_shapes), *_other_category(category, stated)]
    good = completeness.complete and not findings
    if as_json:
        show_json(
            {
                "type": record.record_type,
                "subject": record.head.get("id"),
                **completeness.as_json(),
                "findings": [finding.as_json() for finding in findings],
            }
        )
    else:
        show_completeness(completeness, findings)
        again = f"battery-connector passport check {file}" + (f" --category {category}" if category else "")
        done = f"battery-connector passport view {quote(file)} --audience public"
        todo = "put right what was found" if completeness.complete else "add what is missing to the plan or the export"
        next_step(done if good else f"{todo}, then {again}")
    raise SystemExit(DONE if good else NO)


def _other_category(asked: str, stated: str) -> list[Finding]:
    if not asked or not stated or asked == stated:
        return []
    text = f"the passport says {stated!r}, and is judged as {asked!r}"
    place = Place(column=f"$.{_CATEGORY}", value=stated)
    return [Finding(code="other-category", message=text, term=_CATEGORY, place=place)]


app.command("convert")(bridge.convert)
app.command("import")(bridge.read)
