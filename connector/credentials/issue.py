"""Issuing in two halves, so that the key stays where it is: `prepare` what is signed, sign it, `attach` the signature.

VC-JOSE-COSE section 3.1.1: the payload is the credential itself, `typ` is `vc+jwt`. The octets are made once and kept,
because an ES256 signature is another one each time and the digest is over the octets.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from connector.credentials import jose
from connector.credentials.did_web import did_of_key
from connector.credentials.digest import digest_multibase
from connector.credentials.refused import Refused
from connector.credentials.signing import Algorithm
from connector.model import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A signed credential in the octets that will be served."""

    octets: bytes
    digest: str


def prepare(credential: JsonObject, *, key_id: str, alg: Algorithm) -> bytes:
    """The signing input of a credential. `Refused` if the key is not one of its issuer."""
    issuer = credential.get("issuer")
    if (issuer.get("id") if isinstance(issuer, dict) else issuer) != did_of_key(key_id):
        raise Refused("foreign-key", "the key does not belong to the credential's issuer")
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": "vc+jwt", "cty": "vc"}, orjson.dumps(credential))


def attach(signed: bytes, signature: bytes) -> Issued:
    """The credential, with its digest."""
    octets = jose.attach(signed, signature)
    return Issued(octets=octets, digest=digest_multibase(octets))
