"""The data model of a credential (VC Data Model 2.0) as this connector issues and accepts it.

Envelope, dates, types and status entries; the terms of the subject belong to `vocabulary`. A `Credential` here is read,
not verified: `verify` says whether it may be believed. One of VC Data Model 1.1 is read as one of 2.0 (`vc11`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.credentials import vc11
from connector.credentials.data_integrity import Proof
from connector.credentials.refused import Refused, Unsupported
from connector.credentials.sd_jwt import SdJwt
from connector.credentials.securing import ENVELOPED, SELECTIVE, WITH_PROOF, Securing, is_vc11, open_secured
from connector.model import Did, Json, JsonObject

VC_CONTEXT = "https://www.w3.org/ns/credentials/v2"
CREDENTIAL_LIMIT_BYTES = 1 << 20
MEDIA_TYPE = ENVELOPED
"""Of what the exchange publishes, and of our status lists."""

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_MOST_CONTEXTS = 2
_MAX_STATUS_ENTRIES = 8
_DIGITS = re.compile(r"0|[1-9]\d{0,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry:
    """Where the status of a credential stands (Bitstring Status List 1.0 section 2.1)."""

    purpose: str
    index: int
    list_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHeader:
    """Which record a credential is part of, as the `record` node of our envelope says it."""

    id: str
    version: int
    access_class: str
    level: str
    supersedes: tuple[str, ...] = ()
    correction_reason: str = ""

    def as_json(self) -> JsonObject:
        """The `record` node."""
        node: JsonObject = {
            "id": self.id,
            "type": "Record",
            "version": str(self.version),
            "accessClass": self.access_class,
            "level": self.level,
        }
        if self.supersedes:
            node["supersedes"] = list(self.supersedes)
        if self.correction_reason:
            node["correctionReason"] = self.correction_reason
        return node


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A credential as it claims to be. `payload` is what it says, without a proof; `valid_until` where that ends."""

    securing: Securing
    payload: JsonObject
    issuer: Did
    types: tuple[str, ...]
    valid_from: datetime | None
    valid_until: datetime | None
    status: tuple[StatusEntry, ...]
    contradiction: str = ""
    """How one of VC Data Model 1.1 departs from it, for `verify` to judge; one of 2.0 was refused for the same."""

    @property
    def media_type(self) -> str:
        """By how it is secured."""
        if isinstance(self.securing, SdJwt):
            return SELECTIVE
        return WITH_PROOF if isinstance(self.securing, Proof) else ENVELOPED

    @property
    def subject(self) -> JsonObject:
        """The one subject."""
        subject = self.payload["credentialSubject"]
        return subject if isinstance(subject, dict) else {}


def credential_payload(
    *,
    context: str,
    credential_type: str,
    issuer: Did,
    valid_from: datetime,
    subject: JsonObject,
    record: RecordHeader | None = None,
    valid_until: datetime | None = None,
    status: Sequence[StatusEntry] = (),
) -> JsonObject:
    """The unsigned credential: exactly two contexts, our one type, our record node beside the subject."""
    payload: JsonObject = {
        "@context": [VC_CONTEXT, context],
        "type": ["VerifiableCredential", credential_type],
        "issuer": issuer,
        "validFrom": time_text(valid_from),
    }
    if valid_until is not None:
        payload["validUntil"] = time_text(valid_until)
    if status:
        nodes: list[Json] = [status_node(entry) for entry in status]
        payload["credentialStatus"] = nodes if len(nodes) > 1 else nodes[0]
    if record is not None:
        payload["record"] = record.as_json()
    payload["credentialSubject"] = subject
    return payload


def status_node(entry: StatusEntry) -> JsonObject:
    """The `credentialStatus` of a credential."""
    return {
        "id": f"{entry.list_url}#{entry.index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": entry.purpose,
        "statusListIndex": str(entry.index),
        "statusListCredential": entry.list_url,
    }


def read_credential(secured: Securing, claims: JsonObject) -> Credential:
    """What was secured as a credential. `Refused("bad-credential")` says what is not as the standard asks."""
    older = is_vc11(secured)
    payload = vc11.document(claims) if older else claims
    issuer = payload.get("issuer")
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    if not isinstance(issuer_id, str) or not issuer_id:
        raise Refused("bad-credential", "no issuer")
    types = payload.get("type")
    if not isinstance(types, list) or not (older or "VerifiableCredential" in types):
        raise Refused("bad-credential", "type does not say VerifiableCredential")
    names = tuple(name for name in types if isinstance(name, str))
    if len(names) != len(types):  # VC Data Model 2.0 section 4.5; of 1.1 section 4.3
        raise Refused("bad-credential", "a type that is not a text")
    subject = vc11.one_subject(payload)
    if not isinstance(subject, dict) or not subject:
        raise Refused("bad-credential", "not exactly one subject")
    payload = {**payload, "credentialSubject": subject}
    _check_registered_claims(payload, issuer_id, subject)
    starts, ends = _window(secured, claims, payload)
    return Credential(
        securing=secured,
        payload=payload,
        issuer=Did(issuer_id),
        types=names,
        valid_from=max(starts, default=None),
        valid_until=min(ends, default=None),
        status=tuple(_status_entry(entry) for entry in _status_nodes(payload)),
        contradiction=vc11.contradiction(claims, subject, names),
    )


def parse_time(text: str) -> datetime:
    """An `xsd:dateTimeStamp`: a time that names its offset (VC Data Model 2.0 section 4.9). In UTC."""
    if not _DATE_TIME.fullmatch(text):
        raise Refused("bad-time", f"{text:.40} is not a date-time with offset")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # in UTC, it may lie beyond the calendar
        raise Refused("bad-time", f"{text:.40}: {error}") from error


