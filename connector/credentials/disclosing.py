"""Making an SD-JWT, and showing less of it (RFC 9901 sections 4 to 6): issuer, holder, and the holder's key.

The issuer says which places a holder may leave out (`conceal`), each with a salt that is fresh; decoys hide how many
there are. The holder keeps the disclosures of some places (`show`), for which no key is needed, and may bind the
presentation to who asked for it (`binding_input`). Reading is `sd_jwt`'s: what it refuses is not made here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import orjson

from connector.credentials import base64url, jose
from connector.credentials.datamodel import CREDENTIAL_LIMIT_BYTES
from connector.credentials.issue import check_issuer
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import (
    ALGORITHM,
    BINDING_TYPE,
    DIGEST_ALGORITHM,
    DIGESTS,
    ELEMENT,
    RESERVED,
    SEPARATOR,
    TYPE,
    Challenge,
    SdJwt,
    digest_of,
    is_fixed,
    parse,
)
from connector.credentials.signing import Algorithm
from connector.model import Json, JsonObject

SUBJECT = "/credentialSubject"
_SHORTEST_SALT = 22
"""128 bits in base64url (RFC 9901 section 9.3)."""


def conceal(
    credential: JsonObject, pointers: Collection[str], salts: Sequence[str], decoys: Sequence[str] = ()
) -> tuple[JsonObject, tuple[bytes, ...]]:
    """The claims with digests in these places (RFC 6901), and the disclosures. A salt for each place.

    Decoys are as fresh as salts; they stand with the digests of the subject. `Refused`: there is no such place, or what
    stands there is no holder's choice.
    """
    fresh = [*salts, *decoys]
    if len(salts) != len(pointers) or len(set(fresh)) != len(fresh) or any(len(one) < _SHORTEST_SALT for one in fresh):
        raise Refused("bad-salt", "each place needs a salt of its own, of 128 bits")
    if _names_reserved(credential):
        raise Refused("reserved-name", f"a member {DIGESTS}, {ELEMENT} or {DIGEST_ALGORITHM} is there already")
    claims: JsonObject = orjson.loads(orjson.dumps(credential))
    texts: list[bytes] = []
    # what lies deeper goes first, so that it is in the disclosure of what lies above it
    for pointer, salt in sorted(zip(pointers, salts, strict=True), key=lambda one: -one[0].count("/")):
        texts.append(_take_out(claims, pointer, salt))
    if decoys:
        _add(_below(claims, [SUBJECT[1:]]), *(digest_of(decoy.encode()) for decoy in decoys))
    return {**claims, DIGEST_ALGORITHM: ALGORITHM}, tuple(texts)


def prepare(claims: JsonObject, *, key_id: str, alg: Algorithm) -> bytes:
    """The signing input of concealed claims (VC-JOSE-COSE section 3.2.1). `Refused`: the key is not the issuer's."""
    check_issuer(claims, key_id)
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": TYPE, "cty": "vc"}, orjson.dumps(claims))


def attach(signed: bytes, signature: bytes, texts: Sequence[bytes]) -> bytes:
    """The SD-JWT with all its disclosures. What our own verifier would not read is not given out."""
    octets = SEPARATOR.join([jose.attach(signed, signature), *texts, b""])
    parse(octets, CREDENTIAL_LIMIT_BYTES)
    return octets


def show(whole: SdJwt, places: Collection[str]) -> bytes:
    """The presentation that discloses these places and what they lie in, in the order in which they came.

    A key binding is of another presentation, and goes. `Refused`: a place is none that can be disclosed.
    """
    if unknown := [place for place in places if place not in whole.places]:
        raise Refused("no-such-disclosure", f"{unknown[0]:.200}")
    kept = {
        disclosure.text
        for above, disclosure in whole.places.items()
        if any(place == above or place.startswith(f"{above}/") for place in places)
    }
    jwt, *texts, _ = whole.presented.split(SEPARATOR)
    return SEPARATOR.join([jwt, *(text for text in texts if text in kept), b""])


def binding_input(presented: bytes, challenge: Challenge, *, alg: Algorithm, now: datetime) -> bytes:
    """What the holder's key signs (RFC 9901 section 4.3); `attach_binding` puts it behind."""
    said: JsonObject = {
        "iat": int(now.timestamp()), "aud": challenge.audience, "nonce": challenge.nonce,
        "sd_hash": digest_of(presented),
    }  # fmt: skip
    return jose.signing_input({"alg": alg, "typ": BINDING_TYPE}, orjson.dumps(said))


def attach_binding(presented: bytes, signed: bytes, signature: bytes) -> bytes:
    """The presentation with its key binding."""
    return presented + jose.attach(signed, signature)


def _take_out(claims: JsonObject, pointer: str, salt: str) -> bytes:
    """Put a digest in the place of a value; its disclosure."""
    if not pointer.startswith("/"):
        raise Refused("no-such-place", f"{pointer:.200} is no JSON pointer to a member")
    *above, name = _steps(pointer)
    if not may_be_left_out(pointer):
        raise Refused("not-disclosable", f"{pointer:.200} is the issuer's to say, never the holder's choice")
    inner = _below(claims, above)
    if isinstance(inner, dict) and name in inner and name != DIGESTS:
        text = _text(salt, name, inner.pop(name))
        _add(inner, digest_of(text))
        return text
    if isinstance(inner, list) and name.isdecimal() and int(name) < len(inner):
        text = _text(salt, inner[int(name)])
        inner[int(name)] = {ELEMENT: digest_of(text)}
        return text
    raise Refused("no-such-place", f"{pointer:.200}")


def _add(inner: Json, *digests: str) -> None:
    """In an order that says nothing of the one in which the values stood (RFC 9901 section 4.2.4.1)."""
    if not isinstance(inner, dict):
        raise Refused("no-such-place", "there is not one subject")
    there = inner.get(DIGESTS, [])
    listed = [str(one) for one in there] if isinstance(there, list) else []
    inner[DIGESTS] = list[Json](sorted([*listed, *digests]))


def may_be_left_out(pointer: str) -> bool:
    """Whether a holder may choose about this place of a credential, if there is one."""
    return not any(is_fixed(step, depth) for depth, step in enumerate(_steps(pointer)))


def value_at(document: JsonObject, pointer: str) -> Json:
    """The value of a place; None where there is none."""
    try:
        return _below(document, _steps(pointer))
    except Refused:
        return None


def _names_reserved(value: Json) -> bool:
    if isinstance(value, dict):
        return not RESERVED.isdisjoint(value) or any(map(_names_reserved, value.values()))
    return isinstance(value, list) and any(map(_names_reserved, value))


def _below(value: Json, steps: Sequence[str]) -> Json:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise Refused("no-such-place", "/".join(steps)[:200])
    return value


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _text(*members: Json) -> bytes:
    return base64url.encode(orjson.dumps(members))
