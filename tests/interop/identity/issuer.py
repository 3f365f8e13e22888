"""Who vouches for both: a static site with a DID document and a status list, and memberships of VC Data Model 1.1.

An Eclipse EDC 0.14 and 0.15 verify no presentation of 2.0 (eclipse-edc/Connector#4966), so the profile is
`vc11-sl2021/jwt`. It reads status lists in JSON and looks at no signature of theirs; ours has its proof inside, so that
one file serves both.
"""

from __future__ import annotations

from datetime import timedelta

import orjson

from connector.credentials import jose
from connector.credentials.datamodel import time_text
from connector.credentials.issue import attach_proof, prepare_proof
from connector.credentials.vc11 import CONTEXT
from connector.model import JsonObject
from tests.bench.authority import Authority
from tests.interop.warehouse import Warehouse

GOOD, REVOKED = 7, 8
"""Status indices of a membership that holds, and of one that was withdrawn."""


def publish(site: Warehouse) -> Authority:
    """An issuer whose files are on this site."""
    issuer = Authority(site.port, revoked=[REVOKED])
    site.goods |= {path: body for path, (body, _) in issuer.files().items()}
    listed = jose.parse(site.goods["/status/0"], 1 << 20).claims()
    unsigned = prepare_proof(listed, key_id=issuer.signer.key_id, alg=issuer.signer.alg, created=issuer.now)
    site.goods["/status/0"] = attach_proof(unsigned, issuer.signer.sign_now(unsigned.message)).octets
    return issuer


def membership(issuer: Authority, party: str, index: int = GOOD) -> bytes:
    """A membership of the party, as a JWT with a `vc` claim."""
    now, ident = issuer.now, f"urn:uuid:membership-{index}"
    status: JsonObject = {
        "id": f"{issuer.list_url}#{index}", "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": str(index), "statusListCredential": issuer.list_url,
    }  # fmt: skip
    stated: JsonObject = {
        "@context": [CONTEXT, "https://dataspace.example/credentials/v1"], "id": ident,
        "type": ["VerifiableCredential", "MembershipCredential"], "issuer": issuer.did,
        "issuanceDate": time_text(now - timedelta(hours=1)), "expirationDate": time_text(now + timedelta(days=1)),
        "credentialSubject": {"id": party, "memberOf": "Bench"}, "credentialStatus": status,
    }  # fmt: skip
    claims: JsonObject = {
        "iss": issuer.did, "sub": party, "jti": ident, "nbf": int((now - timedelta(hours=1)).timestamp()),
        "exp": int((now + timedelta(days=1)).timestamp()), "vc": stated,
    }  # fmt: skip
    signer = issuer.signer
    unsigned = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": "JWT"}, orjson.dumps(claims))
    return jose.attach(unsigned, signer.sign_now(unsigned))
