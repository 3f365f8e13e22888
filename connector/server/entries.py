"""How an entry of the evidence log is told: with whom, about what, what the policy said and by which constraints.

An entry is as the management API shows it: {seq, at, event, previous, hash, body}. The command line and the operators'
pages say the same; how entries hang together is `provenance.evidence`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

import orjson

from connector.model import Json, JsonObject, counted, list_in, object_in, objects_in
from connector.policy.blame import Way, culprits, rule_of, way_of

if TYPE_CHECKING:
    from connector.exchange.rows import EvidenceRow

PARTIES: Final = ("counterparty", "party", "holder")
DECISIONS: Final = ("decision", "decisions")
_SUBJECTS: Final = ("read", "dataset", "record", "file", "digest", "agreement", "pid", "key")
"""What an entry is about, the most telling first."""
_LEFT_OUT: Final = {"units": "whole unit", "values": "credential", "files": "file"}
"""What is counted of it, and how one of it is called."""
_ASKED: Final = {
    "lt": "before ",
    "lteq": "up to ",
    "gt": "after ",
    "gteq": "from ",
    "neq": "not ",
    "isNoneOf": "none of ",
}


def as_json(row: EvidenceRow, *, exact: bool = False) -> JsonObject:
    """The published shape; `exact`: the body in the octets that the hash covers."""
    return {
        "seq": row.seq, "at": row.at, "event": row.event, "previous": row.previous, "hash": row.hash,
        **({"octets": row.body.decode()} if exact else {"body": orjson.loads(row.body)}),
    }  # fmt: skip


def when(entry: JsonObject) -> str:
    """To the second."""
    at = entry["at"]
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M:%S}Z" if isinstance(at, int) else ""


def party_of(entry: JsonObject) -> str:
    """The DID of the other party; empty where there is none."""
    body = object_in(entry["body"])
    return next((str(body[name]) for name in PARTIES if body.get(name)), "")


def about(entry: JsonObject) -> str:
    """What it is about, in two words."""
    body = object_in(entry["body"])
    return next((f"{name} {body[name]}" for name in _SUBJECTS if isinstance(body.get(name), str) and body[name]), "")


def decisions(entry: JsonObject) -> list[JsonObject]:
    """What the policy said: once, for each class of values, or for each reason why something was left out."""
    body = object_in(entry["body"])
    several = body.get("decisions")
    return objects_in([body.get("decision"), *(list_in(several) or object_in(several).values())])


def denied(entry: JsonObject) -> bool:
    """Whether the policy denied something."""
    return any(one.get("decision") != "permit" for one in decisions(entry))


def left_out(entry: JsonObject) -> str:
    """How much of what was asked for was not given; empty where nothing, or where the entry is not about that."""
    counts = object_in(object_in(entry["body"]).get("leftOut"))
    told = [counted(counts[name], one) for name, one in _LEFT_OUT.items() if counts.get(name)]
    return f"left out {', '.join(told)}" if told else ""


def policy_in_words(entry: JsonObject) -> str:
    """What the policy said, and of a denial why; empty where it was not asked."""
    said = decisions(entry)
    reasons = [reason for one in said if (reason := because(one))]
    words = left_out(entry) or ", ".join(sorted({str(one.get("decision")) for one in said}))
    return words + (f": {'; '.join(dict.fromkeys(reasons))}" if reasons else "")


def because(decision: JsonObject) -> str:
    """Of a denial: which rules said no, what they found, and what they ask. Empty of a permission."""
    if decision.get("decision") == "permit":
        return ""
    if decision.get("reason") == "no-rule":
        return "no rule permits this"
    prohibited = decision.get("reason") == "prohibited"
    rules = {str(rule["constraint"]): rule for rule in objects_in(decision.get("rules"))}
    paths = culprits(((path, str(rule["state"])) for path, rule in rules.items()), prohibited=prohibited)
    by_rule = {rule: list(group) for rule, group in groupby(paths, rule_of)}
    if prohibited:
        return (
            " and ".join(
                f"{rule} forbids it: {', '.join(_found(rules[path]) for path in group)}"
                for rule, group in by_rule.items()
            )
            or "a prohibition without a constraint forbids it to everybody"
        )
    return ", or else ".join(
        f"{rule}: {_lacking([(way_of(path)[1:], _found_and_asked(rules[path])) for path in group])}"
        for rule, group in by_rule.items()
    )


def _found(rule: JsonObject) -> str:
    return f"{rule['left']} is {_shown(rule['value'])}"


def _found_and_asked(rule: JsonObject) -> str:
    return f"{_found(rule)}, asked: {_ASKED.get(str(rule['operator']), '')}{_shown(rule['right'])}"


def _lacking(parts: Sequence[tuple[Way, str]]) -> str:
    """What a permission lacks: all of it, or of an `or` any one. Parts of one rule or group: way in it, sentence."""
    told = [
        one[0][1] if len(one[0][0]) == 1 else _lacking([(way[1:], said) for way, said in one])
        for one in ([*group] for _, group in groupby(parts, lambda part: part[0][0]))
    ]
    if parts[0][0][0][0] == "or" and len(told) > 1:
        return f"one of: {' or '.join(f'({one})' for one in told)}"
    return "; ".join(told)


def wanted(entry: JsonObject, *, did: str = "", event: str = "", only_denied: bool = False) -> bool:
    """Whether it is about this party, of an event that begins so, and a denial if only these are asked for."""
    body = object_in(entry["body"])
    return (
        str(entry["event"]).startswith(event)
        and (not did or did in (body.get(name) for name in PARTIES))
        and (not only_denied or denied(entry))
    )


def _shown(value: Json) -> str:
    return ", ".join(map(str, list_in(value) or [value])) if value not in (None, "", []) else "not known"
