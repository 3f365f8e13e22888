"""Issuing in two halves, so that the key stays where it is: `prepare` what is signed, sign it, `attach` the signature.

VC-JOSE-COSE section 3.1.1: the payload is the credential itself, `typ` is `vc+jwt`. For who reads no such envelopes the
same credential gets a Data Integrity proof inside (`prepare_proof`, `attach_proof`), or is put into the older model
(`prepare_older`). The octets are made once and kept, because an ES256 signature is another one each time and the digest
is over the octets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from connector.credentials import data_integrity, jose, vc11
from connector.credentials.data_integrity import Cryptosuite
from connector.credentials.datamodel import time_text
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproved:
    """A credential and its proof without the signature, which is over `message`."""

    document: JsonObject
    config: JsonObject
    message: bytes


SUITES: Mapping[Algorithm, Cryptosuite] = {
    "EdDSA": "eddsa-jcs-2022",
    "ES256": "ecdsa-jcs-2019",
}
"""The cryptosuite of a key, by the `alg` of its envelopes."""


def prepare(credential: JsonObject, *, key_id: str, alg: Algorithm) -> bytes:
    """The signing input of a credential. `Refused` if the key is not one of its issuer."""
    check_issuer(credential, key_id)
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": "vc+jwt", "cty": "vc"}, orjson.dumps(credential))


def prepare_older(credential: JsonObject, *, key_id: str, alg: Algorithm) -> bytes:
    """The signing input of the same credential as one of VC Data Model 1.1 (section 6.3.1)."""
    check_issuer(credential, key_id)
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": "JWT"}, orjson.dumps(vc11.claims(credential)))


def attach(signed: bytes, signature: bytes) -> Issued:
    """The credential, with its digest."""
    octets = jose.attach(signed, signature)
    return Issued(octets=octets, digest=digest_multibase(octets))


def prepare_proof(credential: JsonObject, *, key_id: str, alg: Algorithm, created: datetime) -> Unproved:
    """What is signed where the proof stands in the credential. `Refused` as for `prepare`."""
    check_issuer(credential, key_id)
    config = data_integrity.proof_config(credential, suite=SUITES[alg], key_id=key_id, created=time_text(created))
    message = data_integrity.hash_data(config, credential)
    return Unproved(document=credential, config=config, message=message)


def attach_proof(unproved: Unproved, signature: bytes) -> Issued:
    """The credential with its proof, and its digest."""
    octets = data_integrity.attach(unproved.document, unproved.config, signature)
    return Issued(octets=octets, digest=digest_multibase(octets))


def check_issuer(credential: JsonObject, key_id: str) -> None:
    """`Refused` if the key is not one of the credential's issuer."""
    issuer = credential.get("issuer")
    if (issuer.get("id") if isinstance(issuer, dict) else issuer) != did_of_key(key_id):
        raise Refused("foreign-key", "the key does not belong to the credential's issuer")
