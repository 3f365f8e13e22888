"""Verification of a credential: numbered checks in order, each reported, none left out in silence.

Numbers, names and sections stand in `checks`; a `book` has by name what each came to. Pure: the journey gathers what
`needs` names (DID document, status lists) and hands it over as `Material`, failures included. What could not be
obtained makes a check `unchecked` and the verdict `indeterminate`, never `valid`. Checks that rest on a failed one are
`skipped`: an unproven document is not asked for its status or its shape. `verify` is two halves, because what a
credential names must not be fetched before its signature is known to be good: `attest` makes the checks up to the
signature, `judge` the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connector.credentials.checks import PASSED, Check, Form, made, outcome_of
from connector.credentials.datamodel import (
    CREDENTIAL_LIMIT_BYTES,
    Credential,
    context_problem,
    parse_credential,
    read_credential,
    time_text,
)
from connector.credentials.did import DidDocument, key_for
from connector.credentials.digest import digest_multibase
from connector.credentials.refused import Refused, Unsupported
from connector.credentials.sd_jwt import BadDisclosure, Challenge, SdJwt, check_binding, is_sd_jwt
from connector.credentials.securing import Securing, check_served, check_signature, has_proof, is_vc11, open_secured
from connector.credentials.signing import PublicKey
from connector.credentials.status import OpenedList, Result, Unobtained, open_list, status_of
from connector.model import Did, Finding, JsonObject, counted

Verdict = Literal["valid", "invalid", "indeterminate"]
ShapeCheck = Callable[[str, JsonObject], list[Finding]]
"""Credential type and whole credential -> what is wrong with its content."""

MEMBERS = "members"
"""In a trust list: whoever shows a valid membership credential."""
_MAX_TOLD_FINDINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one credential. `credential` is None where it could not even be read."""

    digest: str
    checks: tuple[Check, ...]
    credential: Credential | None
    findings: tuple[Finding, ...] = ()
    now: datetime | None = None
    """When the checks were made."""

    @property
    def verdict(self) -> Verdict:
        """Invalid if a check failed, indeterminate if one could not be made, else valid."""
        outcomes = {check.outcome for check in self.checks}
        if "failed" in outcomes or "passed" not in outcomes:
            return "invalid"
        return "indeterminate" if "unchecked" in outcomes else "valid"

    def outcome(self) -> str:
        """The one word of an audit node, the first that applies (DECISIONS: outcomes)."""
        return outcome_of(self.checks)

    def as_json(self) -> JsonObject:
        """The published shape (`credential verify --json`)."""
        return {"verdict": self.verdict, "checks": [check.as_json() for check in self.checks]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be fetched before a credential can be verified. Empty for what cannot be read."""

    issuer: Did | None
    key_id: str | None = None
    types: tuple[str, ...] = ()
    status_lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the journey gathered. Made once for many credentials: lists are opened once and kept in `opened`.

    `lists` and `changes` go by the list's URL. `trusted_issuers` None: nobody said whom to trust, the check is skipped;
    an empty table trusts nobody.
    """

    documents: Mapping[str, DidDocument | Unobtained]
    lists: Mapping[str, bytes | Unobtained] = field(default_factory=dict)
    changes: Mapping[str, bytes | Unobtained] = field(default_factory=dict)
    trusted_issuers: Mapping[str, Collection[str]] | None
    trust_unobtained: Unobtained | None = None
    """Why it is not known whether the issuer is one of the `members` that a trust list names."""
    contexts: Collection[str]
    check_shape: ShapeCheck | None
    challenge: Challenge | None = None
    """How an SD-JWT was asked for. None: none was, and it is refused."""
    nonconforming: bool = False
    """UNSAFE. Those of VC Data Model 1.1 may depart from it, as the official conformance kit's do."""
    opened: dict[tuple[str, str], OpenedList | Unobtained] = field(default_factory=dict, repr=False, compare=False)


def needs(octets: bytes, *, selective: bool = False) -> Needs:
    """What verifying these octets needs from the network."""
    try:
        credential = parse_credential(octets, selective=selective)
        key_id = credential.securing.key_id
    except Refused:  # `verify` says what is wrong with it
        return Needs(issuer=None)
    lists = tuple(dict.fromkeys(entry.list_url for entry in credential.status))
    return Needs(issuer=credential.issuer, key_id=key_id, types=credential.types, status_lists=lists)


def verify(octets: bytes, *, at: datetime, now: datetime, material: Material) -> Report:
    """Make all checks. `at` is the time for which validity and status are judged."""
    return judge(attest(octets, material), at=at, now=now, material=material)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """A credential after the checks up to its signature. `signed`: by the issuer that it names."""

    digest: str
    credential: Credential | None
    signed: bool
    book: dict[str, Result]
    form: Form


def attest(octets: bytes, material: Material) -> Attested:
    """Checks 1 to 6. An issuer whose document was not asked for, because nobody trusts it, fails by the ninth alone."""
    book: dict[str, Result] = {}
    secured = _read_envelope(octets, book, selective=material.challenge is not None)
    credential = _read_model(secured, material, book) if secured is not None else None
    key = None
    if credential is not None:
        trust = (
            None if credential.issuer in material.documents else trust_in(credential.issuer, credential.types, material)
        )
        if trust is not None and trust.outcome == "failed":
            book["trust"] = trust
        else:
            key = _find_key(credential, material, book)
    signed = credential is not None and key is not None and _check_signature(credential, key, book)
    return Attested(
        digest=digest_multibase(octets), credential=credential, signed=signed, book=book,
        form=_form(octets, secured, material),
    )  # fmt: skip


def _form(octets: bytes, secured: Securing | None, material: Material) -> Form:
    if is_sd_jwt(octets) and material.challenge is not None:
        return "vc+sd-jwt"
    if has_proof(octets):
        return "proof"
    return "vc11" if secured is not None and is_vc11(secured) else "vc+jwt"


def judge(attested: Attested, *, at: datetime, now: datetime, material: Material) -> Report:
    """The other checks, for what its issuer signed."""
    book, credential, findings = dict(attested.book), attested.credential, list[Finding]()
    if credential is not None and attested.signed:
        book["validity"] = _validity(credential, at)
        lists = [_opened(entry.list_url, credential.issuer, material) for entry in credential.status]
        book["status"] = status_of(credential, attested.digest, lists, at=at, now=now)
        book["trust"] = trust_in(credential.issuer, credential.types, material)
        if isinstance(credential.securing, SdJwt) and material.challenge is not None:
            book["key-binding"] = _binding(credential.securing, material.challenge, at)
        if book["contexts"].outcome == "passed":
            book["shape"] = _shape(credential, material, findings)
    return Report(
        digest=attested.digest,
        checks=made(book, attested.form),
        credential=credential,
        findings=tuple(findings),
        now=now,
    )


def _read_envelope(octets: bytes, book: dict[str, Result], *, selective: bool) -> Securing | None:
    try:
        secured = open_secured(octets, CREDENTIAL_LIMIT_BYTES, selective=selective)
        check_served(octets, secured)
    except BadDisclosure as error:
        book["envelope"] = book["algorithm"] = PASSED
        book["disclosures"] = _failed(error)
        return None
    except Unsupported as error:
        book["envelope"], book["algorithm"] = PASSED, _failed(error)
        return None
    except Refused as error:
        name = "algorithm" if error.reason == "alg-not-allowed" else "envelope"
        book[name] = _failed(error)
        return None
    book["envelope"] = PASSED
    book["algorithm"] = Result("passed", detail=secured.alg)
    if isinstance(secured, SdJwt):
        book["disclosures"] = Result("passed", detail=secured.told())
    return secured


def _read_model(secured: Securing, material: Material, book: dict[str, Result]) -> Credential | None:
    try:
        payload = secured.claims()
        tolerated = material.nonconforming and is_vc11(secured)
        problem = "" if tolerated else context_problem(payload, secured, material.contexts)
        book["contexts"] = Result("failed", "context-error", problem) if problem else PASSED
        credential = read_credential(secured, payload)
    except Refused as error:
        book["data-model"] = _failed(error)
        return None
    if credential.contradiction and not tolerated:
        book["data-model"] = Result("failed", "bad-credential", credential.contradiction)
        return None
    book["data-model"] = PASSED
    return credential


def _find_key(credential: Credential, material: Material, book: dict[str, Result]) -> PublicKey | None:
    try:
        key_id = _own_key_id(credential)
        document = material.documents.get(credential.issuer, Unobtained(reason="the DID document was not asked for"))
        if isinstance(document, Unobtained):
            book["key"] = Result("unchecked", "key-unreachable", document.reason)
            return None
        key = key_for(document, key_id, "assertionMethod")
    except Refused as error:
        book["key"] = _failed(error)
        return None
    book["key"] = Result("passed", detail=key_id)
    return key


def _own_key_id(credential: Credential) -> str:
    """The key must be the issuer's own: a good signature of somebody else proves nothing."""
    key_id = credential.securing.key_id
    if key_id is None or not key_id.startswith(f"{credential.issuer}#"):
        raise Refused("foreign-key", "the key that it names is not the issuer's")
    return key_id


def _check_signature(credential: Credential, key: PublicKey, book: dict[str, Result]) -> bool:
    try:
        check_signature(credential.securing, key)
    except Refused as error:
        book["signature"] = _failed(error)
        return False
    book["signature"] = PASSED
    return True


def _validity(credential: Credential, at: datetime) -> Result:
    if credential.valid_from is not None and at < credential.valid_from:
        told = f"valid from {time_text(credential.valid_from)}, judged at {time_text(at)}"
        return Result("failed", "not-yet-valid", told)
    if credential.valid_until is not None and at > credential.valid_until:
        return Result(
            "failed", "expired", f"valid until {time_text(credential.valid_until)}, judged at {time_text(at)}"
        )
    return PASSED


def _binding(shown: SdJwt, challenge: Challenge, at: datetime) -> Result:
    """Whether the holder showed it, for whom it was asked. Nobody asked: what is there may still be wrong."""
    try:
        left = check_binding(shown, challenge, at)
    except Unsupported as error:
        return Result("unchecked" if challenge.asked else "skipped", error.reason, error.detail)
    except Refused as error:
        return _failed(error)
    return Result("skipped", "not-asked-for", left) if left else PASSED


def _opened(url: str, issuer: Did, material: Material) -> OpenedList | Unobtained:
    known = material.opened.get((url, issuer))
    if known is None:
        known = material.opened[url, issuer] = _open(url, issuer, material)
    return known


def _open(url: str, issuer: Did, material: Material) -> OpenedList | Unobtained:
    missing = Unobtained(reason="not asked for")
    octets, document = material.lists.get(url, missing), material.documents.get(issuer, missing)
    if isinstance(octets, Unobtained):
        return octets
    if isinstance(document, Unobtained):
        return document
    try:
        return open_list(url, octets, material.changes.get(url, missing), document)
    except Refused as error:  # a list that its issuer did not sign tells nothing, neither good nor bad
        return Unobtained(reason=error.detail)


def trust_in(issuer: Did, types: Collection[str], material: Material) -> Result:
    """Whether the issuer may issue credentials of all these types. It needs nothing of the issuer's but its name."""
    if material.trusted_issuers is None:
        return Result("skipped", "no-trust-list", "nobody said which issuers to trust")
    named = [name for name in types if name != "VerifiableCredential"]
    result = PASSED
    for name in named:
        trusted = material.trusted_issuers.get(name, ())
        if issuer in trusted:
            continue
        if material.trust_unobtained is None or MEMBERS not in trusted:
            return Result("failed", "issuer-not-anchored", f"{issuer} is not trusted for {name:.80}")
        result = Result("unchecked", "trust-unreachable", material.trust_unobtained.reason)
    if not named:
        return Result("failed", "issuer-not-anchored", "the credential has no type that anybody could be trusted for")
    return result


def _shape(credential: Credential, material: Material, findings: list[Finding]) -> Result:
    if is_vc11(credential.securing):
        return Result("skipped", "no-shape", "our shapes are for our own vocabulary, and no 1.1 credential has it")
    if material.check_shape is None:
        return Result("skipped", "no-shape", "no shapes were given")
    for name in credential.types:
        if name != "VerifiableCredential":
            findings += material.check_shape(name, credential.payload)
    if not findings:
        return PASSED
    hidden = credential.securing.hidden if isinstance(credential.securing, SdJwt) else 0
    if hidden and all(finding.code == "missing-term" for finding in findings):
        missing = "; ".join(finding.message for finding in findings[:_MAX_TOLD_FINDINGS])
        return Result("unchecked", "withheld", f"it may be among what the holder withholds: {missing}")
    told = "; ".join(finding.message for finding in findings[:_MAX_TOLD_FINDINGS])
    return Result("failed", findings[0].code, f"{counted(len(findings), 'finding')}: {told}")


def _failed(error: Refused) -> Result:
    return Result("unchecked" if isinstance(error, Unsupported) else "failed", error.reason, error.detail)
