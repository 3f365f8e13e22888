"""ODRL policies (Set, Offer, Agreement) as frozen values, and their writing for the wire and for digests.

Reading a document is `reading`'s. Follows the ODRL Information Model 2.2 as the Dataspace Protocol 2025-1 narrows it
(arrays of rules and constraints, string operands), and narrows it further: permissions and prohibitions, `and` and
`or`, our operands. Rules with other actions than `use` stay home: they say who sees the offer and who may audit.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import orjson

from connector.model import Json, JsonObject
from connector.policy.operands import LIST_OPERATORS, LISTED_PARTIES, OPERANDS, Operator, Stage

Effect: TypeAlias = Literal["permission", "prohibition"]
_EFFECTS: Final[tuple[Effect, Effect]] = ("permission", "prohibition")


class Action(StrEnum):
    """What a rule is about. Only `use` is ODRL's and goes on the wire; the others are ours."""

    USE = "use"
    LIST = "list"
    AUDIT = "audit"


ACTION_AT: Final[Mapping[Stage, Action]] = MappingProxyType(
    {
        Stage.CATALOGUE: Action.LIST,
        Stage.NEGOTIATION: Action.USE,
        Stage.TRANSFER: Action.USE,
        Stage.DATA: Action.USE,
        Stage.AUDIT: Action.AUDIT,
    }
)
"""What is decided at a stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One comparison. `right` is normalised (times in UTC, numbers without padding)."""

    left: str
    operator: Operator
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A logical constraint."""

    kind: Literal["and", "or"]
    parts: tuple[Term, ...]


Term: TypeAlias = Constraint | Group


def atoms(terms: Iterable[Term]) -> Iterator[Constraint]:
    """The single comparisons in these terms, however they are grouped."""
    for term in terms:
        if isinstance(term, Constraint):
            yield term
        else:
            yield from atoms(term.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A permission or prohibition; all its constraints have to hold."""

    effect: Effect
    action: Action
    constraints: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The terms of a policy. What is about a deal (ids, parties, target) is `protocol.terms`'."""

    rules: tuple[Rule, ...]

    @property
    def offerable(self) -> bool:
        """Whether anything is left for the wire: an offer without a rule grants nothing."""
        return any(rule.effect == "permission" and rule.action is Action.USE for rule in self.rules)

    def named(self) -> Iterator[tuple[str, Rule]]:
        """Each rule with its place in the document."""
        counts: dict[Effect, int] = {"permission": 0, "prohibition": 0}
        for rule in self.rules:
            yield f"{rule.effect}[{counts[rule.effect]}]", rule
            counts[rule.effect] += 1

    def opens(self, value: str, operand: str = "accessClass") -> bool:
        """Whether some permission of use can hold for values of this class (or what else), whoever asks for them."""
        return any(
            rule.effect == "permission"
            and rule.action is Action.USE
            and not any(_excludes(term, operand, value) for term in rule.constraints)
            for rule in self.rules
        )

    def hangs_on(self, operand: str) -> bool:
        """Whether something can be had, and nothing without a word about this operand."""
        uses = [rule for rule in self.rules if (rule.effect, rule.action) == ("permission", Action.USE)]
        return bool(uses) and all(any(_asks(term, operand) for term in rule.constraints) for rule in uses)


def _asks(term: Term, operand: str) -> bool:
    if isinstance(term, Group):
        parts = [_asks(part, operand) for part in term.parts]
        return any(parts) if term.kind == "and" else all(parts)
    return term.left == operand


def _excludes(term: Term, operand: str, value: str) -> bool:
    if isinstance(term, Group):
        parts = [_excludes(part, operand, value) for part in term.parts]
        return any(parts) if term.kind == "and" else all(parts)
    wanted = term.left == operand and term.operator in {Operator.EQ, Operator.IS_ANY_OF}
    return wanted and value not in term.right


def offer_json(policy: Policy, *, offer_id: str) -> JsonObject:
    """The DSP offer as a catalogue has it, without `target`: the dataset says it (DSP 2025-1, 7.2)."""
    return {"@type": "Offer", "@id": offer_id, **_rules_json(policy)}


def digest(policy: Policy) -> str:
    """Digest of all terms, home rules included; order, ids, parties, target and `@context` do not count."""
    return _digest([_rule_normal(rule) for rule in policy.rules])


def offer_digest(policy: Policy) -> str:
    """Digest of the terms that go on the wire."""
    return _digest([_rule_normal(_wire_rule(rule)) for rule in policy.rules if rule.action is Action.USE])


