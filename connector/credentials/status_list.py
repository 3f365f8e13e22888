"""Bitstring Status List 1.0, and beside it the signed changes with their times.

A bitstring says what is so now. An audit asks what was so on a day; that stands in the changes: credential digest,
purpose, effective time, reason, as a JWT of the issuer at `<list url>/changes`, with the names of archived lists.
Three purposes: `revocation` is for ever, `suspension` lasts until a `reinstatement`. A list has one purpose (section
2.2), so a credential of ours has the same entry in two: a suspension must not look like a revocation to who reads bits
alone. The changes beside either are the same.
"""

from __future__ import annotations

import hmac
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson

from connector.credentials import base64url, jose
from connector.credentials.datamodel import VC_CONTEXT, StatusEntry, moment, parse_time, time_text
from connector.credentials.did_web import did_of_key
from connector.credentials.jose import Jws
from connector.credentials.refused import Refused
from connector.credentials.signing import Algorithm
from connector.model import Did, Json, JsonObject

LIST_BITS = 131_072
"""The least length that the standard allows: what is asked for hides among that many (section 3.1)."""

LIST_LIMIT_BYTES = 1 << 20
INFLATED_LIMIT_BYTES = 1 << 20
CHANGES_LIMIT_BYTES = 4 << 20
CHANGES_TYPE = "status-changes+jwt"

State = Literal["active", "revoked", "suspended"]

