"""The words of another dataspace for one type of credential that we issue in it: by name alone, as the configuration
gives them (`config.Issue`).

Its context is named and not known here, so such a credential is of VC Data Model 1.1, which is read by name
(`credentials.vc11`). Closed as our own types are: its subject says each of the names, but those with `?` at their end
only if it likes to, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.model import AccessClass, Finding, JsonObject, Level, Place
from connector.vocabulary.views import HEAD, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What `bundle.Bundle` is for our own types, as far as issuing needs it."""

    context_url: str
    credential_type: str
    terms: tuple[str, ...]

    @property
    def record_types(self) -> Mapping[str, tuple[str, ...]]:
        """The one type."""
        return {self.credential_type: ()}

    def check(self, record_type: str, subject: JsonObject) -> list[Finding]:
        """What is wrong with a subject."""
        needed = {name.removesuffix("?"): not name.endswith("?") for name in self.terms}
        listed = ", ".join(name if always else f"{name} (may be left out)" for name, always in needed.items())
        hint = f"a {record_type} says {listed}, and nothing else"
        asked = [name for name, is_needed in needed.items() if is_needed or name in subject]
        wrong = [
            *((name, "unknown-term", "is not known here") for name in subject if name not in {*needed, *HEAD}),
            *((name, "term-missing", "has to be a text") for name in asked if not _is_said(subject.get(name))),
        ]
        return [
            Finding(code=code, message=f"{name} {says}", hint=hint, term=name, place=Place(column=f"$.{name}"))
            for name, code, says in wrong
        ]

    def split(self, _: str, subject: JsonObject, *, model_id: str = "") -> dict[Part, JsonObject]:  # noqa: ARG002 - as a bundle's
        """One credential, kept as those about parties are; without our word for what a subject is."""
        return {(AccessClass.B2B, Level.ITEM): {name: value for name, value in subject.items() if name != "type"}}


def _is_said(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()
