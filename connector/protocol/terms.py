"""Offers and agreements as they stand in DSP messages: the ODRL profile of DSP 2025-1, and when two are equal.

The profile is narrower than ODRL (rules in arrays that are never empty, one plain `action`, un-prefixed operators) and
real peers are wider (numbers as right operands, extra members such as `duty`): both are read, only the narrow form is
sent. Members we don't know are kept, because an agreement repeats its offer word for word. What a rule grants is
judged in policy/, not here.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal, TypeAlias, cast

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connector.errors import BadMessage
from connector.model import Json, JsonObject
from connector.protocol.contexts import sent, whole
from connector.vocabulary.admission import admit_value

Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Operator = Literal[
    "eq", "gt", "gteq", "lt", "lteq", "neq", "hasPart", "isA", "isAllOf", "isAnyOf", "isNoneOf", "isPartOf", "term-lteq"
]
_CONNECTIVES = ("and", "andSequence", "or", "xone")
_RULES = ("permission", "prohibition", "obligation")
_UNORDERED = frozenset({*_RULES, "duty", "constraint", "and", "or", "xone"})
"""Arrays in which the order says nothing."""
_NAMES = ("leftOperand", "action")
_OWN = frozenset({"@type", "@id"})
"""What a real EDC gives each node of a rule, new every time: it says nothing where the node says something."""
_FOLDED = '[{"@value":'
_LONGEST_FOLDED = 1 << 20
_CARRY_RULES = frozenset({*_RULES, "duty", "inheritFrom"})
"""What adds rules to a policy (ODRL Information Model 2.2, sections 2.1 and 2.9)."""


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    def as_json(self) -> JsonObject:
        """The node as it came, extra members included."""
        return cast("JsonObject", self.model_dump(mode="json", by_alias=True, exclude_unset=True))


class AtomicConstraint(_Node):
    """One comparison. Numbers and booleans are invalid by the schema, yet a real EDC sends numbers."""

    left_operand: Text = Field(alias="leftOperand")
    operator: Operator
    right_operand: str | bool | int | float | list[JsonValue] | dict[str, JsonValue] = Field(alias="rightOperand")


class LogicalConstraint(_Node):
    """Several constraints under exactly one connective, which stand beside no comparison."""

    and_: tuple[Constraint, ...] | None = Field(default=None, alias="and")
    and_sequence: tuple[Constraint, ...] | None = Field(default=None, alias="andSequence")
    or_: tuple[Constraint, ...] | None = Field(default=None, alias="or")
    xone: tuple[Constraint, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_connective(cls, raw: object) -> object:
        if isinstance(raw, dict):
            if sum(word in raw for word in _CONNECTIVES) != 1:
                raise ValueError("exactly one of and, andSequence, or, xone is expected")
            if {"leftOperand", "operator", "rightOperand"} & raw.keys():
                raise ValueError("a connective and a comparison can't stand in one object")
        return raw


def _shape(raw: object) -> str:
    if isinstance(raw, dict):
        return "logical" if any(word in raw for word in _CONNECTIVES) else "atomic"
    return "logical" if isinstance(raw, LogicalConstraint) else "atomic"


Constraint: TypeAlias = Annotated[
    Annotated[AtomicConstraint, Tag("atomic")] | Annotated[LogicalConstraint, Tag("logical")], Discriminator(_shape)
]


class Rule(_Node):
    """A permission, prohibition or obligation. It names no target of its own: the policy does."""

    action: Text
    constraint: tuple[Constraint, ...] | None = None
    target: None = Field(default=None, description="must be absent")


Rules = Annotated[tuple[Rule, ...], Field(min_length=1)]


class _Policy(_Node):
    id: Text = Field(alias="@id")
    permission: Rules | None = None
    prohibition: Rules | None = Field(default=None, validate_default=True)
    obligation: Rules | None = None

    @field_validator("prohibition")
    @classmethod
    def _says_something(cls, prohibition: Rules | None, info: ValidationInfo) -> Rules | None:
        if prohibition is None and info.data.get("permission", ()) is None:
            raise ValueError("this or permission is expected")
        return prohibition


class _Binding(_Policy):
    """A policy that binds: what a JSON-LD processor reads in it as a rule is compared here too, or refused."""

    @model_validator(mode="before")
    @classmethod
    def _rules_by_their_names(cls, raw: object) -> object:
        for name, value in raw.items() if isinstance(raw, dict) else ():
            hidden = name not in _RULES and re.split("[:/#]", name)[-1] in _CARRY_RULES
            if value not in (None, []) and (hidden or (name.startswith("@") and name not in _OWN)):
                raise ValueError(f"{name:.60}: rules stand under {', '.join(_RULES)}, and nowhere else")
        return raw


class Offer(_Binding):
    """An offer inside a message. Its target is the dataset."""

    type: Literal["Offer"] = Field(alias="@type")
    target: Text | None = None
    assigner: Text | None = None
    assignee: Text | None = None


class ListedOffer(_Policy):
    """An offer inside a catalogue's dataset: the dataset around it is its target, so it names none."""

    type: Literal["Offer"] | None = Field(default=None, alias="@type")
    target: None = Field(default=None, description="must be absent")


