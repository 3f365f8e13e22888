"""What a walk needs to be made once more, as files: the format of an audit's bundle, version 1.

    walk.json       what was asked, as of when, and the steps in the order in which they counted
    evidence.json   what was obtained where and when, or why it was not; audit reads with what was answered
    trust.json      whom the auditor trusts, for the credential types that occur
    credentials/DIGEST.jwt (.json with a proof inside), documents/DIGEST.json, lists/DIGEST.jwt, changes/DIGEST.jwt,
    receipts/DIGEST.json   the exact octets, named by their digest

The manifest over these, the report and the signature are `bundle`'s; the container is `provenance.archive`'s. All of it
is read as something hostile: `BadInput` with the place where it is not as it is written here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Final, NoReturn, cast, get_args

import orjson

from connector.credentials.datamodel import parse_time
from connector.credentials.did_web import document_url
from connector.credentials.digest import digest_multibase
from connector.credentials.refused import Refused
from connector.credentials.securing import has_proof
from connector.credentials.status_list import changes_url
from connector.credentials.verify import MEMBERS, needs
from connector.errors import BadInput, BadMessage
from connector.exchange.obtained import Given, Kind, Place
from connector.exchange.walking import Step
from connector.model import Did, Json, JsonObject, list_in, object_in
from connector.provenance.nodes import Check
from connector.provenance.reads import Read, ReadKind
from connector.provenance.walk import Limits
from connector.vocabulary.admission import admit

Files = Mapping[str, bytes]
JSON_LIMIT_BYTES: Final = 128 << 20
MOST_VALUES: Final = 4_000_000
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Answers stand in strings: their commas are no values. One without an end is taken too, so that time grows evenly."""
_FOLDERS: Final[Mapping[Kind, tuple[str, str]]] = {
    "document": ("documents", "json"), "list": ("lists", "jwt"), "changes": ("changes", "jwt"),
    "receipt": ("receipts", "json"),
}  # fmt: skip
_CREDENTIALS: Final = "credentials"
_MEMBERSHIP: Final = "MembershipCredential"
_OK: Final = 200
_MOST_STATUS: Final = 999
"""Three digits (RFC 9112, 4): an answer with one that HTTP does not know is evidence too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One walk: what was asked of whom by whom as of when, its steps, what it obtained, whom it trusted."""

    walker: Did
    root: str
    holder: Did
    at: datetime
    limits: Limits
    steps: tuple[Step, ...]
    obtained: Mapping[Place, Given]
    trusted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def credentials(self) -> tuple[str, ...]:
        """Every credential that was checked, once."""
        return tuple(dict.fromkeys(step.want.octets for step in self.steps if isinstance(step.want, Check)))


