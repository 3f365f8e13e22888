"""What operands are called: our own short names, IRIs, and names that the contexts of a document shorten.

The table of operands is `operands`'; contexts are read as far as they bind prefixes to addresses, nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from connector.model import Json
from connector.policy.operands import CATENA_X_2025_9, OPERANDS, Operand, find_operand

_OWN: Final = [name for name in OPERANDS if "/" not in name]
_NEAREST: Final = {name.lower(): name for name in _OWN} | {
    "frameworkagreement": "cx-policy:FrameworkAgreement", "usagepurpose": "cx-policy:UsagePurpose",
    "businesspartnernumber": "cx-policy:BusinessPartnerNumber", "datausageenddate": "dateTime",
    "businesspartnergroup": "cx-policy:BusinessPartnerNumber",
}  # fmt: skip
"""What may be meant by a name; a group of partners is a list that its owner keeps, so nobody could decide it here."""
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_CONTEXT_2025_9: Final = CATENA_X_2025_9 + "context.jsonld"


def operand_in(value: Json, bound: Mapping[str, str] = _NOTHING) -> Operand | None:
    """The left operand of a constraint, however written. `bound`: what the document's contexts say (`bindings`)."""
    written = value.get("@id") if isinstance(value, dict) else value
    return find_operand(in_full(written, bound)) if isinstance(written, str) else None


def bindings(context: Json) -> dict[str, str]:
    """What a document's contexts say of names, as far as it is known: prefixes (JSON-LD 1.1, 9.15), and under an empty
    one the names of Catena-X that its context has since 25.09 without any.
    """
    bound: dict[str, str] = {}
    for one in context if isinstance(context, list) else [context]:
        if one == _CONTEXT_2025_9:
            bound |= {"": CATENA_X_2025_9, "cx-policy": CATENA_X_2025_9}
        elif isinstance(one, dict):
            bound |= {prefix: means for prefix, means in one.items() if prefix and isinstance(means, str)}
    return bound


def in_full(name: str, bound: Mapping[str, str]) -> str:
    """A name in full: its prefix bound; or without one, begun as those of Catena-X are and ours are not."""
    prefix, colon, rest = name.partition(":")
    if colon:
        return bound[prefix] + rest if prefix in bound and not rest.startswith("//") else name
    return bound.get("", "") + name if name[:1].isupper() else name


def meant(written: Json) -> str:
    """What is known, as a hint: first the operand that another profile's name may stand for."""
    written = written.get("@id") if isinstance(written, dict) else written
    name = re.split("[:#/]", written)[-1].lower() if isinstance(written, str) else ""
    near = [_NEAREST[one] for one in ([name] if name in _NEAREST else get_close_matches(name, _NEAREST, n=1))]
    return (f'Did you mean "{near[0]}"? ' if near else "") + "Known: " + ", ".join(_OWN) + "."
