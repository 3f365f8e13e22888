"""The parts of a plan that describe values, nodes, joins and links, as frozen models.

What each key means stands in this room's README. Whether names, units, formats and columns exist is checked when the
plan is compiled; here only the form is.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connector.mapping.spelling import Block, Items, Text, block

_MAY_BE_EMPTY = frozenset({"default", "name"})
NODE_KEYS = ("type", "each", "on", "where", "distinct", "lookup", "when", "required")


class Part(BaseModel):
    """A part of the plan. Unknown keys are refused, with the nearest known one.

    Checks are built with the first plan: they refer to each other across this file, and a start need not wait for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)

    line: int = Field(default=0, repr=False)

    @classmethod
    def known_keys(cls) -> set[str]:
        """The keys that may be written."""
        return {field.alias or name for name, field in cls.model_fields.items()} - {"line"}

    @model_validator(mode="before")
    @classmethod
    def _read(cls, tree: object) -> object:
        if not isinstance(tree, Block):
            return tree
        tree = cls.prepare(tree)
        known = cls.known_keys()
        for key in tree:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(known))}"
                raise PydanticCustomError("unknown-key", "Unknown key `{key}`.", {"key": key, "hint": hint})
            if tree[key] == "" and key not in _MAY_BE_EMPTY:
                raise PydanticCustomError("empty-key", "It is empty.", {"key": key})
        return {**tree, "line": tree.line}

    @classmethod
    def prepare(cls, tree: Block) -> Block:
        """The tree with short forms written out."""
        return tree


def _kind(tree: object) -> str:
    if isinstance(tree, Items):
        return "<list>"
    if not isinstance(tree, Block):
        return "<text>"
    for key in ("type", "link", "as_received", "mint", "contained", "sum", "each"):
        if key in tree:
            return f"<{key}>"
    return "<from>"


class Condition(Part):
    """What a row must be like: its column's text is in a list, not in a list, or there at all."""

    column: str
    in_: tuple[str, ...] | None = Field(default=None, alias="in")
    not_in: tuple[str, ...] | None = None
    present: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if sum(value is not None for value in (self.in_, self.not_in, self.present)) != 1:
            raise PydanticCustomError("condition", "A condition has exactly one of `in`, `not_in`, `present`.")
        return self


def as_conditions(tree: object) -> object:
    """One condition stands for a list of one."""
    return [tree] if isinstance(tree, Block) else tree


class Conditional(Part):
    """Anything that may be left out by a condition or be demanded."""

    when: tuple[Condition, ...] = ()
    required: bool = False

    _when = field_validator("when", mode="before")(as_conditions)


class Lookup(Part):
    """One row of another source, found by its key."""

    on: Value
    source: str | None = None
    missing: Literal["empty", "error"] = "empty"


class Join(Conditional):
    """Rows of another source that belong to this row."""

    each: str
    on: Value | None = None
    where: tuple[Condition, ...] = ()
    distinct: str | None = None
    lookup: dict[str, Lookup] = Field(default_factory=dict)

    _where = field_validator("where", mode="before")(as_conditions)


class Uncertainty(Part):
    """Expanded uncertainty (k = 2) of a quantity: per cent of the value, or in the cell's unit."""

    percent: Value | None = None
    absolute: Value | None = None
    from_: str | None = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one(self) -> Uncertainty:
        if sum(value is not None for value in (self.percent, self.absolute, self.from_)) != 1:
            raise PydanticCustomError("uncertainty", "Say one of `percent`, `absolute`, `from`.")
        return self


class From(Conditional):
    """A column, template or constant, with conversions."""

    from_: str = Field(alias="from", min_length=1)
    default: str | None = None
    alpha: str | None = None
    case: Literal["upper", "lower"] | None = None
    pattern: str | None = None
    max_length: int | None = Field(default=None, ge=1)
    codes: str | None = None
    unknown: Literal["error", "empty", "keep"] = "error"
    number: str | None = None
    min: str | None = None
    max: str | None = None
    boolean: dict[Literal["true", "false"], tuple[str, ...]] | None = None
    date: str | None = None
    datetime: str | None = None
    zone: str | None = None
    unit: Unit | None = None
    to: str | None = None
    round: int | None = Field(default=None, ge=0, le=20)
    below_detection: bool = False
    uncertainty: Uncertainty | None = None
    basis: Value | None = None
    analyte: Value | None = None
    reported_as: Value | None = Field(default=None, alias="reportedAs")
    method: Value | None = None
    quantity_kind: Value | None = Field(default=None, alias="quantityKind")
    at: Value | None = None
    qualifier: Value | None = None

    @model_validator(mode="after")
    def _fits(self) -> From:
        kinds = [name for name in ("number", "boolean", "date", "datetime", "unit") if getattr(self, name) is not None]
        if len(kinds) > 1:
            raise PydanticCustomError("two-kinds", "A value is one of {kinds}.", {"kinds": " and ".join(kinds)})
        if self.unit is None and (self.to or self.below_detection or self.uncertainty or self.quantity_terms()):
            raise PydanticCustomError("no-unit", "`to`, `below_detection`, `uncertainty`, `basis` ... need a `unit`.")
        if self.unit is None and self.number is None and (self.min or self.max or self.round is not None):
            raise PydanticCustomError("no-number", "`min`, `max` and `round` need `number` or `unit`.")
        return self

    def quantity_terms(self) -> dict[str, Value]:
        """The further terms of a quantity that are said here."""
        said = {
            "basis": self.basis, "analyte": self.analyte, "reportedAs": self.reported_as, "method": self.method,
            "quantityKind": self.quantity_kind, "at": self.at, "qualifier": self.qualifier,
        }  # fmt: skip
        return {term: value for term, value in said.items() if value is not None}


