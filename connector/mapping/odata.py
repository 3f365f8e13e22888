"""OData JSON pages (OData JSON Format 4.01), other JSON exports and JSON lines to flat records.

Numbers keep their written digits; keys may not stand twice (RFC 8259, 4 leaves that open, we do not). Pages follow
each other in name order; a last page that names a next one means that the export is not whole.

Converters from XML write one as a value and several as a list. That is read as it is meant: a list of one is its
member, an object where the path has a list is a list of one. A list of several is no value: told where it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from json import decoder
from typing import NoReturn

from connector.mapping.delimited import decoded
from connector.mapping.numerals import plain
from connector.mapping.records import Flat
from connector.mapping.source import (
    FromList,
    MemberCell,
    MemberNumberCell,
    NumberCell,
    SeveralCell,
    SourceFile,
    content,
    unreadable,
)  # fmt: skip
from connector.mapping.unfit import Unfit
from connector.model import Json, JsonObject

MAX_DEPTH = 32
_NEXT = ("@odata.nextLink", "@nextLink", "__next")
"""The link to a next page: of OData 4.01 (JSON Format, 4.5.5, whose prefix may be left out), and of OData 2.0."""
_LOOKED_AT, _SHOWN = 20, 80
"""Members of a list that show which fields it has; characters of it that are shown."""


class _NoObject(ValueError):
    """A record is something else than an object."""


class _Twice(ValueError):
    """A key stands twice."""


class _Part(Exception):
    """A list within a record is only a page of its rows."""


def _once(pairs: list[tuple[str, Json]]) -> JsonObject:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Twice("a key stands twice in one object")
    return made


def _number(written: str) -> NumberCell:
    try:
        return NumberCell(plain(written))
    except Unfit as error:
        raise ValueError(error.message.rstrip(".")) from error


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


_SCAN: Callable[[str, int], tuple[str, int]] = vars(decoder)["scanstring"]  # its stub lacks it
_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_constant, object_pairs_hook=_once)


def records(
    files: Sequence[SourceFile], path: str, *, paged: bool, encoding: str = "utf-8"
) -> Iterator[tuple[SourceFile, Iterator[Flat]]]:  # fmt: skip
    """Per file its flat records. Raises `Unreadable`."""
    steps = [step for step in path.split("/") if step]
    for number, file in enumerate(files, start=1):
        page = _Page(file, encoding)
        yield file, page.records(steps)
        if paged and number == len(files) and page.next_link:
            raise unreadable(
                file, "page-missing", "The last page names a next one.", hint="the export is not whole; fetch all pages"
            )


class _Page:
    """One JSON file: walks to the list of records by hand, so that each record has its line."""

    def __init__(self, file: SourceFile, encoding: str) -> None:
        self.file = file
        self.next_link = False
        self.open = 0
        self.text = decoded(file, content(file), encoding)

    def records(self, steps: list[str]) -> Iterator[Flat]:
        line, counted = 1, 0
        try:
            for start, tree, below in self._items(steps):
                line += self.text.count("\n", counted, start)
                counted = start
                for chain in _chains([tree], below):
                    yield line, _flat(chain, below)
        except _Part as error:
            message = f"The rows of `{error}` in this record are a page, which names a next one."
            hint = "the export is not whole; fetch all pages, or fetch these rows by themselves"
            raise unreadable(self.file, "page-missing", message, hint=hint, line=line, column=str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self._broken(error) from error

    def _broken(self, error: ValueError | RecursionError) -> Exception:
        position = getattr(error, "pos", len(self.text))
        line = self.text.count("\n", 0, position) + 1
        cut = isinstance(error, json.JSONDecodeError) and not self.text[position:].strip()
        code = "truncated-file" if cut or "Unterminated" in str(error) else "bad-structure"
        hint = "the file may be cut off; export it again" if code == "truncated-file" else "the JSON is not well-formed"
        return unreadable(self.file, code, f"The JSON cannot be read: {error}.", hint=hint, line=line)

    def _items(self, steps: list[str]) -> Iterator[tuple[int, Json, list[str]]]:
        """Start, value and remaining path of each record of the outermost list."""
        place = self._skip(0)
        if not steps and self.text[place : place + 1] == "{":
            yield from self._lines(place)
            return
        for depth, step in enumerate([*steps, ""]):
            if self.text[place : place + 1] == "[":
                yield from self._list(place, steps[depth:])
                return
            if not step:
                break
            place = self._enter(place, step)
        raise unreadable(
            self.file, "header-missing", f"The JSON has no list at `{'/'.join(steps) or '.'}`.", hint="check `record`"
        )

    def _lines(self, place: int) -> Iterator[tuple[int, Json, list[str]]]:
        """JSON lines: one object after the other."""
        while place < len(self.text):
            self._expect(place, "{")
            tree, end = _DECODER.raw_decode(self.text, place)
            yield place, tree, []
            place = self._skip(end)

    def _list(self, place: int, below: list[str]) -> Iterator[tuple[int, Json, list[str]]]:
        place = self._skip(place + 1)
        if self.text[place : place + 1] == "]":
            self._rest(place + 1)
            return
        while True:
            tree, end = _DECODER.raw_decode(self.text, place)
            yield place, tree, below
            place = self._skip(end)
            if self.text[place : place + 1] == "]":
                self._rest(place + 1)
                return
            place = self._skip(self._expect(place, ","))

    def _enter(self, place: int, step: str) -> int:
        """The place of a member's value in the object that begins here."""
        place = self._skip(self._expect(place, "{"))
        self.open += 1
        while self.text[place : place + 1] == '"':
            key, place = _SCAN(self.text, place + 1)
            place = self._skip(self._expect(self._skip(place), ":"))
            if key == step:
                return place
            value, place = _DECODER.raw_decode(self.text, place)
            self.next_link = self.next_link or (key in _NEXT and bool(value))
            place = self._skip(place)
            if self.text[place : place + 1] == ",":
                place = self._skip(place + 1)
        raise unreadable(
            self.file, "header-missing", f"The JSON has no member `{step}`.", hint="check `record`", column=step
        )

    def _rest(self, place: int) -> None:
        """What follows the list: the page's end, where the link to the next page may stand."""
        place = self._skip(place)
        while place < len(self.text):
            if self.open and self.text[place] == "}":
                place, self.open = self._skip(place + 1), self.open - 1
                continue
            place = self._skip(self._expect(place, ","))
            key, place = _SCAN(self.text, self._expect(place, '"'))
            place = self._skip(self._expect(self._skip(place), ":"))
            value, place = _DECODER.raw_decode(self.text, place)
            self.next_link = self.next_link or (key in _NEXT and bool(value))
            place = self._skip(place)
        if self.open:
            raise json.JSONDecodeError("Expecting '}'", self.text, len(self.text))

    def _skip(self, place: int) -> int:
        while self.text[place : place + 1] in {" ", "\t", "\n", "\r"}:
            place += 1
        return place

    def _expect(self, place: int, character: str) -> int:
        if self.text[place : place + 1] != character:
            raise json.JSONDecodeError(f"Expecting '{character}'", self.text, place)
        return place + 1


