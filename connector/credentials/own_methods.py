"""Our own verification methods over time: which are published, which one signs, what rotating and revoking change.

A new key is published first and signs later, when nobody can hold a DID document without it any more; the former one
stays published, because credentials, status lists and receipts rest on it (DID Core 1.0, section 9.7). A former
`authentication` key is listed under no relationship from the hour on in which its last token has died: a relationship
says what a key may do now (section 5.3), and nothing that lasts is proven by it. A revoked one is
published no more: did:web has no history, so nothing else would keep a thief's signature from counting (section 9.8).
Where the private keys lie, and the file that keeps this list, is `keys/`'s matter; the document is `did`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

import orjson

from connector.credentials.datamodel import parse_time, time_text
from connector.credentials.did import MethodKey
from connector.credentials.jose import json_object
from connector.credentials.refused import Refused
from connector.credentials.signing import Signer, key_from_jwk
from connector.errors import BadInput
from connector.model import Did, Json, JsonObject

Purpose = Literal["assertionMethod", "authentication"]
"""What a key of ours is for. One for authentication also stands under `capabilityInvocation`."""
PREFIXES: Final[dict[Purpose, str]] = {"assertionMethod": "assertion", "authentication": "authentication"}
"""What the names of the methods begin with."""
Standing = Literal["signs", "next", "verifies", "retired", "revoked"]

REGISTER_LIMIT_BYTES: Final = 128 * 1024
RETIRES_AFTER: Final = timedelta(hours=1)
"""Tokens live for ten minutes at most, leeway of clocks included."""
_MOST: Final = 100
"""Readers of DID documents, ours among them, take no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMethod:
    """A verification method of ours. Times of None: from the first day on; of `revoked`: it is not."""

    name: str
    """Its fragment, such as `assertion-2`."""
    purpose: Purpose
    public_jwk: JsonObject
    custody: str = ""
    """Where its private key lies; empty for the two that the configuration names."""
    published: datetime | None = None
    signs_from: datetime | None = None
    revoked: datetime | None = None
    reason: str = ""
    """Why it was revoked."""


class OwnKeys(Protocol):
    """Our keys as they are now. A signer is asked for anew for each signature, and signs that one alone."""

    def assertion(self, now: datetime) -> Signer:
        """The signer of credentials, status lists and their changes."""

    def authentication(self, now: datetime) -> Signer:
        """The signer of tokens, presentations and receipts."""

    def methods(self, now: datetime) -> Sequence[OwnMethod]:
        """All that ever were, in the order in which they sign."""


def first_methods(assertion: JsonObject, authentication: JsonObject) -> tuple[OwnMethod, ...]:
    """The two that a company begins with, by their public keys."""
    return (
        OwnMethod(name="assertion-1", purpose="assertionMethod", public_jwk=assertion),
        OwnMethod(name="authentication-1", purpose="authentication", public_jwk=authentication),
    )


def published(methods: Sequence[OwnMethod], purpose: Purpose, did: Did, now: datetime) -> list[MethodKey]:
    """What our DID document has for this purpose."""
    return [
        MethodKey(
            key_id=f"{did}#{one.name}", public_jwk=one.public_jwk, retired=standing(one, methods, now) == "retired"
        )
        for one in methods
        if one.purpose == purpose and one.revoked is None
    ]  # fmt: skip


def revoked_ids(methods: Iterable[OwnMethod], did: Did) -> frozenset[str]:
    """The DID URLs of those that are published no more."""
    return frozenset(f"{did}#{one.name}" for one in methods if one.revoked is not None)


def signing(methods: Iterable[OwnMethod], purpose: Purpose, now: datetime) -> OwnMethod:
    """The one that signs at this time: the last that has begun to, or, on a clock before all, the first."""
    alive = [one for one in methods if one.purpose == purpose and one.revoked is None]
    begun = [one for one in alive if one.signs_from is None or one.signs_from <= now]
    return begun[-1] if begun else alive[0]


def standing(method: OwnMethod, methods: Sequence[OwnMethod], now: datetime) -> Standing:
    """What a method is good for at this time."""
    if method.revoked is not None:
        return "revoked"
    if method == signing(methods, method.purpose, now):
        return "signs"
    if method.signs_from is not None and method.signs_from > now:
        return "next"
    return "retired" if _retired(method, methods, now) else "verifies"


def _retired(former: OwnMethod, methods: Sequence[OwnMethod], now: datetime) -> bool:
    """Whether one that signed after it began so long ago. One that was revoked before it signed never did."""
    later = methods[methods.index(former) + 1 :]
    return former.purpose == "authentication" and any(
        one.signs_from is not None
        and one.signs_from + RETIRES_AFTER <= now
        and (one.revoked is None or one.revoked > one.signs_from)
        for one in later
        if one.purpose == former.purpose
    )


