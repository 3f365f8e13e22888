"""What a message's `@context` may be, and which prefixes mean something in a message.

DSP's contexts are made so that compact JSON-LD is plain JSON, and so it is read; nothing is fetched. Others may stand
beside the protocol's: an object may bind prefixes, as Tractus-X's does in each message, and of addresses that of
Catena-X's policies is heeded (`policy.names`), the others are passed over. A prefix that we know has to mean
there what it means here; whatever else an object says is refused, because we would not heed it (DSP 2025-1 wants
addresses alone there; JSON-LD 1.1, 9.15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator

from connector.model import Json, JsonObject
from connector.policy.names import bindings, in_full
from connector.policy.operands import CATENA_X, CATENA_X_2025_9, ODRL, TRACTUS_X
from connector.protocol.catalog_query import EDC

DSP_CONTEXT: Final = "https://w3id.org/dspace/2025/1/context.jsonld"
_OF_DSP: Final = "odrl"
PREFIXES: Final[Mapping[str, str]] = {
    _OF_DSP: ODRL,
    "edc": EDC,
    "cx-policy": CATENA_X,
    "tx": TRACTUS_X,
    "tx-auth": "https://w3id.org/tractusx/auth/",
}
"""DSP's own context has the first, so a JSON-LD processor sends ODRL's names back shortened. The others are of contexts
that an EDC and a Tractus-X connector name beside it: they write their companies' operands with them."""
_TWO_MEANINGS: Final = {"cx-policy": CATENA_X_2025_9}
_NAMES: Final = frozenset({"leftOperand", "action"})
_Bound = dict[str, str]


def _names_the_protocol(context: tuple[str | _Bound, ...]) -> tuple[str | _Bound, ...]:
    if DSP_CONTEXT not in context:
        raise ValueError(f"{DSP_CONTEXT} is expected among them")
    for bound in context:
        for prefix, means in bound.items() if isinstance(bound, dict) else ():
            if not means.endswith(("/", "#")) or ":" not in means or prefix.startswith("@"):
                raise ValueError(f"{prefix:.60}: an object may bind prefixes to addresses, and nothing else")
            if means not in {PREFIXES.get(prefix, means), _TWO_MEANINGS.get(prefix)}:
                raise ValueError(f"{prefix}: {PREFIXES[prefix]} is meant by it")
    return context


Context = Annotated[tuple[str | _Bound, ...], AfterValidator(_names_the_protocol)]


def with_full_names(message: JsonObject) -> JsonObject:
    """The message, the names in its policies in full, where its contexts say more of them than is known here."""
    bound = {
        prefix: means
        for prefix, means in bindings(message.get("@context")).items()
        if means != PREFIXES.get(prefix) and prefix != _OF_DSP
    }
    return {name: _named(name, value, bound) for name, value in message.items()} if bound else message


def _named(key: str, value: Json, bound: _Bound) -> Json:
    if key in _NAMES and isinstance(value, str):
        return in_full(value, bound)
    if isinstance(value, list):
        return [_named("", item, bound) for item in value]
    if isinstance(value, dict) and key not in {"@context", "rightOperand"}:
        return {name: _named(name, item, bound) for name, item in value.items()}
    return value


def whole(name: str) -> str:
    """A name whose prefix is known, as the IRI that it stands for."""
    prefix, colon, rest = name.partition(":")
    known = PREFIXES.get(prefix) if colon else None
    return name if known is None else known + rest


def sent(name: str) -> str:
    """A name as it may stand in a message of ours, which names DSP's context and no other."""
    return name if name.startswith(f"{_OF_DSP}:") else whole(name)
