"""Keys in tokens (PKCS #11 v3.1): found or generated there, and used there. The private half never leaves.

ES256 is `CKM_ECDSA` over the SHA-256 made here, which gives R || S as JWS wants it; EdDSA is `CKM_EDDSA` over the
message itself. A key counts when a signature that it just made holds under its public half: a token may bear two
objects of one name. Sessions, threads and PINs are `pkcs11_library`'s.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from connector.credentials import base64url
from connector.credentials.refused import Refused
from connector.credentials.signing import SIGNATURE_BYTES, Algorithm, key_from_jwk
from connector.errors import BadConfig, BadInput, KeyUnreachable
from connector.keys.pkcs11_library import Library, Pin, library_at
from connector.keys.pkcs11_uri import Pkcs11Uri
from connector.model import JsonObject

if TYPE_CHECKING:
    from pkcs11.types import PrivateKey, PublicKey, Session, SignMixin

_P256: Final = bytes.fromhex("06082a8648ce3d030107")
"""The OID of secp256r1 as `CKA_EC_PARAMS` has it."""
_ED25519: Final = bytes.fromhex("06032b6570")
_ED25519_NAMES: Final = (_ED25519, b"\x13\x0cedwards25519")
"""Both forms that PKCS #11 has for it: the OID, and the curve's name as a PrintableString."""
_KEY_ID_BYTES: Final = 16
_PROBE: Final = b"battery-connector: a key is looked at"
_AWAY: Final = "our keys are out of reach for now"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSigner:
    """Signs in a token, off the event loop. It is opened when it signs first, and again after a token was away."""

    module: Library = field(repr=False)
    uri: Pkcs11Uri
    pin: Pin = field(repr=False)
    key_id: str
    public_jwk: JsonObject

    @property
    def alg(self) -> Algorithm:
        """The `alg` of the key's kind."""
        return _alg(self.public_jwk)

    async def sign(self, message: bytes) -> bytes:
        """The JWS signature over these bytes.

        `KeyUnreachable`, whatever is wrong: peers hear of it, so what it is stands in the log alone.
        """
        try:
            signature = await self.module.ask(partial(self._signed, message))
        except (BadConfig, KeyUnreachable) as error:
            self.module.note(f"{error.detail}; {error.hint}")
            raise KeyUnreachable(_AWAY, hint="the connector's log says why; `battery-connector doctor`, too") from error
        self.module.note("")
        return signature

    def look(self) -> None:
        """Whether it could sign now. `KeyUnreachable` or `BadConfig` says what is wrong."""
        self.module.wait(partial(self._signed, _PROBE))

    def _signed(self, message: bytes) -> bytes:
        def work(session: Session) -> bytes:
            key, jwk = self.module.kept(self.uri, partial(_found, session, self.uri))
            if jwk != self.public_jwk:
                raise BadConfig(f"{self.uri} is not the key {self.key_id} that peers know", hint="bring that one back")
            return _raw(key, self.alg, message)

        return self.module.tried(self.uri, self.pin, work)


def open_token(uri: Pkcs11Uri, pin: Pin, *, key_id: str, public_jwk: JsonObject | None) -> TokenSigner:
    """The signer of a key in a token. Without a public half, it is asked for in the token."""
    if not uri.names_key:
        raise BadConfig(f"{uri} names no key", hint="object=LABEL or id=%01 says which")
    library = library_at(uri.module_path)
    if public_jwk is None:
        public_jwk = library.wait(partial(library.tried, uri, pin, partial(_public_half, uri)))
    return TokenSigner(module=library, uri=uri, pin=pin, key_id=key_id, public_jwk=public_jwk)


def generate_in_token(uri: Pkcs11Uri, pin: Pin, *, alg: str, label: str) -> tuple[Pkcs11Uri, JsonObject]:
    """Make a key in the token that the URI names. Returns the URI and the public JWK of the new key."""
    library, key_id = library_at(uri.module_path), secrets.token_bytes(_KEY_ID_BYTES)
    named = replace(uri.of_token, object=label, id=key_id)

    def work(session: Session) -> JsonObject:
        if not _private(session, named):  # it may be the second try
            _generate(session, alg, label, key_id)
        return _public_half(named, session)

    return named, library.wait(partial(library.tried, uri, pin, work, writable=True))


def is_in_token(uri: Pkcs11Uri, pin: Pin) -> bool:
    """Whether the private half is still there."""
    library = library_at(uri.module_path)
    return library.wait(partial(library.tried, uri, pin, lambda session: bool(_private(session, uri))))


def _public_half(uri: Pkcs11Uri, session: Session) -> JsonObject:
    return _found(session, uri)[1]


