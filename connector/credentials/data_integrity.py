"""Data Integrity proofs of others, and ours: JSON with its signature inside (VC Data Integrity 1.0).

Two cryptosuites, both over the canonical JSON of RFC 8785: `eddsa-jcs-2022` (vc-di-eddsa section 3.3) and
`ecdsa-jcs-2019` (vc-di-ecdsa section 3.3). Those over canonical RDF, other types of proof, sets and chains of proofs
may be good: `Unsupported` says that we cannot tell. Strict where the standards leave room, because what no signature
covers could be changed by anybody: one proof, as an object; the contexts of the proof are the document's, all of them;
a proof made for a domain or a challenge is good for nothing else. What a credential must say is `datamodel`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256, sha384
from typing import TYPE_CHECKING, Literal

from connector.credentials.canonical import canonical
from connector.credentials.jose import json_object
from connector.credentials.multikey import decode_base58, encode_base58
from connector.credentials.refused import Refused, Unsupported
from connector.credentials.signing import PublicKey
from connector.model import Json, JsonObject

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

Cryptosuite = Literal["eddsa-jcs-2022", "ecdsa-jcs-2019"]
Purpose = Literal["assertionMethod", "authentication"]

_KEYS: Mapping[str, frozenset[str]] = {
    "eddsa-jcs-2022": frozenset({"Ed25519"}),
    "ecdsa-jcs-2019": frozenset({"P-256", "P-384"}),
}
_TYPE = "DataIntegrityProof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A document and the proof in it, well formed, whose signature nobody has checked yet.

    `config` is the proof without its value, `document` what stands beside it, `payload` the octets of all.
    """

    config: JsonObject
    document: JsonObject
    payload: bytes
    signature: bytes

    @property
    def alg(self) -> str:
        """The cryptosuite; `parse` let only the known ones through."""
        return str(self.config["cryptosuite"])

    @property
    def key_id(self) -> str:
        """The verification method."""
        return str(self.config["verificationMethod"])

    def claims(self) -> JsonObject:
        """What the proof is about."""
        return self.document


def parse(octets: bytes, limit_bytes: int) -> Proof:
    """Read a document with a proof, without checking its signature."""
    document = dict(json_object(octets, limit_bytes, "bad-json", few=True))
    proof = document.pop("proof", None)
    if isinstance(proof, list):  # of a set one could be taken away unnoticed (Data Integrity 1.0 section 2.1.1)
        raise Unsupported("proof-set-unsupported", "a list of proofs, of which this connector reads none")
    if not isinstance(proof, dict):
        raise Refused("no-proof", "neither a compact token nor a document with a proof")
    _check_kind(proof)
    config = {name: value for name, value in proof.items() if name != "proofValue"}
    _check_config(config, document)
    return Proof(
        config=config, document=document, payload=octets, signature=decode_base58(_text(proof, "proofValue"))
    )  # fmt: skip


def check_use(proof: Proof, purpose: Purpose, *, domain: str | None = None, challenge: str | None = None) -> None:
    """Whether the proof was made for what it is used for (Data Integrity 1.0 section 4.4)."""
    if proof.config.get("proofPurpose") != purpose:
        raise Refused("proof-purpose-mismatch", f"the proof was not made for {purpose}")
    if proof.config.get("domain") not in ([None] if domain is None else [domain, [domain]]):
        raise Refused("domain-mismatch", "the proof was made for another domain")
    if proof.config.get("challenge") != challenge:
        raise Refused("challenge-mismatch", "the proof answers another challenge")


def verify(proof: Proof, key: PublicKey) -> None:
    """Check the signature. `Refused`: the key is of another kind than the suite, or the signature is not its."""
    if key.kind not in _KEYS[proof.alg]:
        raise Refused("alg-key-mismatch", f"the key cannot make signatures of {proof.alg}")
    hashed = sha384 if key.kind == "P-384" else sha256
    if not key.holds(proof.signature, hash_data(proof.config, proof.document, hashed)):
        raise Refused("bad-signature", "the signature was not made over this by this key")


def hash_data(config: JsonObject, document: JsonObject, hashed: Callable[[bytes], Hash] = sha256) -> bytes:
    """What is signed: the hashes of the proof without its value and of the document (vc-di-eddsa section 3.3.4)."""
    return hashed(canonical(config)).digest() + hashed(canonical(document)).digest()


def proof_config(
    document: JsonObject,
    *,
    suite: Cryptosuite,
    key_id: str,
    created: str,
    purpose: Purpose = "assertionMethod",
) -> JsonObject:
    """The proof that a document gets, without its value."""
    contexts: JsonObject = {"@context": document["@context"]} if "@context" in document else {}
    return {
        **contexts,
        "type": _TYPE,
        "cryptosuite": suite,
        "created": created,
        "verificationMethod": key_id,
        "proofPurpose": purpose,
    }


def attach(document: JsonObject, config: JsonObject, signature: bytes) -> bytes:
    """The secured document in the octets in which it is served."""
    return canonical({**document, "proof": {**config, "proofValue": encode_base58(signature)}})


def _check_kind(proof: JsonObject) -> None:
    """What we cannot check, for whatever reason, is said before anything is found wrong with it."""
    if (kind := _text(proof, "type")) != _TYPE:
        raise Unsupported("proof-type-unsupported", f"{kind:.40} instead of {_TYPE}")
    if (suite := _text(proof, "cryptosuite")) not in _KEYS:
        raise Unsupported("cryptosuite-unsupported", f"{suite:.40}; this connector reads {', '.join(_KEYS)}")
    if "previousProof" in proof:
        raise Unsupported("proof-chain-unsupported", "a proof that rests on another one")


def _check_config(config: JsonObject, document: JsonObject) -> None:
    if "@context" in config and config["@context"] != document.get("@context"):
        # vc-di-eddsa section 3.3.2 lets the document name more contexts than were signed: whoever adds one there says
        # what the terms mean
        raise Refused("context-mismatch", "the proof was made under other contexts than the document names")
    for name, value in config.items():
        if name != "@context" and not _plain(value):
            raise Refused("bad-proof", f"{name:.40} is neither a text nor a list of texts")
    for name in ("verificationMethod", "proofPurpose"):
        _text(config, name)


def _plain(value: Json) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _text(proof: JsonObject, name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str):
        raise Refused("bad-proof", f"{name} is not a text")
    return value
