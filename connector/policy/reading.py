"""Reading a policy document: everything that is wrong with it at once, or a `Policy`.

Takes the compact JSON form, our own files a little more freely than the wire (a single object for an array, numbers for
strings, short operand names); whether a *message* has the exact form of DSP 2025-1 is judged by `protocol`. The profile
is closed: what is not known here is a finding, because a rule that is skipped is a rule that is broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

import orjson

from connector.errors import BadMessage, BadPolicy
from connector.model import AccessClass, Finding, Json, JsonObject, Place
from connector.policy.names import bindings, meant, operand_in
from connector.policy.odrl import ACTION_AT, Action, Constraint, Effect, Group, Policy, Rule, Term
from connector.policy.operands import (
    LIST_OPERATORS,
    ODRL,
    UNIT,
    Operand,
    Operator,
    Stage,
    ValueKind,
)
from connector.vocabulary.admission import admit_value
from connector.vocabulary.terms import NAMESPACE

MAX_BYTES: Final = 1 << 20
MAX_RULES: Final = 64
MAX_CONSTRAINTS: Final = 256
MAX_DEPTH: Final = 4
MAX_VALUES: Final = 1000
MAX_TEXT: Final = 2048

_KINDS: Final = frozenset({"Set", "Offer", "Agreement"})
_GROUPS: Final[tuple[Literal["and", "or"], ...]] = ("and", "or")
_NOTES: Final = frozenset({"@context", "@id", "@type", "id", "type", "uid", "title", "description", "comment"})
_POLICY_KEYS: Final = _NOTES | {
    "profile", "target", "assigner", "assignee", "timestamp", "permission", "prohibition", "obligation", "conflict",
}  # fmt: skip
_RULE_KEYS: Final = _NOTES | {"action", "constraint", "duty", "remedy"}
_CONSTRAINT_KEYS: Final = _NOTES | {"leftOperand", "operator", "rightOperand"}
_DID: Final = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+")
_ONLY_CONSTANTS: Final = frozenset({ValueKind.NONE, ValueKind.TRUTH})
_TEXT_PREFIXES: Final = ("odrl:", ODRL)
_LIKE: Final = {
    ValueKind.TIME: "a time with its zone, like 2027-03-15T09:00:00Z",
    ValueKind.DID: "a DID, like did:web:customer.example",
    ValueKind.ACCESS_CLASS: f"access class ({', '.join(AccessClass)})",
}
_TERMS: Final = "What the other side promises: purpose, onwardSharing, retentionDays."
_DECIDED: Final = {
    Action.LIST: "who sees an offer", Action.USE: "who has data by contract", Action.AUDIT: "who may read in an audit",
}  # fmt: skip
_STAGES_OF: Final = {
    action: frozenset(stage for stage, decided in ACTION_AT.items() if decided is action) for action in Action
}


def read(document: Json, *, own: bool = False) -> tuple[Policy | None, tuple[Finding, ...]]:
    """The policy in a parsed document, or None with everything that is wrong with it.

    `own`: a file of ours, whose terms hold for whoever meets them; on the wire the parties of a deal stand beside them.
    """
    reader = _Reader()
    policy = reader.policy(document)
    if own and isinstance(document, dict) and document.get("assignee") is not None:
        reader.wrong(
            "$.assignee", "assignee-unsupported", "An assignee would bind nobody here: whoever meets the rules may.",
            hint='Write a constraint in each rule: "party", "eq" or "isAnyOf", the DID.', value=document["assignee"],
        )  # fmt: skip
    if reader.findings:
        return None, tuple(reader.findings)
    return policy, ()


def load(octets: bytes, *, own: bool = False) -> Policy:
    """The policy in these bytes. `BadPolicy`: not JSON, or with findings (the first is told)."""
    try:
        document: Json = admit_value(octets, MAX_BYTES)  # of a key that stands twice the first rules would be lost
    except BadMessage as problem:
        sentence = problem.detail.replace("The body", "The policy")
        raise BadPolicy(sentence, hint=problem.hint or "a policy is one JSON object") from problem
    policy, findings = read(document, own=own)
    if policy is None:
        first = findings[0]
        more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
        raise BadPolicy(f"{first.message}{more}", hint=first.hint, place=first.place.column)
    return policy


def parse_time(text: str) -> datetime | None:
    """An `xsd:dateTime` with its time zone; None: it is not one."""
    try:
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC) if value.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def parse_number(text: str) -> Decimal | None:
    """A finite decimal of moderate length; None: it is not one."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and len(text) <= 40 and abs(value.adjusted()) <= 40 else None  # noqa: PLR2004 - more digits than any term of a contract


