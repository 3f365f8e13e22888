"""A mapping plan: header, sources, code lists, document and examples; and its parser.

The language is described in this room's README. `parse` refuses a plan as a whole with the line of the first mistake;
names across the plan (sources, code lists, units, formats) are checked when it is compiled (`engine.compile_plan`).
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    Discriminator,
    Field,
    JsonValue,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from connector.errors import BadPlan
from connector.mapping.exports import Query, Source, Word, file_pattern
from connector.mapping.shape import Condition, Lookup, Mint, Node, Part, Received, Value, as_conditions
from connector.mapping.spelling import Block, Items, Text, Tree, block, load, refuse

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


AnySource: TypeAlias = Annotated[
    Annotated[Source, Tag("<file>")] | Annotated[Query, Tag("<sql>")],
    Discriminator(lambda tree: "<sql>" if isinstance(tree, dict) and "sql" in tree else "<file>"),
]


class CodeFile(Part):
    """A code list in a file: UTF-8 CSV with a header, split at commas, semicolons or tabs."""

    file: str
    key: str
    value: str

    _file = field_validator("file")(file_pattern)


class CodeTable(Part):
    """A code list in the plan."""

    values: dict[str, Word]


Codes: TypeAlias = Annotated[
    Annotated[CodeFile, Tag("<file>")] | Annotated[CodeTable, Tag("<values>")],
    Discriminator(lambda tree: "<file>" if isinstance(tree, dict) and "file" in tree else "<values>"),
]


class IdentifierRule(Part):
    """A typed identifier of the record's subject."""

    scheme: str
    value: Value
    issuer: Value | None = None


class Example(Part):
    """Rows in, document or findings out."""

    name: str = ""
    given: dict[str, tuple[dict[str, str], ...]]
    gives: dict[str, JsonValue] | None = None
    findings: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one(self) -> Example:
        if (self.gives is None) == (self.findings is None):
            raise PydanticCustomError("example", "An example says either `gives` or `findings`.")
        return self


_SHAPES = {
    "tuple_type": "a list, each entry after a `-`",
    "dict_type": "a block of names and what they stand for",
    "model_type": "a block of keys and values",
    "string_type": "a text, no list and no block",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "greater_than_equal": "a whole number from {ge}",
    "less_than_equal": "a whole number up to {le}",
    "literal_error": "one of {expected}",
    "union_tag_invalid": "a text, or {{from: COLUMN, ...}}",
}
"""What pydantic misses -> what a plan has there. Pydantic's own words are nobody's who writes a plan."""
_EMPTY, _HOW = (
    "write what belongs there, or leave the line out",
    "how each part is written: connector/mapping/README.md",
)


class Plan(Part):
    """A whole plan."""

    mapping: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[0-9][A-Za-z0-9._-]*$")
    record: Word = Field(pattern="^[A-Z][A-Za-z0-9]*$")
    subject: Word = Field(pattern="^[A-Z][A-Za-z0-9]*$")
    title: str | None = None
    from_: str | None = Field(default=None, alias="from")
    group: bool = False
    where: tuple[Condition, ...] = ()
    key: Value
    subject_id: Literal["minted"] | Mint | Received = "minted"
    model_id: Mint | None = None
    buyers: Value | None = None
    identifiers: tuple[IdentifierRule, ...] = ()
    lookup: dict[str, Lookup] = Field(default_factory=dict)
    sources: dict[str, AnySource] = Field(min_length=1)
    codes: dict[str, Codes] = Field(default_factory=dict)
    document: Node
    examples: tuple[Example, ...] = ()

    _where = field_validator("where", mode="before")(as_conditions)

    @classmethod
    def prepare(cls, tree: Block) -> Block:
        """The document gets its class from `subject`."""
        document, subject = tree.get("document"), tree.get("subject")
        if isinstance(document, Block) and isinstance(subject, Text):
            for key in ("type", "id", "identifier", "each"):
                if key in document:
                    hint = "`type` and `id` come from the header, `identifier` from `identifiers`"
                    raise PydanticCustomError(
                        "unknown-key",
                        "`{key}` does not stand in the document.",
                        {"key": key, "hint": hint, "line": document.key_lines[key]},
                    )
            whole = block({**document, "type": subject}, document.line)
            whole.key_lines |= document.key_lines
            tree["document"] = whole
        return tree

    @property
    def driving(self) -> str:
        """The source whose rows make documents."""
        return self.from_ or next(iter(self.sources))

    def patterns(self) -> dict[str, str]:
        """The file name pattern of each source, of its layout, and of each code list that is a file."""
        found = {name: source.file for name, source in self.sources.items() if source.file}
        found |= {layout_of(name): source.layout for name, source in self.sources.items() if source.layout is not None}
        found |= {name: codes.file for name, codes in self.codes.items() if isinstance(codes, CodeFile)}
        return found

    def queries(self) -> dict[str, Query]:
        """The sources that SQL makes."""
        return {name: source for name, source in self.sources.items() if isinstance(source, Query)}

    def files(self) -> tuple[str, ...]:
        """The sources that are files: what SQL has as tables."""
        return tuple(name for name, source in self.sources.items() if not isinstance(source, Query))

    def tables(self, query: str) -> tuple[str, ...]:
        """Those that the SQL of a source names."""
        source = self.sources[query]
        return source.tables(self.files()) if isinstance(source, Query) else ()