_TO_URL = str.maketrans("+/", "-_")
_GZIP = 31
"""zlib's window size for a gzip frame; the header that it writes has no time, so equal lists give equal octets."""
_LEVEL = 6
_ROUNDS = 4
_HALF = 9
_HALF_MASK = (1 << _HALF) - 1
_INDEX = re.compile(r"\d{1,10}", re.ASCII)
PURPOSES = frozenset({"revocation", "suspension", "reinstatement"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one credential's status, and the time from which it counts."""

    digest: str
    index: int
    purpose: str
    effective: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All changes of one list, oldest first as its issuer gave them."""

    issuer: str
    list_url: str
    issued: datetime
    changes: tuple[Change, ...]
    archived: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAt:
    """The state of a credential at a time, the change that made it, and the next one that came afterwards.

    `own`: all its changes by their times, whenever they take effect.
    """

    state: State
    made_by: Change | None
    next: Change | None
    own: tuple[Change, ...]

    def explains_bit(self, purpose: str, made: datetime | None) -> bool:
        """Whether the changes account for a set bit in the list of this purpose that was made then (None: unknown).

        One that was reinstated before does not: suspended once more, it may stand beside changes that are older.
        """
        explained = False
        for change in self.own:
            if change.purpose == purpose:
                explained = True
            elif change.purpose == "reinstatement" and purpose == "suspension":
                explained = explained and not (made is not None and change.effective < made)
        return explained


# --- the bitstring ---------------------------------------------------------------------------------------------------


def encode_list(indices: Iterable[int]) -> str:
    """The `encodedList` in which these bits are set (section 3.3): multibase `u` of the gzip of the bits."""
    octets = bytearray(LIST_BITS // 8)
    for index in indices:
        octets[index // 8] |= 0x80 >> index % 8
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return "u" + base64url.encode(packer.compress(octets) + packer.flush()).decode()


def decode_list(text: str, *, limit_bytes: int = INFLATED_LIMIT_BYTES) -> bytes:
    """The bits of an `encodedList` (section 3.4). What inflates beyond the limit is cut off and refused."""
    if not text.startswith("u"):
        raise Refused("bad-status-list", "encodedList is not a base64url multibase")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        octets = unpacker.decompress(base64url.decode(text[1:].encode()), limit_bytes + 1)
    except zlib.error as error:
        raise Refused("bad-status-list", str(error)) from error
    if len(octets) > limit_bytes:
        raise Refused("status-list-too-large", f"inflates to more than {limit_bytes} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise Refused("bad-status-list", "not one whole gzip frame")
    if len(octets) * 8 < LIST_BITS:
        raise Refused("bad-status-list", f"fewer than {LIST_BITS} entries")
    return octets


def decode_list_2021(text: str) -> bytes:
    """The bits of a StatusList2021 (its section 4): no multibase, either alphabet of base64, padded or not."""
    return decode_list("u" + text.rstrip("=").translate(_TO_URL))


def bit(octets: bytes, index: int) -> bool:
    """The entry at the index; the first is the leftmost bit (section 3.1). Beyond the end is refused."""
    if not 0 <= index < len(octets) * 8:
        raise Refused("status-index-out-of-range", f"index {index} of {len(octets) * 8}")
    return bool(octets[index // 8] & 0x80 >> index % 8)


def list_payload(
    *,
    url: str,
    issuer: Did,
    indices: Iterable[int],
    valid_from: datetime,
    valid_until: datetime,
    purpose: str = "revocation",
) -> JsonObject:
    """The unsigned BitstringStatusListCredential; `issue.prepare` takes it from here."""
    return {
        "@context": [VC_CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": time_text(valid_from),
        "validUntil": time_text(valid_until),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": encode_list(indices),
        },
    }


def suspension_url(list_url: str) -> str:
    """Where the list of suspensions stands that belongs to a list of revocations."""
    return f"{list_url}/suspension"


def entries(list_url: str, index: int) -> tuple[StatusEntry, StatusEntry]:
    """The two entries of a credential of ours."""
    return (
        StatusEntry(purpose="revocation", index=index, list_url=list_url),
        StatusEntry(purpose="suspension", index=index, list_url=suspension_url(list_url)),
    )


def set_at(changes: Iterable[tuple[int, str, int]], purpose: str, now: int) -> list[int]:
    """The entries that are set in the list of this purpose; changes are (index, purpose, time), times are numbers."""
    found: set[int] = set()
    for index, said, _ in sorted((one for one in changes if one[2] <= now), key=lambda one: one[2]):
        if said == purpose:
            found.add(index)
        elif (said, purpose) == ("reinstatement", "suspension"):
            found.discard(index)
    return sorted(found)


def scattered(key: bytes, number: int, place: int) -> int:
    """The entry in its list of the credential that was issued at this place of it.

    Neighbours would tell how many credentials a record has beside the one that is shown, and how many a company issues
    between two that a peer receives. So entries are a permutation by a secret key: four Feistel rounds over 18 bits,
    walked until they lead into the list again. For a list it is always the same.
    """
    entry = place
    while True:
        left, right = entry >> _HALF, entry & _HALF_MASK
        for turn in range(_ROUNDS):
            message = b"%d %d %d" % (number, turn, right)
            left, right = right, left ^ (int.from_bytes(hmac.digest(key, message, "sha256")[:2], "big") & _HALF_MASK)
        entry = left << _HALF | right
        if entry < LIST_BITS:
            return entry


# --- the changes -----------------------------------------------------------------------------------------------------


def changes_url(list_url: str) -> str:
    """Where the changes of a list stand."""
    return f"{list_url}/changes"


def changes_input(
    *,
    list_url: str,
    key_id: str,
    alg: Algorithm,
    now: datetime,
    changes: Sequence[Change],
    archived: Sequence[str] = (),
) -> bytes:
    """What is signed for the changes of a list; `jose.attach` makes the token of it."""
    body: JsonObject = {
        "iss": did_of_key(key_id),
        "sub": list_url,
        "iat": int(now.timestamp()),
        "changes": [
            {
                "digestMultibase": change.digest,
                "statusListIndex": str(change.index),
                "statusPurpose": change.purpose,
                "effectiveTime": time_text(change.effective),
                "reason": change.reason,
            }
            for change in changes
        ],
        "archived": list(archived),
    }
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": CHANGES_TYPE}, orjson.dumps(body))


def parse_changes(octets: bytes) -> tuple[Jws, Changes]:
    """Read the changes of a list; the caller checks the signature and that the issuer is the credential's."""
    jws = jose.parse(octets, CHANGES_LIMIT_BYTES)
    if jws.type != CHANGES_TYPE:
        raise Refused("bad-typ", f"{jws.type:.40} instead of {CHANGES_TYPE}")
    match jws.claims():
        case {"iss": str(issuer), "sub": str(url), "iat": int(issued), "changes": list(changes), **rest}:
            return jws, Changes(
                issuer=issuer,
                list_url=url,
                issued=moment(issued),
                changes=tuple(map(_change, changes)),
                archived=_names(rest.get("archived", [])),
            )
    raise Refused("bad-status-changes", "a claim is missing")


def state_at(changes: Changes, digest: str, at: datetime, *, index: int | None = None) -> StateAt:
    """What held for a credential at a time. Equal times: the later entry counts; revocation is never taken back.

    The index matches as well as the digest: the same credential with the mirror image of its signature has another
    digest and must not escape.
    """
    own = [change for change in changes.changes if change.digest == digest or change.index == index]
    own.sort(key=lambda change: change.effective)
    state: State = "active"
    made_by = None
    for change in own:
        if change.effective > at:
            return StateAt(state=state, made_by=made_by, next=change, own=tuple(own))
        if state != "revoked":
            state, made_by = _after(change), change
    return StateAt(state=state, made_by=made_by, next=None, own=tuple(own))


def _after(change: Change) -> State:
    if change.purpose == "suspension":
        return "suspended"
    return "active" if change.purpose == "reinstatement" else "revoked"


def _change(node: Json) -> Change:
    match node:
        case {
            "digestMultibase": str(digest),
            "statusListIndex": str(index),
            "statusPurpose": str(purpose),
            "effectiveTime": str(effective),
            **rest,
        } if _INDEX.fullmatch(index) and purpose in PURPOSES:
            reason = rest.get("reason", "")
            return Change(
                digest=digest,
                index=int(index),
                purpose=purpose,
                effective=parse_time(effective),
                reason=reason if isinstance(reason, str) else "",
            )
    raise Refused("bad-status-changes", "a change that cannot be read")


def _names(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise Refused("bad-status-changes", "archived is not a list of names")
    return tuple(name for name in value if isinstance(name, str))
