"""Records for the `passport` commands: from a file of documents or credentials, or from the running connector.

A record is read as it stands: whether a credential may be believed is `credential verify`'s answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from connector.bridges.octets import as_utf8
from connector.cli.client import Management
from connector.errors import BadConfig, BadInput, BadMessage, TooLarge
from connector.model import objects_in
from connector.vocabulary.admission import admit_value
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.views import HEAD

if TYPE_CHECKING:
    from connector.model import Json, JsonObject
    from connector.vocabulary.terms import Terms

LARGEST_FILE: Final = 64 << 20
LARGEST_DOCUMENT: Final = 4 << 20
_MOST_LISTED: Final = 10
_COMPACT: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_HINT: Final = "give what `map run --out` wrote, a passport as JSON, or credentials as compact vc+jwt, one per line"


@dataclass(frozen=True, slots=True)
class Record:
    """A record of one type: its whole subject, or the subjects of its credentials."""

    record_type: str
    subjects: tuple[JsonObject, ...]

    @property
    def flat(self) -> JsonObject:
        """All values on one level, under the head of what is about the item."""
        values = {name: value for subject in self.subjects for name, value in subject.items() if name not in HEAD}
        return {**{name: self.head[name] for name in sorted(HEAD) if name in self.head}, **values}

    @property
    def head(self) -> JsonObject:
        """The subject that says what the record is about: the item's rather than its model's."""
        return min(self.subjects, key=lambda one: str(one.get("type")).endswith("Model"))

    @property
    def names(self) -> frozenset[str]:
        """Ids and numbers by which it is known."""
        return frozenset({str(one["id"]) for one in self.subjects if "id" in one} | set(self.numbers))

    @property
    def numbers(self) -> list[str]:
        """Its numbers in named schemes."""
        lists = [one.get("identifier") for one in self.subjects]
        nodes = [node for listed in lists if isinstance(listed, list) for node in listed]
        return [str(node.get("value")) for node in nodes if isinstance(node, dict)]


def record_of(file: str, only: str, config: Path | None, bundle: Bundle) -> Record:
    """The one record that is asked for: of a file, or of the connector that the configuration, if any, describes."""
    path = Path(file)
    if path.is_file():
        return _chosen(list(_records(bundle, path)), only, path)
    if config is None:
        raise BadInput(f"there is no file {file}")
    try:
        api = Management.of(config)
    except BadConfig as bad:
        if config.exists():
            raise
        told = f"there is no file {file}; as a number it would be asked of a running connector, but {bad.detail}"
        raise BadInput(told, hint=bad.hint) from None
    return _of_connector(api, file)


def subject_of(path: Path) -> JsonObject:
    """The subject of a party's credential: the compact credential, its JSON, or the subject alone."""
    octets = octets_of(path).strip()
    body = _subject_and_type(octets)[0] if _COMPACT.fullmatch(octets) else _admitted(octets, str(path))
    if isinstance(body, dict) and isinstance(inner := body.get("credentialSubject"), dict):
        return inner
    if isinstance(body, dict):
        return body
    raise BadInput(f"{path} holds no credential")


# --- from a file -----------------------------------------------------------------------------------------------------


def _chosen(records: list[Record], only: str, path: Path) -> Record:
    fitting = [one for one in records if not only or only in one.names]
    if not records:
        raise BadInput(f"{path} holds no record", hint=_HINT)
    if len(fitting) != 1:
        shown = ", ".join(_name(one) for one in (fitting or records)[:_MOST_LISTED])
        raise BadInput(f"{path} holds {len(fitting)} such records", hint=f"choose one with --id: {shown}")
    return fitting[0]


def _name(record: Record) -> str:
    return next(iter(record.numbers), str(record.head.get("id")))


def _records(bundle: Bundle, path: Path) -> Iterator[Record]:
    """Each document a record of its own; credentials put together by the record that they are part of."""
    parts: dict[str, tuple[str, list[JsonObject]]] = {}
    for document in _documents(path, bundle.terms):
        if isinstance(document, bytes):
            subject, record_type, record = _subject_and_type(document)
            parts.setdefault(record, (record_type, []))[1].append(subject)
        elif isinstance(document, dict) and isinstance(document.get("credentialSubject"), dict):
            subject, record_type, record = _read(document)
            parts.setdefault(record, (record_type, []))[1].append(subject)
        else:
            yield _document(bundle, document, path)
    for record_type, subjects in parts.values():
        if record_type not in bundle.record_types:
            raise BadInput(f"{path} holds a {record_type}, which is no record of the vocabulary", hint=_HINT)
        yield Record(record_type, tuple(subjects))


