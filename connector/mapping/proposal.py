"""A proposed plan as YAML: what is sure enough runs, the rest is commented out, each with confidence and reason.

The whole way from an export's bytes: how it is written (`sniffing`), what its columns hold (`profile`), what they say
(`suggesting`). The text is a plan that `map check` reads and `map preview` runs; a line that is commented out becomes
part of it when its `#` is taken away.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from connector.errors import BadInput
from connector.mapping.dates import BadFormat, zone_of
from connector.mapping.delimited import code_rows
from connector.mapping.exports import Source
from connector.mapping.flat_idoc import is_layout
from connector.mapping.joining import Beside, Joined, joined
from connector.mapping.profile import Column, profile
from connector.mapping.quoting import flow, plain_text, plan_line
from connector.mapping.reading import open_table, qualifiers_of
from connector.mapping.scoring import Scoring
from connector.mapping.slots import slots_of, target_of
from connector.mapping.sniffing import sniff
from connector.mapping.source import Row, SourceFile, Table
from connector.mapping.suggesting import Entry, Suggesting, Suggestions
from connector.mapping.tabular import Setting, Sniffed
from connector.mapping.values import Asked
from connector.model import Json, JsonObject, counted
from connector.vocabulary.headings import Headings
from connector.vocabulary.shapes import Shapes
from connector.vocabulary.terms import Terms

_INDENT = "  "
_ROWS = "_rows"
_ENVELOPES = ("EDI_DC40/", "UNB/", "UNG/", "UNH/", "CNT[", "ISA/", "GS/", "ST/", "CTT/")
"""Segments that say how a file came, and nothing of what it is about."""
_CODE_LISTS = ("]/2379",)
_ABOUT_DATA = re.compile(r"@odata\.|(^|/)__(metadata|deferred)/")
"""What OData says of a record and its fields, and not in them; its own format may leave the prefix out. Elsewhere an @
begins what was an attribute of XML, or JSON-LD's own words.
"""
_AGENCIES = re.compile(r"/(1131|3055)(#[0-9]+)?$")
"""Elements of EDIFACT that say which list a code is from, and how a date is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """A code list beside the export, of the company's numbers for others and their DIDs."""

    file: str = "parties.csv"
    key: str = "number"
    value: str = "did"
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The plan's text, and what it is made of."""

    plan: str
    found: Suggestions
    sniffed: Sniffed
    joins: tuple[Joined, ...] = ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """What wants a person's look before the plan is used."""
        return tuple(_doubts(self.sniffed, self.found))

    def as_json(self) -> JsonObject:
        """For machines: the plan, and each proposal by itself."""
        matched: list[Json] = [
            {"columns": [name for name, _ in one.columns], "term": ".".join(one.path), "runs": one.runs,
             "confidence": round(one.worth, 2), "reason": one.reason}
            for one in self.found.entries
        ]  # fmt: skip
        unmatched: list[Json] = [
            {"column": name, "near": [{"term": term, "confidence": round(worth, 2)} for term, worth in near]}
            for name, near in self.found.near.items()
        ]
        missing: list[Json] = [slot.name for slot in self.found.missing]
        doubts: list[Json] = [*self.doubts]
        joins: list[Json] = [
            {"source": one.beside.name, "column": one.on, "key": one.key, "many": one.many, "runs": one.runs,
             "found": one.found, "of": one.asked}
            for one in self.joins
        ]  # fmt: skip
        identifiers: list[Json] = [{"scheme": scheme, "column": name} for scheme, name in self.found.identifiers]
        return {
            "plan": self.plan,
            "key": self.found.key,
            "identifiers": identifiers,
            "joins": joins,
            "matched": matched,
            "unmatched": unmatched,
            "missing": missing,
            "doubts": doubts,
        }