def both(first: Policy, second: Policy) -> Policy:
    """The first policy, its use narrowed to what the second permits as well: each permission of use joined with each.

    The second is one from the wire: where it names the owner's list of parties, the first one's list is meant.
    """
    home = tuple(rule for rule in first.rules if rule.action is not Action.USE)
    used = [[rule for rule in policy.rules if rule.action is Action.USE] for policy in (first, second)]
    permitted, forbidden = (
        [[rule for rule in rules if rule.effect == effect] for rules in used] for effect in _EFFECTS
    )
    joined = [
        replace(one, constraints=(*one.constraints, *(_unlisted(two.constraints, holds=True) or ())))
        for one in permitted[0]
        for two in permitted[1]
    ]
    never = [
        replace(rule, constraints=terms)
        for rule in forbidden[1]
        if (terms := _unlisted(rule.constraints, holds=False)) is not None
    ]
    return replace(first, rules=(*forbidden[0], *never, *joined, *home))


def _unlisted(terms: tuple[Term, ...], *, holds: bool) -> tuple[Term, ...] | None:
    """Terms of the wire without the owner's list, which the owner's own rules hold whole: there a permission is
    narrowed by it, and a prohibition made; so here it `holds` or not. None: then they never hold together.
    """
    left: list[Term] = []
    for term in terms:
        if isinstance(term, Constraint):
            if term.right != (LISTED_PARTIES,):
                left.append(term)
            elif not holds:
                return None
            continue
        if term.kind == "and":
            parts = _unlisted(term.parts, holds=holds)
        else:
            either = [one for part in term.parts if (one := _unlisted((part,), holds=holds)) is not None]
            parts = () if () in either else tuple(part for one in either for part in one) or None
        if parts is None:
            return None
        if parts:
            left.append(replace(term, parts=parts))
    return tuple(left)


def _rules_json(policy: Policy) -> JsonObject:
    """The wire's rules by effect; no empty arrays (DSP 2025-1 schema: at least one rule when present)."""
    result: JsonObject = {}
    for effect in _EFFECTS:
        rules: list[Json] = [
            _rule_json(_wire_rule(rule)) for rule in policy.rules if rule.effect == effect and rule.action is Action.USE
        ]
        if rules:
            result[effect] = rules
    return result


def _rule_json(rule: Rule) -> JsonObject:
    if not rule.constraints:
        return {"action": rule.action.value}
    return {"action": rule.action.value, "constraint": [_term_json(term) for term in rule.constraints]}


def _term_json(term: Term) -> JsonObject:
    if isinstance(term, Group):
        return {term.kind: [_term_json(part) for part in term.parts]}
    right: Json = list(term.right) if term.operator in LIST_OPERATORS else term.right[0]
    return {"leftOperand": OPERANDS[term.left].iri, "operator": term.operator.value, "rightOperand": right}


def _wire_rule(rule: Rule) -> Rule:
    return Rule(
        effect=rule.effect, action=rule.action, constraints=tuple(_wire_term(term) for term in rule.constraints)
    )


def operand_told(name: str) -> str:
    """The operand of a constraint as peers see it."""
    return "party" if OPERANDS[name].names_parties else name


def _wire_term(term: Term) -> Term:
    """The term as peers see it. Who else is served or shut out is nobody's business: a list is only said to exist."""
    if isinstance(term, Group):
        return Group(kind=term.kind, parts=tuple(_wire_term(part) for part in term.parts))
    if OPERANDS[term.left].names_parties:
        return Constraint(left=operand_told(term.left), operator=Operator.IS_PART_OF, right=(LISTED_PARTIES,))
    return term


def _rule_normal(rule: Rule) -> list[Json]:
    return [rule.effect, rule.action.value, _sorted_unique([_term_normal(term) for term in rule.constraints])]


def _term_normal(term: Term) -> Json:
    if isinstance(term, Group):
        return [term.kind, _sorted_unique([_term_normal(part) for part in term.parts])]
    return [term.left, term.operator.value, _sorted_unique(list(term.right))]


def _sorted_unique(values: list[Json]) -> list[Json]:
    """Order-insensitive: sorted by their bytes, each once."""
    return [orjson.loads(value) for value in sorted({orjson.dumps(value) for value in values})]


def _digest(rules: list[list[Json]]) -> str:
    """`digestMultibase`: base64url of the SHA-256 multihash."""
    octets = orjson.dumps(_sorted_unique(list(rules)))
    return "u" + base64.urlsafe_b64encode(b"\x12\x20" + hashlib.sha256(octets).digest()).rstrip(b"=").decode()