def trusted_for(steps: Iterable[Step], trusted: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """The part of a trust list that this walk leaned on: other types are nobody's business."""
    octets = dict.fromkeys(step.want.octets for step in steps if isinstance(step.want, Check))
    types = dict.fromkeys(name for one in octets for name in needs(one.encode()).types)
    found = {name: tuple(trusted[name]) for name in types if name in trusted}
    if any(MEMBERS in named for named in found.values()) and _MEMBERSHIP in trusted:
        found[_MEMBERSHIP] = tuple(trusted[_MEMBERSHIP])
    return found


# --- to files --------------------------------------------------------------------------------------------------------


def files_of(recording: Recording) -> dict[str, bytes]:
    """The files of a recording."""
    files: dict[str, bytes] = {}
    evidence: list[Json] = [_told(place, given, files) for place, given in sorted(recording.obtained.items())]
    steps: list[Json] = [_step(step, files) for step in recording.steps]
    walk: JsonObject = {
        "walker": recording.walker, "root": recording.root, "holder": recording.holder,
        "at": recording.at.isoformat(), "limits": _limits(recording.limits), "steps": steps,
    }  # fmt: skip
    trust: JsonObject = {name: [*recording.trusted[name]] for name in sorted(recording.trusted)}
    written: dict[str, JsonObject] = {"walk.json": walk, "evidence.json": {"obtained": evidence}, "trust.json": trust}
    return files | {name: json_octets(value) for name, value in written.items()}


def _limits(limits: Limits) -> JsonObject:
    """Of an audit that did not ask for newest versions it is not said: older ones knew of none."""
    return {"depth": limits.depth, "nodes": limits.nodes, **({"newest": True} if limits.newest else {})}


def json_octets(value: Json) -> bytes:
    """JSON for people and machines, in one form."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _file(folder: str, ending: str, octets: bytes, files: dict[str, bytes]) -> str:
    name = f"{folder}/{digest_multibase(octets)}.{ending}"
    files[name] = octets
    return name


def _credential(octets: str, files: dict[str, bytes]) -> str:
    return _file(_CREDENTIALS, "json" if has_proof(octets.encode()) else "jwt", octets.encode(), files)


def _step(step: Step, files: dict[str, bytes]) -> JsonObject:
    want = step.want
    if isinstance(want, Read):
        return {"read": want.kind, "holder": want.holder, "id": want.ident, "version": want.version}
    assert step.now is not None  # of a check
    name = _credential(want.octets, files)
    return {"check": name, "at": want.at.isoformat(), "now": step.now.isoformat()}


def _told(place: Place, given: Given, files: dict[str, bytes]) -> JsonObject:
    told: JsonObject = {"kind": place.kind, "address": place.address, "at": given.at.isoformat()}
    if place.path:
        told["path"] = place.path
    if url := _url(place):
        told["url"] = url
    if given.code:
        return {**told, "code": given.code, "detail": given.detail, "open": given.open}
    if place.kind == "read":
        return {**told, "status": given.status, **(_answer(given.octets, files) if given.status == _OK else {})}
    return {**told, "file": _file(*_FOLDERS[place.kind], given.octets, files)} if given.octets else told


def _url(place: Place) -> str:
    """Where it lies on the web, if the address does not say so itself."""
    if place.kind == "changes":
        return changes_url(place.address)
    try:
        return document_url(place.address, allow_http=True) if place.kind == "document" else ""
    except Refused:  # a name that leads nowhere: the code beside it says so
        return ""


def _answer(body: bytes, files: dict[str, bytes]) -> JsonObject:
    """An answer with its credentials as files; any other as it came."""
    try:
        page = admit(body, len(body))
    except BadMessage:
        return {"base64": base64.b64encode(body).decode()}
    apart: JsonObject = {}
    listed = list_in(page.get("credentials"))
    for number, one in enumerate(map(object_in, listed)):
        if isinstance(octets := one.pop("octets", None), str):
            apart[str(number)] = _credential(octets, files)
        elif octets is not None:
            one["octets"] = octets
    if not apart:
        return {"body": body.decode()}
    return {"body": orjson.dumps({**page, "credentials": listed}).decode(), "octets": apart}


# --- from files ------------------------------------------------------------------------------------------------------


def read_recording(files: Files) -> Recording:
    """The recording in these files."""
    walk = _Reader(_json(files, "walk.json"), "walk.json")
    limits = walk.object("limits")
    most = Limits(
        depth=limits.number("depth", Limits().depth), nodes=limits.number("nodes", Limits().nodes),
        newest=limits.body.get("newest") is True,
    )  # fmt: skip
    evidence = _Reader(_json(files, "evidence.json"), "evidence.json")
    trust = _json(files, "trust.json")
    return Recording(
        walker=Did(walk.text("walker")), root=walk.text("root"), holder=Did(walk.text("holder")), at=walk.time("at"),
        limits=most, steps=tuple(_read_step(one, files) for one in walk.each("steps")),
        obtained=dict(_read_given(one, files) for one in evidence.each("obtained")),
        trusted={name: _Reader(trust, "trust.json").texts(name) for name in trust},
    )  # fmt: skip


def other_evidence(recording: Recording, files: Files) -> list[str]:
    """How these files are not what this recording is written as: octets under another digest, files of nobody, members
    that nobody reads, one place twice.
    """
    expected = files_of(recording)
    return [
        f"{name} is not what the evidence names"
        if "/" in name or name not in expected
        else f"{name} has a member that no bundle has, or one place twice"
        for name in sorted({*files, *expected})
        if files.get(name) != expected.get(name)
    ]


def _json(files: Files, name: str) -> JsonObject:
    if name not in files:
        raise BadInput(f"the bundle has no {name}", place=name)
    if _most(files[name]) > MOST_VALUES and _most(_STRING.sub(b"", files[name])) > MOST_VALUES:
        raise BadInput(f"more than the {MOST_VALUES} values that are accepted", place=name)
    try:
        return admit(files[name], JSON_LIMIT_BYTES)
    except BadMessage as problem:
        raise BadInput(problem.detail, hint=problem.hint, place=f"{name} {problem.place}".strip()) from None


def _most(octets: bytes) -> int:
    """No fewer than the values in it: each comes with a bracket or a comma."""
    return octets.count(b",") + octets.count(b"[") + octets.count(b"{")


def _read_step(one: _Reader, files: Files) -> Step:
    if "check" not in one.body:
        kind = one.word("read", get_args(ReadKind))
        want = Read(
            holder=Did(one.text("holder")), kind=cast("ReadKind", kind), ident=one.text("id"),
            version=one.text("version"),
        )  # fmt: skip
        return Step(want=want)
    return Step(want=Check(octets=_text(one.file("check", files), one), at=one.time("at")), now=one.time("now"))


def _read_given(one: _Reader, files: Files) -> tuple[Place, Given]:
    kind = cast("Kind", one.word("kind", get_args(Kind)))
    place = Place(kind, one.text("address"), one.text("path") if "path" in one.body else "")
    at = one.time("at")
    if "code" in one.body:
        return place, Given(at=at, code=one.text("code"), detail=one.text("detail"), open=one.body.get("open") is True)
    if kind == "read":
        status = one.number("status", _MOST_STATUS)
        return place, Given(at=at, status=status, octets=_read_answer(one, files) if status == _OK else b"")
    return place, Given(at=at, octets=one.file("file", files) if "file" in one.body else b"")


def _read_answer(one: _Reader, files: Files) -> bytes:
    if "base64" in one.body:
        try:
            return base64.b64decode(one.text("base64"), validate=True)
        except ValueError:
            one.wrong("base64")
    body = one.text("body").encode()
    if "octets" not in one.body:
        return body
    try:
        page = admit(body, len(body))
    except BadMessage:
        one.wrong("body")
    apart = one.object("octets")
    listed: list[Json] = [
        {**object_in(entry), "octets": _text(apart.file(name, files), one)} if name in apart.body else entry
        for name, entry in zip(map(str, count()), list_in(page.get("credentials")), strict=False)
    ]
    return orjson.dumps({**page, "credentials": listed})


def _text(octets: bytes, one: _Reader) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise BadInput("a credential is no text", place=one.where) from None


class _Reader:
    """One object of a file, and where it stands."""

    __slots__ = ("body", "where")

    def __init__(self, value: Json, where: str) -> None:
        if not isinstance(value, dict):
            raise BadInput("an object is expected here", place=where)
        self.body: JsonObject = value
        self.where = where

    def wrong(self, name: str) -> NoReturn:
        raise BadInput(f"{name!r} is not as a bundle has it", place=self.where)

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str):
            self.wrong(name)
        return value

    def word(self, name: str, words: Collection[str]) -> str:
        value = self.text(name)
        if value not in words:
            self.wrong(name)
        return value

    def number(self, name: str, most: int) -> int:
        value = self.body.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self.wrong(name)
        return value

    def time(self, name: str) -> datetime:
        try:
            return parse_time(self.text(name))
        except Refused:
            self.wrong(name)

    def object(self, name: str) -> _Reader:
        return _Reader(self.body.get(name), f"{self.where} {name}")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.body.get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.wrong(name)
        return tuple(cast("list[str]", value))

    def each(self, name: str) -> Iterator[_Reader]:
        value = self.body.get(name)
        if not isinstance(value, list):
            self.wrong(name)
        return (_Reader(one, f"{self.where} {name}[{number}]") for number, one in enumerate(value))

    def file(self, name: str, files: Files) -> bytes:
        """The file that is named here."""
        called = self.text(name)
        if called not in files:
            raise BadInput(f"{called[:120]!r} is not in the bundle", place=self.where)
        return files[called]