def _generate(session: Session, alg: str, label: str, key_id: bytes) -> None:
    from pkcs11 import Attribute, KeyType, Mechanism  # noqa: PLC0415 - an extra

    kinds = {
        "ES256": (KeyType.EC, _P256, Mechanism.EC_KEY_PAIR_GEN),
        "EdDSA": (KeyType.EC_EDWARDS, _ED25519, Mechanism.EC_EDWARDS_KEY_PAIR_GEN),
    }
    if alg not in kinds:
        raise BadConfig(f"unknown algorithm {alg}", hint="EdDSA or ES256")
    kind, curve, mechanism = kinds[alg]
    if mechanism not in session.token.slot.get_mechanisms():
        raise BadInput(
            f"the token {session.token.label} makes no keys for {alg}", hint="try the other one: --algorithm"
        )
    parameters = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: curve}, local=True)
    private = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.SIGN: True}
    parameters.generate_keypair(
        id=key_id, label=label, store=True, mechanism=mechanism, private_template=private,
        public_template={Attribute.VERIFY: True},
    )  # fmt: skip


def _private(session: Session, uri: Pkcs11Uri) -> list[PrivateKey]:
    from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415 - an extra

    wanted: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    if uri.object:
        wanted[Attribute.LABEL] = uri.object
    if uri.id:
        wanted[Attribute.ID] = uri.id
    return list(session.get_objects(wanted))  # type: ignore[arg-type]  # private keys are what was asked for


def _found(session: Session, uri: Pkcs11Uri) -> tuple[PrivateKey, JsonObject]:
    """The one key that is meant, with its public half."""
    from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415 - an extra

    private = _private(session, uri)
    name = uri.object or uri.id.hex()
    if len(private) != 1:
        told = f"has {len(private)} keys" if private else "has no key"
        raise BadConfig(f"the token {session.token.label} {told} {name}", hint="object= and id= together name one")
    key = private[0]
    same = {Attribute.ID: key.id} if key.id else {Attribute.LABEL: key.label}
    public = list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, **same}))
    if not public or not key[Attribute.SIGN]:
        told = "may not sign" if public else "has no public half beside it"
        raise BadConfig(f"the key {name} in the token {session.token.label} {told}", hint="generate another")
    jwk = _jwk(public[0], name)  # type: ignore[arg-type]  # public keys are what was asked for
    if not key_from_jwk(jwk).holds(_raw(key, _alg(jwk), _PROBE), _PROBE):
        raise BadConfig(f"the two halves of the key {name} do not fit", hint="id= names one of several of that label")
    return key, jwk


def _raw(key: PrivateKey, alg: Algorithm, message: bytes) -> bytes:
    from pkcs11 import Mechanism  # noqa: PLC0415 - an extra

    signing = cast("SignMixin", key)  # the library makes a key of what its attributes allow, and this one may sign
    if alg == "ES256":
        signature = signing.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA)
    else:
        signature = signing.sign(message, mechanism=Mechanism.EDDSA)
    if len(signature) != SIGNATURE_BYTES:
        raise BadConfig(f"the token gave a signature of {len(signature)} bytes instead of {SIGNATURE_BYTES}")
    return signature


def _alg(jwk: JsonObject) -> Algorithm:
    return "EdDSA" if jwk["kty"] == "OKP" else "ES256"


def _jwk(key: PublicKey, name: str) -> JsonObject:
    """`CKA_EC_POINT` is the point in an OCTET STRING, or, from some tokens, as it is or in a BIT STRING."""
    from pkcs11 import Attribute, KeyType  # noqa: PLC0415 - an extra

    curve: bytes = key[Attribute.EC_PARAMS] if key.key_type in {KeyType.EC, KeyType.EC_EDWARDS} else b""
    point: bytes = key[Attribute.EC_POINT] if curve else b""
    jwk: JsonObject = {}
    if curve == _P256 and (raw := _unwrapped(point, 65)):
        jwk = {"kty": "EC", "crv": "P-256", "x": _text(raw[1:33]), "y": _text(raw[33:])}
    elif curve in _ED25519_NAMES and (raw := _unwrapped(point, 32)):
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": _text(raw)}
    else:
        raise BadConfig(f"the key {name} is of a kind that is not used here", hint="P-256 or Ed25519")
    try:
        return key_from_jwk(jwk).as_jwk()
    except Refused as refused:
        raise BadConfig(f"the key {name} cannot be used: {refused.detail}") from None


def _unwrapped(point: bytes, size: int) -> bytes:
    """The point of this size, or nothing."""
    for head in (b"", bytes([4, size]), bytes([3, size + 1, 0])):
        if point.startswith(head) and len(point) == len(head) + size:
            return point[len(head) :]
    return b""


def _text(octets: bytes) -> str:
    return base64url.encode(octets).decode()