def _documents(path: Path, terms: Terms) -> Iterator[Json | bytes]:
    """One JSON document (a list is several), or one document or compact credential per line."""
    octets = octets_of(path)
    lines = [line.strip() for line in octets.split(b"\n")]
    if _is_whole(next(filter(None, lines), b"")):
        for number, line in enumerate(lines, start=1):
            if line:
                yield line if _COMPACT.fullmatch(line) else _admitted(line, f"{path} line {number}", terms)
        return
    whole = _admitted(octets, str(path), terms)
    for one in whole if isinstance(whole, list) else [whole]:
        compact = one.encode() if isinstance(one, str) else b""
        yield compact if _COMPACT.fullmatch(compact) else one


def _is_whole(line: bytes) -> bool:
    """Whether the line stands for itself: a compact credential, or JSON as it came from a machine."""
    return _COMPACT.fullmatch(line) is not None or (line.startswith(b"{") and line.endswith(b"}"))


def octets_of(path: Path) -> bytes:
    """What a person's file says, in UTF-8: spreadsheets and shells also write UTF-16, or a byte order mark."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadInput(f"{path} is larger than {LARGEST_FILE >> 20} MB", hint="split it")
        return as_utf8(path.read_bytes())
    except OSError as problem:
        raise BadInput(f"{path} can't be read: {problem.strerror}") from None


def _admitted(octets: bytes, where: str, terms: Terms | None = None) -> Json:
    """One document, read strictly; a list of them may be longer. `terms`: they say what a key means that is wrong."""
    try:
        return admit_value(octets, LARGEST_FILE if octets.lstrip().startswith(b"[") else LARGEST_DOCUMENT)
    except TooLarge as bad:
        raise BadInput(f"{where}: {bad.detail}", hint="keep documents outside, fixed by their digests") from None
    except BadMessage as bad:
        named = terms.named(bad.place.rpartition(".")[2]) if terms is not None else ()
        meaning = f" ({named[0].label}: {named[0].definition})" if named else ""
        raise BadInput(f"{where}: {bad.detail}{meaning}", hint=bad.hint or _HINT, place=bad.place) from None


def _document(bundle: Bundle, document: Json, path: Path) -> Record:
    """`{type, subject}`, or a subject alone, whose class says the type of its passport."""
    body = document if isinstance(document, dict) else {}
    named, subject = str(body.get("type")), body.get("subject")
    if isinstance(subject, dict) and named in bundle.record_types:
        return Record(named, (subject,))
    fitting = [name for name, classes in bundle.record_types.items() if named in classes]
    if fitting:
        return Record(min(fitting, key=lambda name: (not name.endswith("Passport"), name != named, name)), (body,))
    raise BadInput(f"{path} holds no record of the vocabulary", hint=_HINT)


def _subject_and_type(octets: bytes) -> tuple[JsonObject, str, str]:
    from connector.credentials.datamodel import parse_credential
    from connector.credentials.refused import Refused

    try:
        return _read(parse_credential(octets).payload)
    except Refused as refused:
        raise BadInput(f"this is no credential: {refused}", hint=_HINT) from None


def _read(payload: JsonObject) -> tuple[JsonObject, str, str]:
    """Subject, type and record of a credential."""
    subject, types, record = payload.get("credentialSubject"), payload.get("type"), payload.get("record")
    named = [str(name) for name in types if name != "VerifiableCredential"] if isinstance(types, list) else []
    known = str(record["id"]) if isinstance(record, dict) and "id" in record else ""
    body = subject if isinstance(subject, dict) else {}
    return body, named[0] if named else "", known or str(body.get("id"))


# --- from a connector ------------------------------------------------------------------------------------------------


def kept_record(api: Management, ident: str) -> JsonObject:
    """A record of a running connector by its id or a number that it carries, with its credentials and lineage."""
    found = api.get(f"/v1/records?{urlencode({'identifier': ident})}")
    records = objects_in(found.get("records"))
    records.sort(key=lambda one: not str(one["type"]).endswith("Passport"))
    if not records:
        raise BadInput(
            f"there is no file {ident}, and the connector has no such record",
            hint="its id, or a number that it carries; battery-connector received lists what came",
        )  # fmt: skip
    return api.get(f"/v1/records/{quote(str(records[0]['record']), safe=':')}")


def _of_connector(api: Management, ident: str) -> Record:
    record = kept_record(api, ident)
    octets = [str(one["octets"]) for one in objects_in(record.get("credentials"))]
    return Record(str(record["type"]), tuple(_subject_and_type(one.encode())[0] for one in octets))
