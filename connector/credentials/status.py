"""The status of a credential at a time, from its issuer's status list and the signed changes beside it.

A list that cannot be had, or that its issuer did not sign, leaves the status open: that is neither good nor bad. The
bit speaks for now; the changes speak for a day. A set bit of which they say nothing counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connector.credentials.datamodel import Credential, StatusEntry, parse_credential, time_text
from connector.credentials.did import DidDocument, key_for
from connector.credentials.refused import Refused
from connector.credentials.securing import Securing, check_signature, is_vc11
from connector.credentials.status_list import (
    Change,
    Changes,
    StateAt,
    bit,
    decode_list,
    decode_list_2021,
    parse_changes,
    state_at,
)

Outcome = Literal["passed", "failed", "unchecked", "skipped"]

_KINDS = {"BitstringStatusList": decode_list, "StatusList2021": decode_list_2021}
"""Type of a list -> how its bits are read."""
_WORD = {"revocation": "revoked", "suspension": "suspended"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unobtained:
    """Something that a check needs and that nobody could get, with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a check went."""

    outcome: Outcome
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedList:
    """A status list whose signature holds, with its changes or the reason why there are none."""

    purposes: frozenset[str]
    bits: bytes
    valid_from: datetime | None
    valid_until: datetime | None
    changes: Changes | Unobtained


def open_list(url: str, octets: bytes, changes: bytes | Unobtained, document: DidDocument) -> OpenedList:
    """Check a list credential (Bitstring Status List 1.0 section 3.2) against its issuer's DID document."""
    listed = parse_credential(octets)
    if listed.issuer != document.id:
        raise Refused("status-issuer-mismatch", "the list is of another issuer than the credential")
    _check_signature(listed.securing, document)
    kind = listed.subject.get("type")
    decode = _KINDS.get(kind) if isinstance(kind, str) else None
    # Eclipse's issuer signs its lists as credentials of 1.1 with the subject's type alone, and an id that is no address
    older = is_vc11(listed.securing)
    if decode is None or {f"{kind}Credential", kind if older else ""}.isdisjoint(listed.types):
        raise Refused("bad-status-list", "not a BitstringStatusListCredential")
    named = listed.payload.get("id", url)
    if named != url and not (older and ":" not in str(named)):
        raise Refused("bad-status-list", "the list says that it is another one")
    encoded = listed.subject.get("encodedList")
    if not isinstance(encoded, str):
        raise Refused("bad-status-list", "no encodedList")
    purpose = listed.subject.get("statusPurpose")
    purposes = purpose if isinstance(purpose, list) else [purpose]
    return OpenedList(
        purposes=frozenset(word for word in purposes if isinstance(word, str)),
        bits=decode(encoded),
        valid_from=listed.valid_from,
        valid_until=listed.valid_until,
        changes=changes if isinstance(changes, Unobtained) else _open_changes(url, changes, document),
    )


def check_entry(entry: StatusEntry, opened: OpenedList, digest: str, *, at: datetime, now: datetime) -> Result:
    """The status that one entry gives at that time."""
    if entry.purpose not in opened.purposes:
        return Result("failed", "status-purpose-mismatch", f"the list is not for {entry.purpose:.40}")
    if entry.purpose not in _WORD:  # `message` and `refresh` take nothing away from a credential
        return Result("passed", detail=f"purpose {entry.purpose:.40} does not limit validity")
    if opened.valid_until is not None and now > opened.valid_until:
        return Result("unchecked", "status-list-stale", f"the list was valid until {time_text(opened.valid_until)}")
    if opened.valid_from is not None and now < opened.valid_from:
        return Result("unchecked", "status-list-stale", f"the list is valid from {time_text(opened.valid_from)}")
    try:
        is_set = bit(opened.bits, entry.index)
    except Refused as error:
        return Result("failed", error.reason, error.detail)
    if isinstance(opened.changes, Unobtained):
        return _by_bit(entry, opened.changes, is_set=is_set, at=at, now=now)
    found = state_at(opened.changes, digest, at, index=entry.index)
    return _by_changes(entry, found, unexplained=is_set and not found.explains_bit(entry.purpose, opened.valid_from))


def worst(results: list[Result]) -> Result:
    """The one that counts of several entries: failed before unchecked before passed."""
    for outcome in ("failed", "unchecked"):
        for result in results:
            if result.outcome == outcome:
                return result
    return results[0]


def _by_changes(entry: StatusEntry, found: StateAt, *, unexplained: bool) -> Result:
    if found.state != "active":
        assert found.made_by is not None, "a credential is active until something is done to it"
        return Result("failed", found.state, f"{found.state} with effect from {_told(found.made_by)}")
    if unexplained:
        # set, and the issuer does not say since when: the worse reading; a change of another kind set another list's
        return Result("failed", _WORD[entry.purpose], "the bit is set, and the changes name no time for it")
    if found.next is not None:
        return Result("passed", detail=f"good at that time; {found.next.purpose} with effect from {_told(found.next)}")
    return Result("passed")


def _by_bit(entry: StatusEntry, missing: Unobtained, *, is_set: bool, at: datetime, now: datetime) -> Result:
    if is_set and at >= now:
        return Result("failed", _WORD[entry.purpose], f"the bit is set; no changes: {missing.reason:.120}")
    if is_set or (entry.purpose == "suspension" and at < now):
        told = f"the bit is {'set' if is_set else 'clear'} now; no changes say since when: {missing.reason:.120}"
        return Result("unchecked", "status-time-unknown", told)
    # a revocation is never taken back, so a clear bit now was clear before
    return Result("passed", detail=f"the bit is clear; no changes: {missing.reason:.120}")


def _open_changes(url: str, octets: bytes, document: DidDocument) -> Changes | Unobtained:
    try:
        jws, changes = parse_changes(octets)
        if changes.issuer != document.id or changes.list_url != url:
            return Unobtained(reason="the changes are of another issuer or list")
        _check_signature(jws, document)
    except Refused as error:
        return Unobtained(reason=error.detail)
    return changes


def _check_signature(secured: Securing, document: DidDocument) -> None:
    if secured.key_id is None:
        raise Refused("no-key-id")
    check_signature(secured, key_for(document, secured.key_id, "assertionMethod"))


def _told(change: Change) -> str:
    return f"{time_text(change.effective)}: {change.reason:.200}" if change.reason else time_text(change.effective)


def status_of(
    credential: Credential, digest: str, lists: list[OpenedList | Unobtained], *, at: datetime, now: datetime
) -> Result:
    """The status of a credential; `lists` in the order of its entries."""
    if not credential.status:
        return Result("skipped", "no-status", "the credential names no status list")
    results = [
        Result("unchecked", "status-unreachable", found.reason)
        if isinstance(found, Unobtained)
        else check_entry(entry, found, digest, at=at, now=now)
        for entry, found in zip(credential.status, lists, strict=True)
    ]
    return worst(results)
