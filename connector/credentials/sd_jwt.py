"""SD-JWT (RFC 9901): a token of which the holder shows a part. Read, and every digest led to its disclosure.

The form is `JWT~disclosure~...~`, at the end a key binding JWT where the holder made one. The issuer signed digests; a
disclosure is salt, name and value of one of them. `parse` gives the claims as they are shown, or refuses: a digest
stands once in the whole tree, a disclosure is used once, nothing shown takes the place of what stands in the clear, and
what a credential is judged by is never a holder's choice (`_OF_THE_ISSUER`, section 9.7). Sizes and depth are bounded
before anything is walked. The issuer's signature is `jose`'s, what a credential must say `datamodel`'s. Making one, and
showing less of it, is `disclosing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from connector.credentials import base64url, jose
from connector.credentials.jose import Jws, numeric_date
from connector.credentials.refused import Refused, Unsupported
from connector.credentials.signing import PublicKey, key_from_jwk
from connector.errors import BadMessage
from connector.model import Json, JsonObject, counted
from connector.vocabulary.admission import MAX_DEPTH, MAX_MESSAGE_VALUES, admit_value

SEPARATOR = b"~"
TYPE, BINDING_TYPE = "vc+sd-jwt", "kb+jwt"
"""`typ` of a credential (VC-JOSE-COSE section 3.2.1) and of a key binding (RFC 9901 section 4.3)."""
ALGORITHM = "sha-256"
MAX_DISCLOSURES = 1000
_LONGEST_PLACE = 2000
"""Of a JSON pointer: each value has one, and they are kept and told."""
_MOST_TOLD = 20
_BINDING_LIMIT_BYTES = 8192
_BINDING_LIFETIME = timedelta(days=1)
"""Between people a presentation travels as a file; that it is new is said by the nonce."""
_CLOCK_SKEW = timedelta(minutes=1)

DIGESTS, ELEMENT, DIGEST_ALGORITHM = "_sd", "...", "_sd_alg"
RESERVED = frozenset({DIGESTS, ELEMENT, DIGEST_ALGORITHM})
_OF_THE_ISSUER = frozenset(
    {
        "issuer", "validFrom", "validUntil", "credentialStatus", "credentialSchema", "relatedResource", "record",
        "termsOfUse", "iss", "nbf", "exp", "iat", "cnf", "vct", "status", "vc", "vp", "proof",
    }
)  # fmt: skip
"""Members of a credential by which it is judged: no digest may stand for one, nor anywhere in one."""


class BadDisclosure(Refused):
    """The token is well formed; its digests and disclosures do not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One value that may be shown. `name` is None for an element of an array."""

    text: bytes
    name: str | None
    value: Json

    @property
    def digest(self) -> str:
        """Over the text as it came (RFC 9901 section 4.2.3)."""
        return digest_of(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """For whom and on which occasion a holder was asked to show something. Empty: nobody was asked."""

    audience: str = ""
    nonce: str = ""

    @property
    def asked(self) -> bool:
        """Whether key binding is asked for: the verifier's choice, never what the holder brings (section 7.3)."""
        return bool(self.audience or self.nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class SdJwt:
    """An SD-JWT whose digests and disclosures fit, and whose signatures nobody has checked yet.

    `shown` is what it says with the disclosures in their places; `places` where each was put, as JSON pointers;
    `hidden` how many digests have none: withheld values, and decoys.
    """

    jws: Jws
    disclosures: tuple[Disclosure, ...]
    binding: Jws | None
    presented: bytes
    shown: JsonObject
    places: Mapping[str, Disclosure]
    hidden: int
    payload: bytes
    """The octets of all that it says."""

    @property
    def alg(self) -> str:
        """The algorithm of the issuer's signature."""
        return self.jws.alg

    @property
    def key_id(self) -> str | None:
        """The issuer's key."""
        return self.jws.key_id

    def claims(self) -> JsonObject:
        """What it says, as far as it is shown."""
        return self.shown

    def told(self) -> str:
        """How much of it is shown, in words."""
        said = ", ".join([*self.places][:_MOST_TOLD]) + (", ..." if len(self.places) > _MOST_TOLD else "")
        return (
            f"{len(self.places)} disclosed{': ' if said else ''}{said}; "
            f"{counted(self.hidden, 'digest stays', 'digests stay')} hidden (values that are withheld, or decoys)"
        )


def digest_of(text: bytes) -> str:
    """The digest of a disclosure, or of a presentation for its key binding."""
    return base64url.encode(sha256(text).digest()).decode()


def is_sd_jwt(octets: bytes) -> bool:
    """Whether these octets are an SD-JWT, if they are a credential at all: no other token has its separator."""
    return SEPARATOR in octets and not octets.startswith(b"{")


def parse(octets: bytes, limit_bytes: int, expected_type: str = TYPE) -> SdJwt:
    """Read it. `BadDisclosure` for what is wrong below the envelope."""
    if len(octets) > limit_bytes:
        raise Refused("too-large", f"more than {limit_bytes} bytes")
    if octets.count(SEPARATOR) > MAX_DISCLOSURES + 1:
        raise Refused("too-many-disclosures", f"more than {MAX_DISCLOSURES}")
    if SEPARATOR not in octets:
        raise Refused("not-an-sd-jwt", "no ~ behind the token (RFC 9901 section 4)")
    first, *texts, last = octets.split(SEPARATOR)
    jws = jose.parse(first, limit_bytes)
    if jws.type != expected_type:  # RFC 8725 section 3.11
        raise Refused("bad-typ", f"{jws.type or 'no typ'!s:.40} instead of {expected_type}")
    binding = jose.parse(last, _BINDING_LIMIT_BYTES) if last else None
    if binding is not None and binding.type != BINDING_TYPE:
        raise Refused("bad-typ", f"{binding.type or 'no typ'!s:.40} instead of {BINDING_TYPE}, behind the last ~")
    bodies = [_decoded(text) for text in texts]
    _check_number([jws.payload, *bodies])
    disclosures = tuple(_disclosure(text, body) for text, body in zip(texts, bodies, strict=True))
    found = _resolve(jws.claims(), disclosures)
    return SdJwt(
        jws=jws, disclosures=disclosures, binding=binding, presented=octets[: len(octets) - len(last)],
        shown=found.shown, places=found.places, hidden=found.hidden, payload=b",".join([jws.payload, *bodies]),
    )  # fmt: skip


def check_binding(shown: SdJwt, challenge: Challenge, at: datetime) -> str:
    """RFC 9901 section 7.3. What is not checked of it, in words; empty: all was. `Refused`: it is wrong, or missing.

    What is there is held to its form, its hash and its key also where nobody asked for it.
    """
    if shown.binding is None:
        if challenge.asked:
            raise Refused("no-key-binding", "it was asked for, and the holder shows none")
        return "there is none; nobody said for which audience and nonce it would have to be"
    said = shown.binding.claims()
    if said.get("sd_hash") != digest_of(shown.presented):
        raise Refused("sd-hash-mismatch", "the key binding is of another presentation")
    jose.verify(shown.binding, holder_key(shown.jws.claims()))
    issued, starts, ends = (numeric_date(said, name) for name in ("iat", "nbf", "exp"))
    if issued is None:
        raise Refused("bad-time", "the key binding has no iat")
    if not challenge.asked:
        return "the holder's key made it; for which audience and nonce was not said, so whether for us is not checked"
    for name, expected in (("aud", challenge.audience), ("nonce", challenge.nonce)):
        if said.get(name) != expected:
            raise Refused("binding-mismatch", f"{name} is not the one that was asked for")
    earliest, latest = (at - _CLOCK_SKEW).timestamp(), (at + _CLOCK_SKEW).timestamp()
    if not (at - _BINDING_LIFETIME).timestamp() <= issued <= latest:
        raise Refused("binding-expired", "the key binding is older than a day, or lies ahead")
    # its holder may have made it for less than a day (section 7.3, the last of step 5; RFC 7519 section 4.1)
    if (starts is not None and starts > latest) or (ends is not None and ends <= earliest):
        raise Refused("binding-expired", "the key binding does not hold now, by its own nbf or exp")
    return ""


def holder_key(signed: JsonObject) -> PublicKey:
    """The key to which the issuer bound the credential (RFC 7800 section 3.2). Only the signed payload says it."""
    confirmation = signed.get("cnf")
    if not isinstance(confirmation, dict):
        raise Refused("no-holder-key", "the issuer names no key of the holder (cnf)")
    jwk = confirmation.get("jwk")
    if not isinstance(jwk, dict) or len(confirmation) != 1:
        raise Unsupported("holder-key-unsupported", "cnf holds no jwk alone, which is all that this connector reads")
    return key_from_jwk(jwk)


# --- disclosures -----------------------------------------------------------------------------------------------------


def _decoded(text: bytes) -> bytes:
    try:
        return base64url.decode(text)
    except Refused as error:
        raise BadDisclosure("bad-disclosure", f"{error.reason}: {text[:40].decode('ascii', 'replace')}") from error


def _check_number(bodies: list[bytes]) -> None:
    """As of a message (`admission`): walking many values takes time."""
    if sum(body.count(b",") + body.count(b"[") + body.count(b"{") for body in bodies) > MAX_MESSAGE_VALUES:
        raise Refused("too-large", f"more than {MAX_MESSAGE_VALUES} values")


def _disclosure(text: bytes, body: bytes) -> Disclosure:
    """Section 4.2: salt, name, value; of an element no name."""
    try:
        value = admit_value(body, len(body))
    except BadMessage as error:
        raise BadDisclosure("bad-disclosure", error.detail) from error
    match value:
        case [str(), str(name), inner]:
            return Disclosure(text=text, name=name, value=inner)
        case [str(), inner]:
            return Disclosure(text=text, name=None, value=inner)
    raise BadDisclosure("bad-disclosure", "not an array of salt, name and value, or of salt and value")


@dataclass(slots=True)
class _Resolving:
    """The walk over the tree (section 7.1, step 3)."""

    left: dict[str, Disclosure]
    seen: set[str] = field(default_factory=set)
    places: dict[str, Disclosure] = field(default_factory=dict)
    hidden: int = 0
    shown: JsonObject = field(default_factory=dict)

    def value(self, value: Json, place: str, depth: int, *, fixed: bool) -> Json:
        """The value with what is shown of it. `fixed`: the issuer's word, where no digest may stand."""
        if depth > MAX_DEPTH or len(place) > _LONGEST_PLACE:
            text = f"nested deeper than {MAX_DEPTH} levels once it is put together, or under longer names than are read"
            raise BadDisclosure("too-deep", text)
        if isinstance(value, dict):
            return self.members(value, place, depth, fixed=fixed)
        return self.elements(value, place, depth, fixed=fixed) if isinstance(value, list) else value

    def members(self, value: JsonObject, place: str, depth: int, *, fixed: bool) -> JsonObject:
        clear = {name: inner for name, inner in value.items() if name != DIGESTS}
        if depth == 0 and clear.pop(DIGEST_ALGORITHM, ALGORITHM) != ALGORITHM:
            raise BadDisclosure("sd-alg-not-allowed", f"{DIGEST_ALGORITHM} is not {ALGORITHM}")  # section 4.1.1
        if taken := RESERVED & clear.keys():
            raise BadDisclosure("reserved-name", f"{min(taken)} stands where it means nothing, at {place or '/'}")
        made = {
            name: self.value(inner, _below(place, name), depth + 1, fixed=fixed or is_fixed(name, depth))
            for name, inner in clear.items()
        }
        for digest in self._listed(value, place):
            disclosure = self._take(digest, place, fixed=fixed)
            if disclosure is None:
                continue
            name = disclosure.name
            if name is None:
                raise BadDisclosure("bad-disclosure", f"an element of an array stands for a member of {place or '/'}")
            if name in RESERVED:
                raise BadDisclosure("reserved-name", f"a disclosure names {name}")
            if name in made:
                raise BadDisclosure("claim-exists", f"{name:.80} is disclosed and stands there already, at {place}")
            if is_fixed(name, depth):
                raise BadDisclosure("not-disclosable", f"{name:.80} is the issuer's to say, never the holder's choice")
            inside = _below(place, name)
            self.places[inside] = disclosure
            made[name] = self.value(disclosure.value, inside, depth + 1, fixed=False)
        return made

    def elements(self, value: list[Json], place: str, depth: int, *, fixed: bool) -> list[Json]:
        made: list[Json] = []
        for inner in value:
            if not isinstance(inner, dict) or ELEMENT not in inner:
                made.append(self.value(inner, _below(place, str(len(made))), depth + 1, fixed=fixed))
                continue
            digest = inner[ELEMENT]
            if len(inner) != 1 or not isinstance(digest, str):  # section 4.2.4.2
                raise BadDisclosure("reserved-name", f"{ELEMENT} beside others, or not a digest, at {place}")
            disclosure = self._take(digest, place, fixed=fixed)
            if disclosure is None:
                continue
            if disclosure.name is not None:
                raise BadDisclosure("bad-disclosure", f"a member stands for an element of {place}")
            inside = _below(place, str(len(made)))
            self.places[inside] = disclosure
            made.append(self.value(disclosure.value, inside, depth + 1, fixed=False))
        return made

    def _listed(self, value: JsonObject, place: str) -> list[str]:
        digests = value.get(DIGESTS, [])
        if not isinstance(digests, list):
            raise BadDisclosure("bad-digests", f"{DIGESTS} is no list, at {place or '/'}")
        listed = [digest for digest in digests if isinstance(digest, str)]
        if len(listed) != len(digests):
            raise BadDisclosure("bad-digests", f"{DIGESTS} holds what is no digest, at {place or '/'}")
        return listed

    def _take(self, digest: str, place: str, *, fixed: bool) -> Disclosure | None:
        """The disclosure of a digest; None: it stays hidden."""
        if fixed:
            raise BadDisclosure("not-disclosable", f"a digest within {place:.80}, which is the issuer's to say")
        if digest in self.seen:  # step 4
            raise BadDisclosure("duplicate-digest", f"{digest:.50} stands twice")
        self.seen.add(digest)
        disclosure = self.left.pop(digest, None)
        self.hidden += disclosure is None
        return disclosure


def _resolve(signed: JsonObject, disclosures: tuple[Disclosure, ...]) -> _Resolving:
    left = {disclosure.digest: disclosure for disclosure in disclosures}
    if len(left) != len(disclosures):
        raise BadDisclosure("duplicate-disclosure", "one disclosure is there twice")
    found = _Resolving(left)
    found.shown = found.members(signed, "", 0, fixed=False)
    if found.left:  # step 5
        name = next(iter(found.left.values())).name
        told = "an element" if name is None else f"{name:.80}"
        raise BadDisclosure("disclosure-unreferenced", f"{len(found.left)} that nobody signed a digest of: {told}")
    return found


def is_fixed(name: str, depth: int) -> bool:
    """Whether a member is the issuer's alone: of the credential those that it is judged by; at any depth what it is."""
    return name == "type" or name.startswith("@") or (depth == 0 and name in _OF_THE_ISSUER)


def _below(place: str, name: str) -> str:
    """A JSON pointer (RFC 6901)."""
    return f"{place}/{name.replace('~', '~0').replace('/', '~1')}"
