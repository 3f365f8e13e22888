"""`passport view`: a record as one audience sees it, from a file or from the running connector.

Which class a value has is the vocabulary's; which classes an audience may see, its lattice's (Battery Regulation,
Article 77(2)). Whether a caller belongs to an audience is decided by policies, not here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote, urlencode

import typer

from connector.cli.client import Management
from connector.cli.console import JSON, next_step, show_json, told
from connector.cli.tables import say, show_table
from connector.errors import BadInput
from connector.vocabulary.bundle import Bundle, load_bundle
from connector.vocabulary.views import Audience, audience_classes
from connector.vocabulary.wording import in_words

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

app = typer.Typer(no_args_is_help=True, help="Passports: what each audience sees.")
app.callback()(lambda: None)  # a family, also while it has one command only

_ENDED: Final = "ceased"
_STATUS: Final = "passportStatus"
_HEAD: Final = frozenset({"id", "type"})
_MOST_LISTED: Final = 10


class _View:
    """A record's values with their classes, and which of them an audience may see."""

    def __init__(self, bundle: Bundle, record_type: str, audience: Audience) -> None:
        self.record_type = record_type
        self.audience = audience
        self.classes = audience_classes(audience)
        self.subject: JsonObject = {}
        self.values: list[JsonObject] = []
        self.withheld: dict[str, int] = {}
        self._terms = bundle.terms

    def take(self, subject: JsonObject) -> None:
        """A subject, or the part of it that one credential holds."""
        subject_class = str(subject.get("type"))
        for name, value in subject.items():
            if name in _HEAD:
                continue
            access = self._terms.access_class(subject_class, name, self.record_type)
            if access not in self.classes:
                self.withheld[access.value] = self.withheld.get(access.value, 0) + 1
                continue
            term = self._terms.find(subject_class, name)
            self.subject[name] = value
            self.values.append(
                {
                    "term": name,
                    "label": term.label if term else name,
                    "class": access.value,
                    "level": self._terms.level(subject_class, name, self.record_type).value,
                    "value": value,
                }
            )

    def as_json(self) -> JsonObject:
        """An ended passport shows its state and nothing else (Art. 77(8))."""
        ended = self.subject.get(_STATUS) == _ENDED
        values = [one for one in self.values if not ended or one["term"] == _STATUS]
        shown: list[Json] = [*values]
        return {
            "type": self.record_type,
            "audience": self.audience.value,
            "classes": [*sorted(self.classes)],
            "ended": ended,
            "subject": {str(one["term"]): one["value"] for one in values},
            "values": shown,
            "withheld": {} if ended else dict(sorted(self.withheld.items())),
        }


@app.command()
def view(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A record as JSON or JSON lines; with --config also an id or serial.")
    ],
    *,
    audience: Annotated[
        str, typer.Option("--audience", help="public, legitimate-interest, authority or b2b.")
    ] = Audience.PUBLIC.value,
    only: Annotated[str, typer.Option("--id", metavar="ID", help="Which record of a file of many: id or number.")] = "",
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="CONFIG", help="Look at a record of this running connector.", envvar="CONNECTOR_CONFIG"
        ),
    ] = None,
    as_json: JSON = False,
) -> None:
    """A record as one audience sees it.

    Example: battery-connector passport view batteries.jsonl --id CM27-84-000201 --audience legitimate-interest
    """
    with told():
        chosen = _audience(audience)
        path = Path(file)
        if path.is_file():
            made = _from_file(path, only, chosen)
        elif config is not None:
            made = _from_connector(Management.of(config), file, chosen)
        else:
            raise BadInput(f"there is no file {file}", hint="for a record of a connector: --config connector.toml")
        answer = made.as_json()
        if as_json:
            show_json(answer)
        else:
            _show(answer, made)
            others = "authority" if chosen is Audience.PUBLIC else "public"
            next_step(f"battery-connector passport view {file} --audience {others}")