def action_in(value: Json) -> Action | None:
    """The action of a rule, in whatever form it is written; None: none of ours."""
    items = _items(value)
    name = _plain(items[0]).removeprefix(NAMESPACE) if len(items) == 1 else ""
    return Action(name) if name in set(Action) else None


@dataclass(slots=True)
class _Reader:
    """One pass over a document; collects findings with JSON paths."""

    findings: list[Finding] = field(default_factory=list)
    constraints: int = 0
    deciding: Action | None = None
    """The action of the rule that is being read."""
    bound: Mapping[str, str] = field(default_factory=dict)

    def wrong(self, path: str, code: str, message: str, *, hint: str = "", value: Json = None, term: str = "") -> None:
        shown = "" if value is None else orjson.dumps(value).decode(errors="replace")[:200]
        self.findings.append(
            Finding(code=code, message=message, hint=hint, term=term, place=Place(column=path, value=shown))
        )

    def policy(self, document: Json) -> Policy | None:
        if not isinstance(document, dict):
            self.wrong("$", "policy-form", "A policy is a JSON object.", value=type(document).__name__)
            return None
        self.known_keys(document, _POLICY_KEYS, "$")
        self.bound = bindings(document.get("@context"))
        if _plain(document.get("@type", document.get("type", "Set"))) not in _KINDS:
            self.wrong("$.@type", "policy-type", "A policy is a Set, an Offer or an Agreement.")
        self.fixed(document, "profile", (NAMESPACE, NAMESPACE.rstrip("#")), "Only this connector's profile is known.")
        self.fixed(document, "conflict", ("prohibit",), "A prohibition always wins here.")
        self.texts(document, "@id", "id", "uid", "target", "assigner", "assignee", "timestamp")
        if _items(document.get("obligation")):
            self.wrong(
                "$.obligation",
                "obligation-unsupported",
                "Obligations can't be followed here; write terms as constraints.",
                hint=_TERMS,
            )
        rules = [*self.rules(document, "permission"), *self.rules(document, "prohibition")]
        if len(rules) > MAX_RULES:
            self.wrong("$", "too-large", f"A policy has at most {MAX_RULES} rules.")
        if not rules and not self.findings:
            self.wrong(
                "$", "no-rule", "A policy without a rule permits nothing.", hint="Write at least one permission."
            )
        return Policy(rules=tuple(rules))

    def known_keys(self, value: JsonObject, known: frozenset[str], path: str) -> None:
        for key in value:
            if key not in known:
                shown = key[:80]
                hint = "Known here: " + ", ".join(sorted(k for k in known if k not in _NOTES)) + "."
                self.wrong(f"{path}.{shown}", "unknown-key", f'"{shown}" is not known here.', hint=hint)

    def fixed(self, document: JsonObject, key: str, allowed: tuple[str, ...], message: str) -> None:
        for item in _items(document.get(key)):
            if _plain(item) not in allowed:
                self.wrong(f"$.{key}", f"unknown-{key}", message, value=item)

    def texts(self, document: JsonObject, *keys: str) -> None:
        for key in keys:
            value = document.get(key)
            if isinstance(value, dict):
                value = value.get("@id")
            if value is not None and not (isinstance(value, str) and len(value) <= MAX_TEXT):
                self.wrong(f"$.{key}", "policy-form", f'"{key}" is a text.')

    def rules(self, document: JsonObject, effect: Effect) -> Iterator[Rule]:
        for index, item in enumerate(_items(document.get(effect))[: MAX_RULES + 1]):
            path = f"$.{effect}[{index}]"
            if not isinstance(item, dict):
                self.wrong(path, "policy-form", "A rule is a JSON object.", value=item)
                continue
            self.known_keys(item, _RULE_KEYS, path)
            for key in ("duty", "remedy"):
                if _items(item.get(key)):
                    self.wrong(
                        f"{path}.{key}",
                        "obligation-unsupported",
                        "Duties can't be followed here; write terms as constraints.",
                        hint=_TERMS,
                    )
            self.deciding = action = self.action(item.get("action"), path)
            terms = tuple(self.terms(item.get("constraint"), f"{path}.constraint", 0))
            if action is not None:
                yield Rule(effect=effect, action=action, constraints=terms)

    def action(self, value: Json, path: str) -> Action | None:
        found = action_in(value)
        if found is None:
            hint = "A rule has one action: write a rule for each." if len(_items(value)) > 1 else ""
            message = "The action is one of use, list, audit."
            self.wrong(f"{path}.action", "unknown-action", message, hint=hint, value=value)
        return found

    def terms(self, value: Json, path: str, depth: int) -> Iterator[Term]:
        if depth > MAX_DEPTH:
            self.wrong(path, "too-large", f"Constraints nest at most {MAX_DEPTH} deep.")
            return
        for index, item in enumerate(_items(value)):
            self.constraints += 1
            if self.constraints > MAX_CONSTRAINTS:
                if self.constraints == MAX_CONSTRAINTS + 1:
                    self.wrong(path, "too-large", f"A policy has at most {MAX_CONSTRAINTS} constraints.")
                return
            term = self.term(item, f"{path}[{index}]", depth)
            if term is not None:
                yield term

    def term(self, item: Json, path: str, depth: int) -> Term | None:
        if not isinstance(item, dict):
            self.wrong(path, "policy-form", "A constraint is a JSON object.", value=item)
            return None
        for kind in _GROUPS:
            if kind in item:
                self.known_keys(item, _NOTES | {kind}, path)
                parts = tuple(self.terms(item[kind], f"{path}.{kind}", depth + 1))
                if not _items(item[kind]):
                    self.wrong(f"{path}.{kind}", "policy-form", f'"{kind}" needs at least one constraint.')
                return Group(kind=kind, parts=parts) if parts else None
        self.known_keys(item, _CONSTRAINT_KEYS, path)
        return self.atomic(item, path)

    def atomic(self, item: JsonObject, path: str) -> Constraint | None:
        left = item.get("leftOperand")
        operand = operand_in(left, self.bound)
        if operand is None:
            hint = meant(left)
            self.wrong(
                f"{path}.leftOperand", "unknown-operand", "The operand is not in the table.", hint=hint, value=left
            )
            return None
        if self.deciding is not None and not operand.stages & _STAGES_OF[self.deciding]:
            self.never_checked(operand, self.deciding, path)
            return None
        operator = self.operator(item.get("operator"), operand, path)
        if operator is None:
            return None
        right = self.right(item.get("rightOperand"), operand, operator, f"{path}.rightOperand")
        return Constraint(left=operand.name, operator=operator, right=right) if right else None

    def never_checked(self, operand: Operand, action: Action, path: str) -> None:
        """A constraint that no stage of its action looks at would let everybody through."""
        stages = ", ".join(stage for stage in Stage if stage in operand.stages)
        hint = f"It is checked at: {stages}."
        if action is Action.AUDIT and operand.name == "purpose":
            hint += ' Nothing is signed at an audit read: write "mandatePurpose".'
        message = f"{operand.name} is not known where it is decided {_DECIDED[action]}."
        self.wrong(f"{path}.leftOperand", "never-checked", message, hint=hint, term=operand.name)

    def operator(self, value: Json, operand: Operand, path: str) -> Operator | None:
        name = _plain(value.get("@id") if isinstance(value, dict) else value)
        if name in operand.operators:
            return Operator(name)
        allowed = ", ".join(operand.operators)
        message = f"{operand.name} may be compared by: {allowed}."
        self.wrong(f"{path}.operator", "operator-not-allowed", message, value=value, term=operand.name)
        return None

    def right(self, value: Json, operand: Operand, operator: Operator, path: str) -> tuple[str, ...]:
        items = _items(value)
        if not items or len(items) > MAX_VALUES or (len(items) > 1 and operator not in LIST_OPERATORS):
            many = f"1 to {MAX_VALUES} values" if operator in LIST_OPERATORS else "one value"
            self.wrong(path, "value-count", f"{operand.name} {operator} takes {many}.", value=value, term=operand.name)
            return ()
        result: list[str] = []
        for item in items:
            text = _scalar(item)
            normal = None if text is None else _normal(text, operand, operator)
            if normal is None:
                message = f"{operand.name} {operator} takes: {_expected(operand, operator)}."
                self.wrong(path, "value-type", message, value=item, term=operand.name)
            else:
                result.append(normal)
        if UNIT in operand.constants and UNIT in result and len(result) > 1:
            message = f'{operand.name}: "{UNIT}" stands alone; with a value beside it no mandate would do.'
            self.wrong(path, "value-count", message, hint="Write two constraints.", value=value, term=operand.name)
            return ()
        return tuple(dict.fromkeys(result)) if len(result) == len(items) else ()


