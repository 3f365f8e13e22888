"""Who may see what: the classes of an audience, the view of a record, and a subject's terms by class and level.

The classes form a lattice (Battery Regulation, Article 77(2)): an audience is a set of classes, and nothing here
compares two classes. A legitimate interest holds for a purpose and for the item that it is shown for; what an auditor
sees is what the mandate grants. Whether a caller belongs to an audience is a policy's decision, not ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connector.errors import BadInput
from connector.model import AccessClass, Json, JsonObject, Level
from connector.vocabulary.terms import MODEL_ID, MODEL_OF, Terms

Part = tuple[AccessClass, Level]
"""The values that one credential holds: one access class, one level."""
HEAD: Final = frozenset({"id", "type"})
"""What a subject is; every part says it."""
STATUS: Final = "passportStatus"
ENDED: Final = "ceased"
"""The status of a passport that has ended: nothing else of it is shown (Art. 77(8))."""


class Audience(StrEnum):
    """For whom a view is made."""

    PUBLIC = "public"
    LEGITIMATE_INTEREST = "legitimate-interest"
    AUTHORITY = "authority"
    B2B = "b2b"
    AUDITOR = "auditor"


EVERYBODY: Final = frozenset({AccessClass.PUBLIC})
_CLASSES: dict[Audience, frozenset[AccessClass]] = {
    Audience.PUBLIC: EVERYBODY,
    Audience.LEGITIMATE_INTEREST: frozenset(
        {AccessClass.PUBLIC, AccessClass.LEGITIMATE_INTEREST, AccessClass.INTEREST_AND_AUTHORITY}
    ),
    Audience.AUTHORITY: frozenset({AccessClass.PUBLIC, AccessClass.AUTHORITY, AccessClass.INTEREST_AND_AUTHORITY}),
    Audience.B2B: frozenset({AccessClass.PUBLIC, AccessClass.B2B}),
}
INTERESTS: Final = frozenset({"repair", "reuse", "repurposing", "remanufacturing", "recycling", "purchase"})
"""Purposes for which an interest is legitimate (Art. 77(2)(c)); words of the code list `Purpose`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a mandate, or the proof of an interest, is good for. None: it does not limit that.

    `items`: ids and numbers of the things that it names.
    """

    classes: frozenset[AccessClass] | None = None
    purposes: frozenset[str] | None = None
    items: frozenset[str] | None = None

    def covers(self, purpose: str, item: Collection[str]) -> bool:
        """Whether this purpose and the thing with these ids and numbers are within it. No purpose is within any."""
        return (self.purposes is None or not purpose or purpose in self.purposes) and (
            self.items is None or not self.items.isdisjoint(item)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A value of a view, with its class and level. `about`: the class of the thing that it is said of."""

    about: str
    term: str
    access: AccessClass
    level: Level
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an audience sees of a record, and the classes of which it holds something that they do not see."""

    record_type: str
    classes: frozenset[AccessClass]
    values: tuple[Shown, ...]
    withheld: frozenset[AccessClass]
    ended: bool


def audience_classes(
    audience: Audience, scope: Scope | None = None, *, purpose: str = "", item: Collection[str] = ()
) -> frozenset[AccessClass]:
    """The classes that an audience may see of the thing with these ids and numbers, for a purpose.

    Without a scope, an interest is taken to be shown for this very item; an auditor without a mandate sees nothing.
    """
    scope = scope or Scope()
    if audience is Audience.AUDITOR:
        return (scope.classes or frozenset()) if scope.covers(purpose, item) else frozenset()
    if not scope.covers(purpose, item):
        return EVERYBODY
    purposes = {purpose} if purpose else scope.purposes
    if audience is Audience.LEGITIMATE_INTEREST and purposes is not None and INTERESTS.isdisjoint(purposes):
        return EVERYBODY
    classes = _CLASSES[audience]
    return classes if scope.classes is None else EVERYBODY | (classes & scope.classes)


def view(terms: Terms, record_type: str, subjects: Iterable[JsonObject], classes: frozenset[AccessClass]) -> View:
    """The record as whoever may see these classes gets it. `subjects`: the whole, or what each credential holds."""
    values = [value for subject in subjects for value in _values(terms, record_type, subject)]
    ended = any(one.term == STATUS and one.value == ENDED for one in values)
    told = [one for one in values if not ended or one.term == STATUS]
    return View(
        record_type=record_type, classes=classes, ended=ended,
        values=tuple(one for one in told if one.access in classes),
        withheld=frozenset(one.access for one in told) - classes,
    )  # fmt: skip


def _values(terms: Terms, record_type: str, subject: JsonObject) -> Iterator[Shown]:
    subject_class = str(subject.get("type"))
    for name, value in subject.items():
        if name not in HEAD:
            access, level = terms.part(subject_class, name, record_type)
            yield Shown(about=subject_class, term=name, access=access, level=level, value=value)


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
        if name not in HEAD:
            parts.setdefault(terms.part(subject_class, name, record_type), {})[name] = value
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