class Agreement(_Binding):
    """What both sides agreed to."""

    type: Literal["Agreement"] = Field(alias="@type")
    target: Text
    assigner: Text
    assignee: Text
    timestamp: Annotated[
        str | None,
        Field(
            pattern=r"^-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?$"
        ),
    ] = None


def rules_of(policy: JsonObject) -> JsonObject:
    """The rules alone, in the form that we send: no empty arrays, no numbers as right operands, no peer's prefix."""
    return {word: _plain(rules) for word in _RULES if (rules := policy.get(word))}


def rules_digest(policy: JsonObject) -> str:
    """SHA-256 (hex) over the rules in a normal form, in which equal rules are equal bytes."""
    return hashlib.sha256(_normal(policy)).hexdigest()


def same_rules(one: JsonObject, other: JsonObject) -> bool:
    """Whether two policies hold the same rules. Ids, types, parties, target, order of rules don't count."""
    if all(one.get(word) == other.get(word) for word in _RULES):
        return True  # word for word, as nearly always
    return _normal(one) == _normal(other)


def _normal(policy: JsonObject) -> bytes:
    normal: JsonObject = {word: _ordered(word, rules) for word in _RULES if (rules := policy.get(word))}
    return orjson.dumps(normal, option=orjson.OPT_SORT_KEYS)


def _ordered(key: str, value: Json) -> Json:
    """A rule's member in normal form. Inside a right operand everything counts, order and types too."""
    if key == "rightOperand":
        return _as_text(_unfolded(value))
    if key in _NAMES and isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        items = [_ordered("", item) for item in value]
        if key in _UNORDERED:
            items.sort(key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
        return items
    if isinstance(value, dict):
        passed_over = _OWN if value.keys() - _OWN else frozenset[str]()  # what is an id alone says whom it means by it
        return {
            name: _ordered(name, member)
            for name, member in value.items()
            if name not in passed_over and not (name == "constraint" and member == [])
        }
    return value


def _unfolded(value: Json) -> Json:
    """A list that a real EDC sends back as the text of its expanded JSON-LD: `[{"@value":"a"},{"@value":"b"}]`."""
    if not (isinstance(value, str) and value.startswith(_FOLDED)):
        return value
    try:
        read = admit_value(value.encode(), _LONGEST_FOLDED)
    except BadMessage:
        return value
    assert isinstance(read, list), "what begins so, and is JSON"
    return [one["@value"] if isinstance(one, dict) and one.keys() == {"@value"} else one for one in read]


def _plain(value: Json) -> Json:
    if isinstance(value, list):
        return [_plain(item) if isinstance(item, (dict, list)) else item for item in value]
    if isinstance(value, dict):
        return {name: _plain_member(name, member) for name, member in value.items()}
    return value


def _plain_member(name: str, member: Json) -> Json:
    if name == "rightOperand":
        return _as_text(member)
    if name in _NAMES and isinstance(member, str):
        return sent(member)
    return _plain(member)


def _as_text(value: Json) -> Json:
    """Numbers and booleans as the strings that the schema asks for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, dict):
        return {name: _as_text(member) for name, member in value.items()}
    return value