def _normal(text: str, operand: Operand, operator: Operator) -> str | None:
    """The value in its normal form; None: not a value of the operand's kind."""
    if not text or len(text) > MAX_TEXT:
        return None
    if operator is Operator.IS_PART_OF or operand.kind in _ONLY_CONSTANTS or text in operand.constants:
        allowed = text in operand.constants and (operand.name != "party" or operator is Operator.IS_PART_OF)
        return text if allowed else None
    if text.removeprefix("@") in operand.constants:
        return None  # the constant as the page about policies marks it
    if operand.kind is ValueKind.TIME:
        moment = parse_time(text)
        return None if moment is None else moment.isoformat().replace("+00:00", "Z")
    if operand.kind is ValueKind.NUMBER:
        number = parse_number(text)
        return None if number is None else format(number.normalize(), "f")
    accepted = {
        ValueKind.DID: lambda: _DID.fullmatch(text) is not None,
        ValueKind.ACCESS_CLASS: lambda: text in set(AccessClass),
        ValueKind.TEXT: text.isprintable,
    }
    return text if accepted[operand.kind]() else None


def _expected(operand: Operand, operator: Operator) -> str:
    constants = ", ".join(f'"{name}"' for name in operand.constants)
    if operator is Operator.IS_PART_OF or operand.kind in _ONLY_CONSTANTS:
        return constants
    kind = _LIKE.get(operand.kind, operand.kind.value)
    return f"{kind} or {constants}" if constants and operand.name != "party" else kind


def _scalar(value: Json) -> str | None:
    """A text; numbers and truth values of own files as the texts that they mean."""
    if isinstance(value, dict):
        value = value.get("@value", value.get("@id"))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(Decimal(repr(value)))
    return value if isinstance(value, str) else None


def _items(value: Json) -> list[Json]:
    """An array leniently: nothing is empty, one thing is an array of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _plain(value: Json) -> str:
    """A word of ODRL without its prefix; empty for anything that is not a text."""
    if isinstance(value, dict):
        value = value.get("@id")
    if not isinstance(value, str):
        return ""
    for prefix in _TEXT_PREFIXES:
        if value.startswith(prefix):
            return value[len(prefix) :]
    return value