def propose(
    file: SourceFile, target: str, *, terms: Terms, shapes: Shapes, headings: Headings,
    parties: Parties | None = None, sheet: str = "", record: str = "", zone: str = "",
    beside: Sequence[SourceFile] = (),
) -> Proposal:  # fmt: skip
    """A plan for this export. `parties`: where such a list is there. `zone`: of times that say none themselves.
    `beside`: other exports, whose rows may belong to this one's, and the layouts of flat IDocs.
    """
    _check_zone(zone)
    layouts = [one for one in beside if is_layout(one)]
    record_type, subject, others = target_of(target, shapes)
    sniffed = sniff(file, sheet=sheet, record=record, layouts=layouts)
    name = source_name(file.name)
    columns = _columns(name, sniffed, file, layouts)
    if not any(plain_text(column.name) for column in columns):
        hint = "a name has no braces, and does not begin with = or .."
        raise BadInput("The export has no column with a name.", place=file.name, hint=hint)
    joins = tuple(_joins(name, columns, [one for one in beside if one not in layouts]))
    asked = Asked(zone=zone, order=tuple(column.name for column in columns))
    scoring = Scoring(terms, headings, parties.numbers if parties else frozenset())
    slots = slots_of(terms, shapes, record_type, subject)
    added = tuple(column for one in joins if one.runs for column in one.columns)
    found = Suggesting(scoring, slots, columns, asked, added).search(record_type, subject)
    holds = {column.name: column.holds for column in columns}
    head = _head(file.name, target, sniffed, found, others, holds=holds)
    lines = [*head, *_plan(name, sniffed, found, parties or Parties(), joins)]
    return Proposal(plan="\n".join(map(plan_line, lines)) + "\n", found=found, sniffed=sniffed, joins=joins)


def _check_zone(zone: str) -> None:
    try:
        zone_of(zone or "UTC")
    except BadFormat as error:
        raise BadInput(str(error), hint="such as Europe/Berlin, UTC or +01:00") from None


def _columns(
    name: str, sniffed: Sniffed, file: SourceFile, layouts: Sequence[SourceFile] = ()
) -> tuple[Column, ...]:  # fmt: skip
    source = Source.model_validate(sniffed.settings)
    table = open_table(name, source, [file], layouts)
    return profile(source, table if source.is_listed else _without_doubles(table, source))


def _joins(name: str, columns: tuple[Column, ...], beside: Sequence[SourceFile]) -> Iterator[Joined]:
    names = {name}
    for file in beside:
        plain = source_name(file.name)
        numbered = (f"{plain}{number}" for number in count(2))
        other = next(one for one in chain([plain], numbered) if one not in names)
        names.add(other)
        sniffed = sniff(file, sheet="", record="")
        found = joined(columns, Beside(name=other, settings=sniffed.settings, columns=_columns(other, sniffed, file)))
        if found is None:
            hint = "leave it out, or look whether it is the right one; of each the first 2,000 rows are compared"
            raise BadInput("No column here has its values as the key of this export, nor the other way.",
                           place=file.name, hint=hint)  # fmt: skip
        yield found


def parties_in(file: SourceFile) -> Parties:
    """The list of parties: UTF-8 CSV with a header; one of its columns holds DIDs. Raises `BadInput`."""
    try:
        header, *rows = code_rows(file.data.decode("utf-8-sig"), lambda names: len(names) > 1)
    except (UnicodeDecodeError, ValueError, csv.Error) as error:
        hint = "Excel calls that `CSV UTF-8`"
        raise BadInput("The list of parties is no UTF-8 CSV with a header.", hint=hint, place=file.name) from error
    columns = dict(zip(header, zip(*rows, strict=False), strict=False))
    value = next((name for name, cells in columns.items() if all(cell.startswith("did:") for cell in cells)), None)
    if value is None or len(header) < 2:  # noqa: PLR2004  # a number and a DID
        hint = "a header such as number,name,did and a row per party"
        raise BadInput("The list of parties has no column of DIDs.", hint=hint, place=file.name)
    key = next(name for name in header if name != value)
    return Parties(file=file.name, key=key, value=value, numbers=frozenset(columns[key]))


def source_name(file: str) -> str:
    """A source's name, from the beginning of its file's; code lists, which are proposed too, have other names."""
    word = re.match(r"[A-Za-z]+", file)
    return word[0].lower() + _ROWS if word else "export"