def _chains(path: list[Json], below: list[str]) -> Iterator[list[JsonObject]]:
    """Each record with its parents: the rest of the path leads through nested lists."""
    tree = path[-1]
    if not isinstance(tree, dict):
        raise _NoObject("a record is no JSON object")
    if not below:
        yield [part for part in path if isinstance(part, dict)]
        return
    inner = tree.get(below[0])
    more = any(tree.get(f"{below[0]}{link}") for link in _NEXT[:2])
    if isinstance(inner, dict) and isinstance(inner.get("results"), list):
        more = more or bool(inner.get("__next"))
        inner = inner["results"]
    if more:
        raise _Part(below[0])
    for child in inner if isinstance(inner, list) else [inner] if inner else []:
        yield from _chains([*path, child], below[1:])


def _flat(chain: list[JsonObject], below: list[str]) -> dict[str, str]:
    """The fields of a record and its parents; the rows of a list on the path are no field of their parent."""
    cells: dict[str, str] = {}
    for tree, rows in zip(reversed(chain), ("", *reversed(below)), strict=True):
        _fields(cells, {key: value for key, value in tree.items() if key != rows} if rows else tree, "", 0)
    return cells


def _fields(cells: dict[str, str], tree: JsonObject, prefix: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"the JSON is nested deeper than {MAX_DEPTH}")
    for key, value in tree.items():
        if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
            member: dict[str, str] = {}
            _fields(member, {key: value[0]}, prefix, depth)
            for name, cell in member.items():
                cells.setdefault(name, _of_list(cell))
        elif isinstance(value, list):
            _several(cells, value, prefix + key, depth)
        elif isinstance(value, dict):
            _fields(cells, value, f"{prefix}{key}/", depth + 1)
        else:
            cells.setdefault(prefix + key, _cell(value))


def _of_list(cell: str) -> str:
    if isinstance(cell, FromList):
        return cell
    return MemberNumberCell(cell) if isinstance(cell, NumberCell) else MemberCell(cell)


def _several(cells: dict[str, str], values: list[Json], name: str, depth: int) -> None:
    """What stands for a list: of objects their fields, each of which is several; the text of others."""
    below: dict[str, str] = {}
    others = ["[...]" if isinstance(value, list) else _cell(value) for value in values if not isinstance(value, dict)]
    for value in values[:_LOOKED_AT]:
        if isinstance(value, dict):
            _fields(below, value, f"{name}/", depth + 1)
    for column, shown in below.items():
        cells.setdefault(column, SeveralCell(f"{shown[:_SHOWN]}, ..."))
    if others:
        cells.setdefault(name, SeveralCell(", ".join(others[:_LOOKED_AT])[:_SHOWN]))


def _cell(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return value if isinstance(value, NumberCell) else str(value).strip()
