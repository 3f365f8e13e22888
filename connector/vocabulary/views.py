"""Who may see what: the classes of an audience, and a subject's terms by class and level.

The classes form a lattice (Battery Regulation, Article 77(2)): an audience is a set of classes, and nothing here
compares two classes. Whether a caller belongs to an audience is a policy's decision, not ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from connector.errors import BadInput
from connector.model import AccessClass, Json, JsonObject, Level
from connector.vocabulary.terms import MODEL_ID, MODEL_OF, Terms

Part = tuple[AccessClass, Level]
"""The values that one credential holds: one access class, one level."""


class Audience(StrEnum):
    """For whom a view is made."""

    PUBLIC = "public"
    LEGITIMATE_INTEREST = "legitimate-interest"
    AUTHORITY = "authority"
    B2B = "b2b"
    AUDITOR = "auditor"


_CLASSES: dict[Audience, frozenset[AccessClass]] = {
    Audience.PUBLIC: frozenset({AccessClass.PUBLIC}),
    Audience.LEGITIMATE_INTEREST: frozenset(
        {AccessClass.PUBLIC, AccessClass.LEGITIMATE_INTEREST, AccessClass.INTEREST_AND_AUTHORITY}
    ),
    Audience.AUTHORITY: frozenset({AccessClass.PUBLIC, AccessClass.AUTHORITY, AccessClass.INTEREST_AND_AUTHORITY}),
    Audience.B2B: frozenset({AccessClass.PUBLIC, AccessClass.B2B}),
}


def audience_classes(audience: Audience, granted: Iterable[AccessClass] = ()) -> frozenset[AccessClass]:
    """The classes that an audience may see; an auditor's are those that the mandate grants, and no others."""
    if audience is Audience.AUDITOR:
        return frozenset(granted)
    return _CLASSES[audience]


def split(terms: Terms, record_type: str, subject: JsonObject, *, model_id: str = "") -> dict[Part, JsonObject]:
    """The subject's parts, each ready to be a `credentialSubject`. Every term is in exactly one part.

    A part of level `model` is about the model: it carries the model's class and id, `model_id` or else the one that the
    subject names.
    """
    subject_class, subject_id = subject.get("type"), subject.get("id")
    if not isinstance(subject_class, str) or not isinstance(subject_id, str):
        raise BadInput(f"the subject of a {record_type} needs one id and one type")
    parts: dict[Part, dict[str, Json]] = {}
    for name, value in subject.items():
        if name not in {"id", "type"}:
            part = (
                terms.access_class(subject_class, name, record_type),
                terms.level(subject_class, name, record_type),
            )
            parts.setdefault(part, {})[name] = value
    return {
        part: {**_head(record_type, subject, part[1], model_id), **parts[part]}
        for part in ((access, level) for access in AccessClass for level in Level)
        if part in parts
    }


def _head(record_type: str, subject: JsonObject, level: Level, model_id: str) -> JsonObject:
    """Id and class of what the part is about."""
    subject_class = subject["type"]
    assert isinstance(subject_class, str)
    if level is not Level.MODEL or subject_class not in MODEL_OF:
        return {"id": subject["id"], "type": subject_class}
    model = model_id or subject.get(MODEL_ID[subject_class])
    if not isinstance(model, str):
        raise BadInput(f"a {record_type} with values of its model needs {MODEL_ID[subject_class]!r}")
    return {"id": model, "type": MODEL_OF[subject_class]}
