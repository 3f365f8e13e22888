"""How an entry of the evidence log is told: with whom, about what, what the policy said and by which constraints.

An entry is as the management API shows it: {seq, at, event, previous, hash, body}. The command line and the operators'
pages say the same; how entries hang together is `provenance.evidence`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import orjson

from connector.model import Json, JsonObject, list_in, object_in, objects_in
from connector.policy.blame import culprits, rule_of

if TYPE_CHECKING:
    from connector.exchange.rows import EvidenceRow

PARTIES: Final = ("counterparty", "party", "holder")
DECISIONS: Final = ("decision", "decisions")
_SUBJECTS: Final = ("read", "dataset", "record", "file", "digest", "agreement", "pid", "key")
"""What an entry is about, the most telling first."""
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
    """What the policy said: once, or for each class of values."""
    body = object_in(entry["body"])
    return objects_in([body.get("decision"), *object_in(body.get("decisions")).values()])


def denied(entry: JsonObject) -> bool:
    """Whether the policy denied something."""
    return any(one.get("decision") != "permit" for one in decisions(entry))


def policy_in_words(entry: JsonObject) -> str:
    """What the policy said, and of a denial why; empty where it was not asked."""
    said = decisions(entry)
    reasons = [reason for one in said if (reason := because(one))]
    words = ", ".join(sorted({str(one.get("decision")) for one in said}))
    return words + (f": {'; '.join(dict.fromkeys(reasons))}" if reasons else "")


def because(decision: JsonObject) -> str:
    """Of a denial: which rules said no, what they found, and what they ask. Empty of a permission."""
    if decision.get("decision") == "permit":
        return ""
    if decision.get("reason") == "no-rule":
        return "no rule permits this"
    prohibited = decision.get("reason") == "prohibited"
    rules = {str(rule["constraint"]): rule for rule in objects_in(decision.get("rules"))}
    by_rule: dict[str, list[str]] = {}
    for path in culprits(((path, str(rule["state"])) for path, rule in rules.items()), prohibited=prohibited):
        asked = (
            ""
            if prohibited
            else f", asked: {_ASKED.get(str(rules[path]['operator']), '')}{_shown(rules[path]['right'])}"
        )
        by_rule.setdefault(rule_of(path), []).append(f"{rules[path]['left']} is {_shown(rules[path]['value'])}{asked}")
    if prohibited:
        return " and ".join(f"{rule} forbids it: {', '.join(found)}" for rule, found in by_rule.items()) or (
            "a prohibition without a constraint forbids it to everybody"
        )
    return ", or else ".join(f"{rule}: {'; '.join(found)}" for rule, found in by_rule.items())


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
