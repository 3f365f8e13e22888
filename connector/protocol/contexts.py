"""What a message's `@context` may be, and which prefixes mean something in a message.

DSP's contexts are made so that compact JSON-LD is plain JSON, and so it is read; nothing is fetched. Others may stand
beside the protocol's: addresses are passed over, and an object may bind prefixes, as Tractus-X's does in each message.
A prefix that we know has to mean there what it means here; whatever else an object says is refused, because we would
not heed it (DSP 2025-1 wants addresses alone there; JSON-LD 1.1, 9.15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator

from connector.policy.operands import ODRL
from connector.protocol.catalog_query import EDC

DSP_CONTEXT: Final = "https://w3id.org/dspace/2025/1/context.jsonld"
_OF_DSP: Final = "odrl"
PREFIXES: Final[Mapping[str, str]] = {
    _OF_DSP: ODRL,
    "edc": EDC,
    "cx-policy": "https://w3id.org/catenax/policy/",
    "tx": "https://w3id.org/tractusx/v0.0.1/ns/",
    "tx-auth": "https://w3id.org/tractusx/auth/",
}
"""DSP's own context has the first, so a JSON-LD processor sends ODRL's names back shortened. The others are of contexts
that an EDC and a Tractus-X connector name beside it: they write their companies' operands with them."""
_Bound = dict[str, str]


def _names_the_protocol(context: tuple[str | _Bound, ...]) -> tuple[str | _Bound, ...]:
    if DSP_CONTEXT not in context:
        raise ValueError(f"{DSP_CONTEXT} is expected among them")
    for bound in context:
        for prefix, means in bound.items() if isinstance(bound, dict) else ():
            if not means.endswith(("/", "#")) or ":" not in means or prefix.startswith("@"):
                raise ValueError(f"{prefix:.60}: an object may bind prefixes to addresses, and nothing else")
            if PREFIXES.get(prefix, means) != means:
                raise ValueError(f"{prefix}: {PREFIXES[prefix]} is meant by it")
    return context


Context = Annotated[tuple[str | _Bound, ...], AfterValidator(_names_the_protocol)]


def whole(name: str) -> str:
    """A name whose prefix is known, as the IRI that it stands for."""
    prefix, colon, rest = name.partition(":")
    known = PREFIXES.get(prefix) if colon else None
    return name if known is None else known + rest


def sent(name: str) -> str:
    """A name as it may stand in a message of ours, which names DSP's context and no other."""
    return name if name.startswith(f"{_OF_DSP}:") else whole(name)