def _audience(word: str) -> Audience:
    known = [one for one in Audience if one is not Audience.AUDITOR]
    if word not in known:
        raise BadInput(f"no audience is called {word!r}", hint=f"known: {', '.join(known)}")
    return Audience(word)


# --- from a file -----------------------------------------------------------------------------------------------------


def _from_file(path: Path, only: str, audience: Audience) -> _View:
    bundle = load_bundle()
    records = [_record(bundle, one, path) for one in _documents(path)]
    fitting = [one for one in records if not only or _is_called(one[1], only)]
    if len(fitting) != 1:
        shown = ", ".join(_name(subject) for _, subject in (fitting or records)[:_MOST_LISTED])
        raise BadInput(f"{path} holds {len(fitting)} such records", hint=f"choose one with --id: {shown}")
    record_type, subject = fitting[0]
    made = _View(bundle, record_type, audience)
    made.take(subject)
    return made


def _documents(path: Path) -> list[Json]:
    """One JSON document, or one per line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"{path} can't be read: {problem}") from None
    try:
        return [json.loads(text)]
    except json.JSONDecodeError as whole:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError:
            raise BadInput(f"{path} is not JSON: {whole}", hint="give what `map run --out` wrote") from None


def _record(bundle: Bundle, document: Json, path: Path) -> tuple[str, JsonObject]:
    """`{type, subject}`, or a subject alone, whose class says the type of its passport."""
    body = document if isinstance(document, dict) else {}
    named, subject = str(body.get("type")), body.get("subject")
    if isinstance(subject, dict) and named in bundle.record_types:
        return named, subject
    fitting = [name for name, classes in bundle.record_types.items() if named in classes]
    if fitting:
        return min(fitting, key=lambda name: (not name.endswith("Passport"), name != named, name)), body
    raise BadInput(f"{path} holds no record of the vocabulary", hint="give what `map run --out` wrote")


def _is_called(subject: JsonObject, name: str) -> bool:
    return name == subject.get("id") or name in _numbers(subject)


def _name(subject: JsonObject) -> str:
    return next(iter(_numbers(subject)), str(subject.get("id")))


def _numbers(subject: JsonObject) -> list[str]:
    listed = subject.get("identifier")
    return [str(one.get("value")) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


# --- from a connector ------------------------------------------------------------------------------------------------


def _from_connector(api: Management, ident: str, audience: Audience) -> _View:
    from connector.credentials.datamodel import parse_credential  # noqa: PLC0415 - files need no credentials

    found = api.get(f"/v1/records?{urlencode({'identifier': ident})}").get("records")
    records = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    records.sort(key=lambda one: not str(one["type"]).endswith("Passport"))
    if not records:
        raise BadInput(f"the connector has no record {ident}", hint="its id, or a number that it carries")
    record = api.get(f"/v1/records/{quote(str(records[0]['record']), safe=':')}")
    made = _View(load_bundle(), str(record["type"]), audience)
    credentials = record.get("credentials")
    for one in credentials if isinstance(credentials, list) else []:
        if isinstance(one, dict):
            made.take(parse_credential(str(one["octets"]).encode("ascii")).subject)
    return made


# --- for people ------------------------------------------------------------------------------------------------------


def _show(answer: JsonObject, made: _View) -> None:
    say(f"{answer['type']} as seen by: {answer['audience']} ({', '.join(sorted(made.classes))})", "bold")
    if answer["ended"]:
        say("this passport has ended")
    values = answer["values"]
    shown = [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
    rows = [(str(one["label"]), in_words(one["value"]), str(one["class"]), str(one["level"])) for one in shown]
    show_table(("what", "value", "class", "level"), rows)
    withheld = answer["withheld"]
    if isinstance(withheld, dict) and withheld:
        say(f"withheld: {', '.join(f'{count} of class {name}' for name, count in withheld.items())}", "dim")
