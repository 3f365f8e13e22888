"""One export as a plan describes it: which files, how they are written, which rows count; or the SQL that makes rows.

What a plan does with the rows stands in `shape.py`, a plan as a whole in `plan.py`. The keys: this room's README.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, WrapValidator, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connector.mapping.edifact_directory import MESSAGES
from connector.mapping.groups import BadGroups, Group, group_of
from connector.mapping.numerals import LOCALES
from connector.mapping.shape import Condition, Part, Value, as_conditions
from connector.mapping.x12_directory import SETS

ENCODINGS = frozenset(
    [
        "ascii",
        "cp437",
        "cp850",
        "cp932",
        "cp949",
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp1257",
        "euc_kr",
        "gb18030",
        "iso-8859-1",
        "iso-8859-2",
        "iso-8859-15",
        "shift_jis",
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
    ]
)  # fmt: skip
Format = Literal["csv", "xlsx", "xls", "ods", "idoc", "edifact", "x12", "odata", "json"]
_PATHS = {"idoc": "IDOC/E1EDL20/E1EDL24", "edifact": "DESADV/CPS/LIN", "x12": "856/S/O/I"}
"""Formats of segments, and how a path looks there."""
WORKBOOKS = frozenset({"xlsx", "xls", "ods"})
KNOWN_GROUPS: Mapping[str, Mapping[str, str]] = {"edifact": MESSAGES, "x12": SETS}
"""Formats of EDI, and the messages whose groups need not be written down."""
DOUBTS = frozenset(
    [
        "doubtful-date",
        "doubtful-number",
        "hidden-cells",
        "join-missed",
        "merged-cells",
        "not-calculated",
        "repeated-amount",
        "repeated-key-differs",
    ]
)
"""What a run tells of a source, holding nothing back; a plan may `accept` it. Which sheet was chosen says `sheet`."""
_FILE_PATTERN = re.compile(r"[^/\\\x00-\x1f]+")


_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def _as_written(value: object, check: Callable[[object], str]) -> object:
    """The text itself, which knows its line, not the copy that pydantic makes."""
    check(value)
    return value


Word: TypeAlias = Annotated[str, WrapValidator(_as_written)]
"""A text that knows its line."""


def file_pattern(pattern: str) -> str:
    """A pattern of file names, checked."""
    if not _FILE_PATTERN.fullmatch(pattern) or pattern in {".", ".."} or "[" in pattern:
        raise PydanticCustomError("file", "`file` is a file name with `*` and `?`, and leads to no other folder.")
    return pattern


class Source(Part):
    """One export: which files, how they are written, which rows count."""

    file: str
    format: Format
    encoding: str | None = None
    delimiter: str | None = None
    quote: str = '"'
    locale: str | None = None
    skip_until: str | None = None
    header: Literal[1, 2] = 1
    units_row: bool = False
    skip: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    null: tuple[str, ...] = ()
    trailing_minus: bool = False
    fill_down: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    key: Value | None = None
    where: tuple[Condition, ...] = ()
    sheet: str = "1"
    record: str | None = None
    qualifiers: dict[str, str] = Field(default_factory=dict)
    groups: str | None = None
    layout: str | None = None
    accept: tuple[str, ...] = ()

    _where = field_validator("where", mode="before")(as_conditions)
    _file = field_validator("file", "layout")(file_pattern)

    @field_validator("header", mode="before")
    @classmethod
    def _rows(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value in {"1", "2"} else value

    @field_validator("accept")
    @classmethod
    def _doubts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [code for code in value if code not in DOUBTS]:
            raise PydanticCustomError(
                "accept", "`accept` takes doubts, which are no errors: {known}; `{code}` is none.",
                {"known": ", ".join(sorted(DOUBTS)), "code": unknown[0]},
            )  # fmt: skip
        return value

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        value = "\t" if value == "tab" else value
        if len(value) != 1 or value in "\r\n\0":
            raise PydanticCustomError("delimiter", "`delimiter` is one character, or `tab`.")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Source:
        if self.format == "csv":
            if self.encoding not in ENCODINGS or not self.delimiter:
                raise PydanticCustomError(
                    "csv", "A csv source says its `encoding` and its `delimiter`; encodings are: {known}.",
                    {"known": ", ".join(sorted(ENCODINGS))},
                )  # fmt: skip
            if self.quote != "none" and len(self.quote) != 1:
                raise PydanticCustomError("quote", "`quote` is one character, or `none`.")
        elif self.format in _PATHS and not self.record:
            raise PydanticCustomError(
                "record", "This source says the path of its `record`, such as {path}.", {"path": _PATHS[self.format]}
            )
        elif self.format in KNOWN_GROUPS:
            self._edi(KNOWN_GROUPS[self.format])
        if self.encoding is not None and self.encoding not in ENCODINGS:
            raise PydanticCustomError(
                "encoding", "`encoding` is one of {known}.", {"known": ", ".join(sorted(ENCODINGS))}
            )
        for key, formats in (("layout", {"idoc"}), ("groups", KNOWN_GROUPS.keys())):
            if getattr(self, key) is not None and self.format not in formats:
                raise PydanticCustomError(
                    key, "`{key}` says nothing about {format}.", {"key": key, "format": self.format}
                )
        if self.locale is not None and self.locale not in LOCALES:
            raise PydanticCustomError("locale", "`locale` is one of {known}.", {"known": ", ".join(LOCALES)})
        return self

    def _edi(self, groups: Mapping[str, str]) -> None:
        kind, *steps = (self.record or "").split("/")
        if self.groups is None and kind not in groups:
            raise PydanticCustomError(
                "record", "The groups of a {kind} are not known here, so the plan says them: `groups`.", {"kind": kind}
            )
        try:
            group = group_of(groups[kind] if self.groups is None else self.groups)
        except BadGroups as error:
            raise PydanticCustomError("groups", "`groups` {why}.", {"why": str(error)}) from error
        for step in steps if self.format == "edifact" else ():  # X12's levels are known by the file alone
            if step not in group.order:
                known = ", ".join(group.order) or "nothing"
                raise PydanticCustomError(
                    "record", "`record`: there is no {step} there; there is {known}.", {"step": step, "known": known}
                )
            group = group.groups.get(step) or Group()

    @property
    def number_locale(self) -> str | None:
        """How numbers are written. Machine formats write a point and no groups; lists have no default."""
        return self.locale or (None if self.is_listed else "edi" if self.format == "edifact" else "plain")

    @property
    def is_listed(self) -> bool:
        """Whether its numbers are written as people write them, so that nobody but the plan knows how."""
        return self.format == "csv" or self.is_workbook

    @property
    def stores_numbers(self) -> bool:
        """Whether some of its cells are known to be numbers, however the source's other numbers are written."""
        return self.is_workbook or self.format in {"odata", "json"}

    @property
    def has_lists(self) -> bool:
        """Whether a field may be a list of several."""
        return self.format in {"odata", "json"}

    @property
    def may_lose_zeros(self) -> bool:
        """Whether a cell that is meant as text may be stored as a number, without its leading zeros."""
        return self.is_workbook

    @property
    def is_workbook(self) -> bool:
        """Whether its files are workbooks, of whatever kind: each file says its kind itself."""
        return self.format in WORKBOOKS

    @property
    def position_unit(self) -> str:
        """What places in its files count: lines, or segments, where all may stand in one line."""
        return "segment" if self.format in KNOWN_GROUPS else "line"


class Query(Source):
    """A source whose rows SQL makes of other sources' rows (`sql.py`, `shaping.py`)."""

    file: str = ""
    format: Literal["sql"] = "sql"  # type: ignore[assignment]  # nobody writes it, so it is no `Format`
    sql: str

    @classmethod
    def known_keys(cls) -> set[str]:
        """What says how a file is written has no place here."""
        return {"sql", "locale", "key", "where", "null", "optional", "trailing_minus", "accept"}

    @property
    def is_listed(self) -> bool:
        """Its texts are the other sources'."""
        return True

    @property
    def stores_numbers(self) -> bool:
        """What the SQL counts or adds up is a number."""
        return True

    @property
    def may_lose_zeros(self) -> bool:
        """It may be made of a workbook."""
        return True

    def tables(self, sources: Iterable[str]) -> tuple[str, ...]:
        """The sources that the SQL names, and perhaps some whose name is only a word in it."""
        words = {word.lower() for word in _WORD.findall(self.sql)}
        return tuple(name for name in sources if name.lower() in words)