def layout_of(source: str) -> str:
    """By what name the layout of a source stands among the files of a run."""
    return f"{source}.layout"


def parse(data: bytes) -> Plan:
    """The plan. Raises `BadPlan` with line and hint."""
    return read(load(data))


def read(tree: Block) -> Plan:
    """The plan that a tree of YAML says."""
    try:
        plan = Plan.model_validate(tree)
    except ValidationError as error:
        raise _first(error.errors(), tree) from error
    _check_names(plan, tree)
    return plan


def _check_names(plan: Plan, tree: Block) -> None:
    if plan.driving not in plan.sources:
        hint = f"there are: {', '.join(plan.sources)}"
        raise refuse(f"`from: {plan.from_}` is no source.", tree.key_lines.get("from", 0), hint=hint)
    for name in (*plan.sources, *plan.codes):
        if not _NAME.fullmatch(name):
            raise refuse(f"`{name}` is no name for a source or code list.", tree.key_lines["sources"])
    lowered = [name.lower() for name in plan.sources]
    for name in plan.sources if plan.queries() else ():
        if lowered.count(name.lower()) > 1:
            message = f"Small and capital letters are one to SQL: `{name}` stands for two sources."
            raise refuse(message, tree.key_lines["sources"], hint="give one of them another name")
    for name in plan.codes:
        if name in plan.sources:
            raise refuse(f"`{name}` is both a source and a code list.", tree.key_lines["codes"])


def _first(errors: list[ErrorDetails], tree: Block) -> BadPlan:
    """The mistake that stands first in the file, as a sentence."""
    return min((_sentence(error, tree) for error in errors), key=lambda pair: pair[0])[1]


def _sentence(error: ErrorDetails, tree: Block) -> tuple[int, BadPlan]:
    line, path = _locate(error["loc"], tree)
    context, kind, given = error.get("ctx", {}), error["type"], error["input"]
    message, hint = error["msg"], str(context.get("hint", ""))
    if kind in {"unknown-key", "empty-key"}:
        node, key = _node(error["loc"], tree), str(context["key"])
        line = node.key_lines.get(key, line) if isinstance(node, Block) else line
        line = int(context.get("line", line))
        if kind == "empty-key":
            message, hint = f"`{path}/{key}` is empty.".replace("`/", "`"), _EMPTY
    elif kind == "missing":
        message, hint = f"`{error['loc'][-1]}` is missing.", _HOW
    elif "url" not in error:  # one of ours
        message = f"{path}: {message}" if path else message
    elif not given:
        message, hint = f"`{path}` is empty.", _EMPTY
    elif kind == "string_pattern_mismatch":
        message = f"{path}: `{given}` is not written as it has to be."
        hint = "name/version, such as lots/1" if path == "mapping" else "a name of the vocabulary, such as MaterialLot"
    else:
        wanted = _SHAPES.get(kind, "not written as it has to be").format(**context).replace("'", "")
        said = f", not `{given[:40]}`" if isinstance(given, str) else ""
        near = get_close_matches(str(given), re.findall("'([^']+)'", str(context.get("expected"))), n=1)
        message, hint = f"`{path}` is {wanted}{said}.", f"did you mean `{near[0]}`?" if near else _HOW
    return line, refuse(message, line, hint=hint)


def _steps(loc: tuple[int | str, ...], tree: Block) -> list[tuple[int | str, Tree, int]]:
    """The parts of a location that are in the file; pydantic's own words between them are passed over."""
    steps: list[tuple[int | str, Tree, int]] = []
    node: Tree = tree
    for part in loc:
        if isinstance(node, Block) and isinstance(part, str) and part in node:
            line = node.key_lines.get(part, node.line)
            node = node[part]
            steps.append((part, node, line))
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node):
            node = node[part]
            steps.append((part, node, node.line))
    return steps


def _locate(loc: tuple[int | str, ...], tree: Block) -> tuple[int, str]:
    steps = _steps(loc, tree)
    return (steps[-1][2] if steps else tree.line), "/".join(str(step[0]) for step in steps)


def _node(loc: tuple[int | str, ...], tree: Block) -> Tree:
    steps = _steps(loc, tree)
    return steps[-1][1] if steps else tree
