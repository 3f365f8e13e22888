"""What two answers have in common that were given on different days."""

from __future__ import annotations

from typing import Any


def outline(value: Any) -> Any:
    """The names in it, ids left out; of lists the first member's."""
    if isinstance(value, list):
        return [outline(one) for one in value[:1]]
    if isinstance(value, dict):
        return {"an id" if name.startswith(("urn:", "did:")) else name: outline(one) for name, one in value.items()}
    return None
