"""Names of peers, and sentences for what they or our own policy answered with words of the protocol.

Commands and pages say the same with these; nothing here knows which of them asks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from connector.errors import BadPolicy

if TYPE_CHECKING:
    from connector.config import Config
    from connector.model import Json, JsonObject

PARTIES: Final = {"first": "its maker alone", "second": "second party", "third": "third party"}
"""Who is said to have checked a claim (`AssuranceParty` of the vocabulary)."""
_MEGA, _GIGA = 1_000_000, 1_000_000_000
_OPERANDS: Final = {
    "membership": "what was shown of the membership",
    "role": "what was shown of the role",
    "party": "who the asker is, by the owner's list of parties",
    "agreementHeld": "an agreement on the data",
    "dateTime": "the time",
    "contentDigest": "the data: it is no longer what the agreement pins",
    "unitBuyer": "who bought the unit",
    "accessClass": "the class of values",
    "recordType": "the type of record",
    "unitStatus": "the battery's status",
    "leadsTo": "where the link leads",
    "mandate": "a mandate",
    "mandateRole": "the role in the mandate",
    "mandatePurpose": "the purpose of the mandate",
    "mandateRoot": "the chain of the mandate",
    "mandateClass": "the classes of the mandate",
    "mandateMaterial": "the materials of the mandate",
    "mandateSite": "the sites of the mandate",
    "mandatePeriod": "the period of the mandate",
    "purpose": "the purpose",
    "onwardSharing": "passing data on",
    "retentionDays": "how long data is kept",
    "Membership": "what was shown of the membership",
    "FrameworkAgreement": "what was shown of the framework agreement",
    "BusinessPartnerNumber": "what was shown of the business partner number",
}


def visible(text: str) -> str:
    """What others said, with nothing in it that moves a cursor, hides, or turns the direction of reading."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)


def finished(value: object) -> object:
    """What stands in a place of a template: markup of ours as it is, of all else what can be seen."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def called(config: Config, did: Json) -> str:
    """A party by the name that `[peers]` gives it, and its DID."""
    name = next((name for name, known in config.peers.items() if known.id == did), "")
    return f"{name} ({did})" if name else str(did)


def dataset_called(one: JsonObject) -> str:
    """What something is about: the dataset's title, where it is known, and its id. A refused request has neither."""
    return f"{one['title']} ({one['dataset']})" if one.get("title") else str(one["dataset"] or "none that is known")


def size_in_words(size: Json) -> str:
    """A number of bytes."""
    amount = size if isinstance(size, int) else 0
    if amount < _MEGA:
        return f"{amount / 1e3:,.1f} kB"
    return f"{amount / 1e9:,.1f} GB" if amount >= _GIGA else f"{amount / 1e6:,.1f} MB"


def receipts_in_words(counted: Json) -> str:
    """What the peer signed for what we said."""
    words = counted if isinstance(counted, dict) else {}
    told = ", ".join(f"{count} {word}" for word, count in words.items())
    return f"its receipts for our messages: {told or 'none'}"


ENDED: Final = frozenset({"operator", "offer-withdrawn", "timed-out", "gave-up", "push-failed", "ended-by-peer"})
"""Codes of ours for an end that refuses nothing."""


def refused_in_words(termination: Json) -> str:
    """Who ended it, and why: the operands that failed, as far as they were told."""
    if not isinstance(termination, dict):
        return "it ended without a reason"
    return _who_and_why(termination, "ended it" if termination.get("code") in ENDED else "refused")


def suspended_in_words(suspension: Json) -> str:
    """Who paused it, and why."""
    return _who_and_why(suspension, "paused it") if isinstance(suspension, dict) else "it was paused without a reason"


def _who_and_why(said: JsonObject, did: str) -> str:
    who, whose = ("we", "our") if said.get("by") == "us" else ("the peer", "its")
    reasons = said.get("reason")
    listed = reasons if isinstance(reasons, list) else []
    decisions = [one for one in listed if isinstance(one, dict) and "failed" in one]  # with its sentence beside it
    told = [_reason(one, whose) for one in decisions or listed]
    why = "; ".join(one for one in told if one) or "no reason was given"
    return f"{who} {did} ({said.get('code') or 'no code'}): {why}"


def _reason(reason: Json, whose: str) -> str:
    if isinstance(reason, dict) and isinstance(failed := reason.get("failed"), list):
        named = [f"{_operand(str(one))} ({one})" for one in failed]
        return f"{whose} policy is not met by {', '.join(named)}" if named else f"{whose} policy permits this to nobody"
    if isinstance(reason, dict) and "@value" in reason:
        return str(reason["@value"])
    return "" if reason is None else str(reason)


def _operand(name: str) -> str:
    """An operand in words: our own by its short name, one of Catena-X by its last word."""
    unknown = "a term of the contract" if name.startswith("https://w3id.org/catenax/") else "a condition"
    return _OPERANDS.get(name.rpartition("/")[2], unknown)


def terms_in_words(terms: Json) -> str:
    """Offer or agreement in plain words; terms that this product does not know are shown as they are."""
    from connector.policy.odrl import Action  # noqa: PLC0415 - most commands need it not
    from connector.policy.plain import plain  # noqa: PLC0415 - only where a policy is shown
    from connector.policy.reading import load as load_policy  # noqa: PLC0415 - only where a policy is shown

    text = json.dumps(terms, ensure_ascii=False)
    try:
        return plain(load_policy(text.encode()), actions=(Action.USE,))
    except BadPolicy:
        return f"terms that are not known here: {text}"