def _without_doubles(table: Table, source: Source) -> Table:
    """Of a tree's columns the short ones of an IDoc (`VBELN`, not also `E1EDL20/VBELN`); no envelopes, qualifiers, code
    lists, and nothing that OData says about the data.
    """
    short = {name for name in table.columns if "/" not in name} if source.format == "idoc" else set[str]()
    qualified = {_plainly(name) for name in table.columns if "]/" in name}
    said = {f"]/{field}" for field in qualifiers_of(source).values()}
    about = re.compile(f"@|{_ABOUT_DATA.pattern}") if source.format == "odata" else _ABOUT_DATA
    kept = [
        index
        for index, name in enumerate(table.columns)
        if not (_is_envelope(name, said) or about.search(name))
        and ("/" not in name or not (name.rpartition("/")[2] in short or tuple(name.rpartition("/")[::2]) in qualified))
    ]
    if len(kept) == len(table.columns):
        return table
    rows = (_picked(row, kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[index] for index in kept), rows=rows)


def _is_envelope(name: str, said: set[str]) -> bool:
    return name.startswith(_ENVELOPES) or name.endswith((*said, *_CODE_LISTS)) or bool(_AGENCIES.search(name))


def _plainly(name: str) -> tuple[str, str]:
    """Segment and field of what stands under its qualifier (`E1ADRM1[WE]/PARTNER_ID`), which says more than without."""
    segment, _, rest = name.rpartition("[")
    return segment, rest.partition("]/")[2]


def _picked(row: Row, places: list[int]) -> Row:
    row.cells, row.places = [row.cells[place] for place in places], None
    return row


# --- what is said before the plan ---


def _head(
    file: str, target: str, sniffed: Sniffed, found: Suggestions, others: tuple[str, ...], *,
    holds: Mapping[str, str]
) -> Iterator[str]:  # fmt: skip
    running = sum(entry.runs for entry in found.entries)
    yield f"# Proposed from {file} for {target}. Read every line before you use it."
    runs = counted(running, "proposal runs", "proposals run")
    yield f"# {runs}; {len(found.entries) - running} commented out, because not sure: what is right loses its `# `."
    if others:
        yield f"# {target}: this is a {found.record}; there are also {', '.join(others)} (--target)."
    yield from (f"# DOUBT  {doubt}" for doubt in _doubts(sniffed, found))
    yield from (f"# {reason}" for reason in sniffed.reasons)
    if found.missing:
        yield "# Required, and no column is sure enough (`map check` says so too):"
        yield from (f"#   {slot.name}: {slot.term.definition}" for slot in found.missing)
    if found.near:
        yield f"# Columns that were not matched, and what is nearest (`vocab term {found.record}` tells all terms):"
        yield from (f"#   {name}: {_nearest(near)}; {holds[name]}" for name, near in found.near.items())


def _doubts(sniffed: Sniffed, found: Suggestions) -> Iterator[str]:
    """What wants a person's look before the plan is used."""
    yield from sniffed.doubts
    if found.group:
        yield f"rows of one `{found.key}` become one document (`group: true`); plain values: the first one's"
    if found.key_reason.startswith("NOT SURE"):
        yield f"key {found.key}: {found.key_reason}"
    yield from (f"{column}: {said}" for column, said in found.spoiled.items())