def rotated(methods: Sequence[OwnMethod], new: OwnMethod, now: datetime) -> tuple[OwnMethod, ...]:
    """With a new method. `BadInput` while another one of its purpose waits to sign, or when there is no room."""
    waiting = next((one for one in methods if _waits(one, new.purpose, now)), None)
    if waiting is not None and waiting.signs_from is not None:
        raise BadInput(
            f"{waiting.name} is published already and signs from {time_text(waiting.signs_from)} on",
            hint="wait until then; or revoke it, if it must not sign",
        )
    if len(methods) >= _MOST:
        raise BadInput(f"there are {_MOST} methods already, and readers of DID documents take no more")
    return (*methods, new)


def revoked(
    methods: Sequence[OwnMethod], name: str, *, now: datetime, reason: str, successor: OwnMethod | None
) -> tuple[OwnMethod, ...]:
    """Without this one. What signs now instead of it is `heir`'s answer, or the `successor`, where there is none."""
    method = named(methods, name)
    if method.revoked is not None:
        raise BadInput(f"{name} is revoked since {time_text(method.revoked)}")
    later = heir(methods, name, now)
    changed = [
        replace(one, revoked=now, reason=reason) if one is method
        else replace(one, signs_from=now) if one is later and standing(method, methods, now) == "signs"
        else one
        for one in methods
    ]  # fmt: skip
    return (*changed, successor) if successor is not None else tuple(changed)


def heir(methods: Sequence[OwnMethod], name: str, now: datetime) -> OwnMethod | None:
    """What signs after this one is revoked: the one that waits, else the one that signs; None: a new key is needed.

    A former key never signs again: its private half may be destroyed by now.
    """
    method = named(methods, name)
    others = [one for one in methods if one is not method and one.purpose == method.purpose]
    waiting = next((one for one in others if _waits(one, method.purpose, now)), None)
    return waiting or next((one for one in others if standing(one, methods, now) == "signs"), None)


def named(methods: Sequence[OwnMethod], name: str) -> OwnMethod:
    """The method of this name. `BadInput` names those that there are."""
    found = next((one for one in methods if one.name == name), None)
    if found is None:
        raise BadInput(f"we have no key {name!r}", hint=f"one of {', '.join(one.name for one in methods)}")
    return found


def needed(methods: Sequence[OwnMethod], now: datetime) -> list[OwnMethod]:
    """Those whose private keys sign now or later."""
    return [one for one in methods if standing(one, methods, now) in {"signs", "next"}]


def fresh_name(methods: Iterable[OwnMethod], purpose: Purpose) -> str:
    """The name of the next method of this purpose."""
    return f"{PREFIXES[purpose]}-{1 + sum(one.purpose == purpose for one in methods)}"


# --- the register ----------------------------------------------------------------------------------------------------


def register(methods: Iterable[OwnMethod]) -> bytes:
    """The list as a file."""
    return orjson.dumps({"verificationMethod": [as_json(one) for one in methods]}, option=orjson.OPT_INDENT_2)


def as_json(method: OwnMethod) -> JsonObject:
    """One entry."""
    return {
        "id": f"#{method.name}", "purpose": method.purpose, "publicKeyJwk": method.public_jwk,
        "custody": method.custody, "published": _text(method.published), "signsFrom": _text(method.signs_from),
        "revoked": _text(method.revoked), "reason": method.reason,
    }  # fmt: skip


def parse_register(octets: bytes) -> tuple[OwnMethod, ...]:
    """The list that `register` wrote. `Refused` for anything else: a key that stands there is believed to be ours."""
    listed = json_object(octets, REGISTER_LIMIT_BYTES, "bad-register").get("verificationMethod")
    methods = tuple(_method(one) for one in (listed if isinstance(listed, list) else []))
    if len({one.name for one in methods}) != len(methods):
        raise Refused("bad-register", "two methods of one name")
    for purpose in PREFIXES:
        if not any(one.purpose == purpose and one.revoked is None for one in methods):
            raise Refused("bad-register", f"no method for {purpose} is left")
    return methods


def _method(entry: Json) -> OwnMethod:
    match entry:
        case {
            "id": str(name), "purpose": ("assertionMethod" | "authentication") as purpose, "publicKeyJwk": dict(jwk),
            "custody": str(custody), "published": shown, "signsFrom": since, "revoked": until, "reason": str(reason),
        } if name.startswith(f"#{PREFIXES[purpose]}-"):  # fmt: skip
            key_from_jwk(jwk)
            return OwnMethod(
                name=name[1:], purpose=purpose, public_jwk=jwk, custody=custody, published=_time(shown),
                signs_from=_time(since), revoked=_time(until), reason=reason,
            )  # fmt: skip
    raise Refused("bad-register", f"{orjson.dumps(entry).decode():.80} is no method")


def _waits(method: OwnMethod, purpose: Purpose, now: datetime) -> bool:
    return (
        method.purpose == purpose
        and method.revoked is None
        and method.signs_from is not None
        and method.signs_from > now
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


def _time(value: Json) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused("bad-register", "a time that is no text")
    return parse_time(value)