def moment(seconds: float) -> datetime:
    """A NumericDate (RFC 7519 section 2) in UTC."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Refused("bad-time", f"a number that is no time: {error}") from error


def time_text(moment: datetime) -> str:
    """The same in the one form that we write: whole seconds, UTC, `Z`."""
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def context_problem(payload: JsonObject, secured: Securing, known: Collection[str]) -> str:
    """What is wrong with the contexts, or empty. Known ones only, the W3C's first, one of ours, none further inside."""
    if is_vc11(secured):
        stated = payload.get("vc")
        return vc11.context_problem(stated.get("@context")) if isinstance(stated, dict) else ""
    listed = payload.get("@context")
    if not isinstance(listed, list) or not listed or listed[0] != VC_CONTEXT:
        return f"@context does not begin with {VC_CONTEXT}"
    for context in listed[1:]:
        if not isinstance(context, str):
            return "an inline context"
        if context not in known:
            return f"unknown context {context:.120}"
    if len(listed) > _MOST_CONTEXTS or listed.count(VC_CONTEXT) > 1:
        return f"{len(listed)} contexts, where one version of one vocabulary is meant"
    # walking the whole document is slow; its octets tell when that is needed (an escape could hide the key)
    expected = 2 if isinstance(secured, Proof) and "@context" in secured.config else 1
    suspicious = secured.payload.count(b'@context"') > expected or b"\\u" in secured.payload
    if suspicious and any(_has_context(value) for value in payload.values()):
        return "a context inside the document"
    return ""


def _has_context(value: Json) -> bool:
    if isinstance(value, dict):
        return "@context" in value or any(_has_context(inner) for inner in value.values())
    return isinstance(value, list) and any(_has_context(inner) for inner in value)


def _check_registered_claims(payload: JsonObject, issuer: str, subject: JsonObject) -> None:
    # VC-JOSE-COSE section 3.1.3: `vc` and `vp` are not used; registered claims must not contradict the credential
    if "vc" in payload or "vp" in payload:
        raise Refused("bad-credential", "vc or vp claims are of an older form")
    if payload.get("iss", issuer) != issuer:
        raise Refused("bad-credential", "iss and issuer differ")
    if "sub" in payload and payload["sub"] != subject.get("id"):
        raise Refused("bad-credential", "sub and the subject's id differ")
    if "jti" in payload and payload["jti"] != payload.get("id"):
        raise Refused("bad-credential", "jti and id differ")


def _window(secured: Securing, claims: JsonObject, payload: JsonObject) -> tuple[list[datetime], list[datetime]]:
    """From when and until when it is good, as often as it says so: the narrowest counts.

    A proof may end before what it proves (Data Integrity 1.0 section 2.1), and so may a JWT (RFC 7519 section 4.1.4).
    """
    starts = [_time(payload, "validFrom"), _numeric(claims, "nbf")]
    ends = [_time(payload, "validUntil"), _numeric(claims, "exp")]
    if isinstance(secured, Proof):
        _time(secured.config, "created")
        ends.append(_time(secured.config, "expires"))
    return [one for one in starts if one is not None], [one for one in ends if one is not None]


def _time(payload: JsonObject, name: str) -> datetime | None:
    if name not in payload:
        return None
    text = payload[name]
    if not isinstance(text, str):
        raise Refused("bad-credential", f"{name} is not a text")
    return parse_time(text)


def _numeric(claims: JsonObject, name: str) -> datetime | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise Refused("bad-credential", f"{name} is not a number")
    return None if value is None else moment(value)


def _status_nodes(payload: JsonObject) -> list[Json]:
    nodes = payload.get("credentialStatus", [])
    listed: list[Json] = nodes if isinstance(nodes, list) else [nodes]
    if len(listed) > _MAX_STATUS_ENTRIES:
        raise Refused("bad-credential", f"more than {_MAX_STATUS_ENTRIES} status entries")
    return listed


def _status_entry(node: Json) -> StatusEntry:
    if not isinstance(node, dict):
        raise Refused("bad-credential", "a status entry that is no object")
    if (kind := _text(node, "type")) != "BitstringStatusListEntry":
        raise Unsupported("status-unsupported", f"a status by {kind:.40}, which this connector does not read")
    if (size := node.get("statusSize", 1)) != 1:
        # more than one bit could mean anything; none of our purposes has it (Bitstring Status List 1.0 section 2.1)
        if type(size) is not int or size < 1:
            raise Refused("bad-credential", "statusSize is no number of bits")
        raise Unsupported("status-unsupported", "a status of more than one bit, which this connector does not read")
    # a text (Bitstring Status List 1.0 section 2.1); Eclipse's issuer writes the number
    index = str(node.get("statusListIndex"))
    if not _DIGITS.fullmatch(index):
        raise Refused("bad-credential", f"statusListIndex {index:.20}")
    return StatusEntry(
        purpose=_text(node, "statusPurpose"), index=int(index), list_url=_text(node, "statusListCredential")
    )


def _text(node: JsonObject, name: str) -> str:
    value = node.get(name)
    if not isinstance(value, str):
        raise Refused("bad-credential", f"{name} is not a text")
    return value


def parse_credential(octets: bytes, *, selective: bool = False) -> Credential:
    """Octets to `Credential`, nothing verified. `selective`: also of an SD-JWT, as far as it is shown."""
    secured = open_secured(octets, CREDENTIAL_LIMIT_BYTES, selective=selective)
    return read_credential(secured, secured.claims())