def _nearest(near: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{term} {_percent(worth)}" for term, worth in near) or "nothing"


def _percent(worth: float) -> str:
    return f"{round(worth * 100)} %"


# --- the plan ---


def _plan(
    name: str, sniffed: Sniffed, found: Suggestions, parties: Parties, joins: tuple[Joined, ...]
) -> Iterator[str]:
    yield f"mapping: {name.removesuffix(_ROWS)}/1"
    yield f"record: {found.record}"
    yield f"subject: {found.subject}"
    yield f"title: {flow(f'{found.record} {{{found.key}}}')}"
    if found.group:
        yield "group: true"
    yield f"key: {flow(found.key)}    # {found.key_reason}"
    if found.buyers:
        column, score = found.buyers
        yield f"# buyers: {{from: {flow(column)}, codes: parties}}    # {_percent(score.worth)}: {score.reason}"
    if found.identifiers:
        yield "identifiers:"
        yield from (f"  - {{scheme: {scheme}, value: {flow(column)}}}" for scheme, column in found.identifiers)
    yield from _lookups(joins)
    yield "sources:"
    yield f"  {name}: {_settings(sniffed.settings, found.key)}"
    for one in joins:
        yield _text(f"{one.beside.name}: {_settings(one.beside.settings, one.key)}", 1, one.runs)
    yield from _codes(found, parties)
    entries = found.entries
    if any(entry.runs for entry in entries):
        yield "document:"
    else:
        yield "document: {}    # nothing is sure enough to run: take away the {}, and the # before what is right"
    yield from _node(entries, 0, 1, name if found.group else "")


def _lookups(joins: tuple[Joined, ...]) -> Iterator[str]:
    """Single rows are looked up; several make a list, whose place a person has to say."""
    singles = [one for one in joins if not one.many]
    if singles:
        yield _text("lookup:", 0, any(one.runs for one in singles))
    for one in singles:
        doubt = "" if one.runs else "; NOT SURE: take away the # here and at the source"
        yield f"{_text(f'{one.beside.name}: {{on: {flow(one.on)}}}', 1, one.runs)}    # {one.reason}{doubt}"
    for one in joins:
        if one.many:
            yield f"# several rows of {one.beside.name} belong to one here, in a list: {{each: {one.beside.name}, ...}}"
            yield f"#   {one.reason}"


def _settings(settings: Mapping[str, Setting], key: str) -> str:
    return "{" + ", ".join(f"{name}: {_setting(value)}" for name, value in {**settings, "key": key}.items()) + "}"


def _setting(value: Setting) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return flow(value)


def _codes(found: Suggestions, listed: Parties) -> Iterator[str]:
    """Code lists: those that are known run, those that a person has to write are commented out."""
    known = {name: codes for name, codes in found.codes.items() if all(codes.values())}
    parties = bool(found.buyers) or any("codes: parties}" in entry.text for entry in found.entries)
    running = any(entry.runs and "codes: parties}" in entry.text for entry in found.entries)
    if not known and not found.codes and not parties:
        return
    yield "codes:" if known or running else "# codes:"
    if parties:
        where = f"file: {flow(listed.file)}, key: {flow(listed.key)}, value: {flow(listed.value)}"
        yield f"{'' if running else '# '}  parties: {{{where}}}"
    for name, codes in found.codes.items():
        written = ", ".join(f"{flow(code)}: {flow(word) if word else 'WORD'}" for code, word in codes.items())
        yield f"{'' if name in known else '# '}  {name}: {{values: {{{written}}}}}"


def _node(entries: list[Entry], depth: int, indent: int, each: str) -> Iterator[str]:
    """The terms of a node, in the order in which they were found; entries below one term stand together."""
    by_term: dict[str, list[Entry]] = {}
    for entry in entries:
        by_term.setdefault(entry.path[depth], []).append(entry)
    for term, within in by_term.items():
        here = [entry for entry in within if len(entry.path) == depth + 1]
        if here and here[0].many:
            yield _text(term + ":", indent, any(entry.runs for entry in here))
            for entry in here:
                yield _commented("- " + entry.text, entry, indent + 1)
        elif here:
            yield from _line(term, here[0], indent)
        else:
            yield from _nested(term, within, depth, indent, each)


def _nested(term: str, within: list[Entry], depth: int, indent: int, each: str) -> Iterator[str]:
    """A node below a term: one per row of `each` where rows of a key are one document; else one, perhaps in a list."""
    runs = any(entry.runs for entry in within)
    slot = within[0].slot
    yield _text(f"{term}:", indent, runs)
    many = slot.lists[depth]
    joined = [f"each: {each}"] if many and each and not depth else []
    lines = [_text(line, indent + 1, runs) for line in (*joined, f"type: {slot.classes[depth + 1]}")]
    lines += _node(within, depth + 1, indent + 1, each)
    yield from _as_item(lines) if many and not joined else lines


def _as_item(lines: list[str]) -> Iterator[str]:
    """The lines of a node as the one member of a list."""
    for number, line in enumerate(lines):
        mark = line[:2] if line.startswith("# ") else ""
        rest = line.removeprefix(mark)
        bare = rest.lstrip()
        yield f"{mark}{' ' * (len(rest) - len(bare))}{'  ' if number else '- '}{bare}"


def _line(term: str, entry: Entry, indent: int) -> Iterator[str]:
    yield _commented(f"{term}: {entry.text}", entry, indent)


def _commented(text: str, entry: Entry, indent: int) -> str:
    return f"{_text(text, indent, entry.runs)}    # {_percent(entry.worth)}: {entry.reason}"


def _text(text: str, indent: int, runs: bool) -> str:
    return f"{'' if runs else '# '}{_INDENT * indent}{text}"
