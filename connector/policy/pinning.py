"""Pins: terms that bind the use of data to the content that it has now, by digest.

What the digest of a content is made of is `credentials.digest`'s; whether the content is still the pinned one is
decided as any constraint is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.model import Json, JsonObject
from connector.policy.names import bindings, operand_in
from connector.policy.odrl import Action, Constraint, atoms
from connector.policy.operands import OPERANDS, WITH_UNIT
from connector.policy.reading import action_in, read
from connector.vocabulary.terms import NAMESPACE

PIN = "contentDigest"


def pinned(document: JsonObject, digest: str) -> JsonObject:
    """The policy document with each permission of use bound to this content, in place of any other."""
    bound: Json = {"leftOperand": NAMESPACE + PIN, "operator": "eq", "rightOperand": digest}
    names = bindings(document.get("@context"))
    permissions: list[Json] = [
        {**rule, "constraint": [*(one for one in _items(rule.get("constraint")) if _is_no_pin(one, names)), bound]}
        if isinstance(rule, dict) and action_in(rule.get("action")) is Action.USE
        else rule
        for rule in _items(document.get("permission"))
    ]
    return {**document, "permission": permissions}


def pins_of(terms: Json) -> tuple[str, ...]:
    """The digests that a policy, offer or agreement pins; of terms that cannot be read, none."""
    found = (one.right[0] for one in _constraints(terms) if one.left == PIN)
    return tuple(dict.fromkeys(found))


def by_unit(terms: Json) -> bool:
    """Whether these terms give some units and not others: then who has what it may have need not have all."""
    return any(OPERANDS[one.left].stages == WITH_UNIT for one in _constraints(terms))


def _constraints(terms: Json) -> Iterator[Constraint]:
    policy, _ = read(terms)
    for rule in policy.rules if policy is not None else ():
        if rule.action is Action.USE:
            yield from atoms(rule.constraints)


def _is_no_pin(constraint: Json, names: Mapping[str, str]) -> bool:
    operand = operand_in(constraint.get("leftOperand"), names) if isinstance(constraint, dict) else None
    return operand is None or operand.name != PIN


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]