class ListOf(Part):
    """A list of values."""

    items: tuple[Value, ...]


def _from_text(tree: object) -> object:
    return block({"from": tree}, tree.line) if isinstance(tree, Text) else tree


def _from_items(tree: object) -> object:
    return block({"items": tree}, tree.line) if isinstance(tree, Items) else tree


class Written(From):
    """A value that is written as plain text: a column, a template or a constant."""

    _text = model_validator(mode="before")(_from_text)


class Listed(ListOf):
    """A list that is written as a YAML list."""

    _items = model_validator(mode="before")(_from_items)


class Target(Part):
    """The record that a link leads to, said by one of its identifiers."""

    to: str | None = None
    scheme: str
    value: Value
    own: bool = False
    issuer: Value | None = None
    optional: bool = False


class Link(Conditional):
    """An upstream link."""

    link: Target


class Received(Conditional):
    """The id of a thing that another record is about."""

    as_received: Target


class Mint(Conditional):
    """The id of a thing, made from its class and business key."""

    mint: str
    key: Value


class ContainedUncertainty(Part):
    """Relative expanded uncertainties, in per cent."""

    weighing_percent: Value | None = None
    assay_percent: Value | None = None


class ContainedMass(Part):
    """mass x (1 - moisture) x fraction."""

    of: Value
    fraction: Value
    moisture: Value | None = None
    uncertainty: ContainedUncertainty | None = None


class Contained(Conditional):
    """The mass of a metal that something contains, as a quantity."""

    contained: ContainedMass
    to: str | None = None
    round: int | None = Field(default=None, ge=0, le=20)


class SumOver(Join):
    """What is added up: one quantity per joined row."""

    of: Value


class Sum(Conditional):
    """A sum of quantities: of a list, or of joined rows."""

    sum: tuple[Value, ...] | SumOver
    to: str
    round: int | None = Field(default=None, ge=0, le=20)


class EachValue(Join):
    """A list with one plain value per joined row."""

    value: Value


class Node(Conditional):
    """A node of the document; a list of nodes where `each` joins rows."""

    type: str = Field(pattern="^[A-Z][A-Za-z0-9]*$")
    join: Join | None = None
    terms: dict[str, Value]

    @classmethod
    def prepare(cls, tree: Block) -> Block:
        """The reserved keys apart from the terms."""
        made = Block(tree.line)
        terms, join = Block(tree.line), Block(tree.line)
        for key, value in tree.items():
            place = made if key in {"type", "when", "required"} else join if key in NODE_KEYS else terms
            place[key] = value
            place.key_lines[key] = tree.key_lines.get(key, tree.line)
        link = terms.get("link")
        if isinstance(link, Block) and "scheme" in link:
            terms["link"] = block({"link": link}, link.line)
        made["terms"] = terms
        if join:
            made["join"] = join
        made.key_lines |= {"terms": tree.line, "join": tree.line}
        return made


Value: TypeAlias = Annotated[
    Annotated[Written, Tag("<text>")]
    | Annotated[Listed, Tag("<list>")]
    | Annotated[Node, Tag("<type>")]
    | Annotated[Link, Tag("<link>")]
    | Annotated[Received, Tag("<as_received>")]
    | Annotated[Mint, Tag("<mint>")]
    | Annotated[Contained, Tag("<contained>")]
    | Annotated[Sum, Tag("<sum>")]
    | Annotated[EachValue, Tag("<each>")]
    | Annotated[From, Tag("<from>")],
    Discriminator(_kind),
]
"""Any value of a plan."""

Unit: TypeAlias = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[From, Tag("<from>")],
    Discriminator(_kind),
]
"""A Rec 20 code, or where it is read from."""

AnyValue: TypeAlias = Written | Listed | Node | Link | Received | Mint | Contained | Sum | EachValue | From
