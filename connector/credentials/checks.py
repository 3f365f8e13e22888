"""The ten checks of a credential: their numbers, names and sections, by its form; and the one word that they come to.

One that is shown in part (SD-JWT) has two more.

How each is made is `verify`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from connector.credentials.status import Outcome, Result
from connector.model import JsonObject

Form = Literal["vc+jwt", "proof", "vc11", "vc+sd-jwt"]
"""An envelope, a proof inside, a JWT of VC Data Model 1.1, or an envelope with disclosures."""
_STEPS = {
    "envelope": (1, "VC-JOSE-COSE 3.1"),
    "algorithm": (2, "RFC 8725 3.1"),
    "contexts": (3, "VC Data Model 2.0, 4.3"),
    "data-model": (4, "VC Data Model 2.0, 4"),
    "key": (5, "Controlled Identifiers 1.0, 3.3"),
    "signature": (6, "RFC 7515, 5.2"),
    "validity": (7, "VC Data Model 2.0, 4.9"),
    "status": (8, "Bitstring Status List 1.0, 3.2"),
    "trust": (9, "DCP 1.0.1, 5.4.3"),
    "shape": (10, "VC Data Model 2.0, 4.11"),
}

_OTHER_STEPS: Mapping[Form, Mapping[str, tuple[int, str]]] = {
    "vc+jwt": {},
    "proof": {
        "envelope": (1, "VC Data Integrity 1.0, 2.1"),
        "algorithm": (2, "VC Data Integrity 1.0, 3.1"),
        "signature": (6, "VC Data Integrity 1.0, 4.4"),
    },
    "vc11": {
        "envelope": (1, "VC Data Model 1.1, 6.3.1"),
        "contexts": (3, "VC Data Model 1.1, 4.1"),
        "data-model": (4, "VC Data Model 1.1, 4 and 6.3.1"),
        "validity": (7, "VC Data Model 1.1, 4.6"),
    },
    "vc+sd-jwt": {
        "envelope": (1, "VC-JOSE-COSE 3.2"),
        "disclosures": (11, "RFC 9901, 7.1"),
        "key-binding": (12, "RFC 9901, 7.3"),
    },
}
"""Where the checks of a form follow another section."""

_WORDS = {
    "envelope": "bad-signature",
    "algorithm": "bad-signature",
    "contexts": "context-error",
    "data-model": "schema-error",
    "key": "bad-signature",
    "signature": "bad-signature",
    "validity": "expired-at-event-time",
    "status": "schema-error",
    "trust": "issuer-not-anchored",
    "shape": "schema-error",
    "disclosures": "bad-signature",
    "key-binding": "bad-signature",
}
"""The audit's word for a failed check; a revoked or suspended credential gives its own."""

_FIRST_THAT_APPLIES = (
    "unchecked",
    "bad-signature",
    "context-error",
    "schema-error",
    "issuer-not-anchored",
    "revoked",
    "suspended",
    "expired-at-event-time",
)

PASSED = Result("passed")
_SKIPPED = Result("skipped", "", "rests on a check that did not pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One numbered check."""

    step: int
    name: str
    outcome: Outcome
    code: str
    detail: str
    spec: str

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {
            "step": self.step,
            "name": self.name,
            "outcome": self.outcome,
            "code": self.code,
            "detail": self.detail,
            "spec": self.spec,
        }


def made(book: Mapping[str, Result], form: Form) -> tuple[Check, ...]:
    """The checks in their order, with what came of each; what is not in the book rests on one that did not pass."""
    return tuple(
        clean if (found := book.get(clean.name, _SKIPPED)) is PASSED else _check(clean, found) for clean in _CLEAN[form]
    )


def outcome_of(checks: Iterable[Check]) -> str:
    """The one word of an audit node, the first that applies (DECISIONS: outcomes)."""
    words = {_word(check) for check in checks}
    return next((word for word in _FIRST_THAT_APPLIES if word in words), "verified")


def _check(clean: Check, result: Result) -> Check:
    return Check(
        step=clean.step, name=clean.name, outcome=result.outcome, code=result.code, detail=result.detail,
        spec=clean.spec,
    )  # fmt: skip


def _word(check: Check) -> str:
    if check.outcome == "unchecked":
        return "unchecked"
    if check.outcome != "failed":
        return "verified"
    return check.code if check.code in {"revoked", "suspended"} else _WORDS[check.name]


_CLEAN: Mapping[Form, tuple[Check, ...]] = {
    form: tuple(
        Check(step=step, name=name, outcome="passed", code="", detail="", spec=spec)
        for name, (step, spec) in {**_STEPS, **other}.items()
    )
    for form, other in _OTHER_STEPS.items()
}
"""The checks that passed without more to say, made once for each form."""
