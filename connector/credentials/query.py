"""The messages of a presentation query (DCP 1.0.1 section 5.4): which credentials are asked for, and the answer.

DCP says `type` and `id` where DSP says `@type` and `@id`; an Eclipse EDC says `@type` here too, which in JSON-LD is no
other thing. Scopes are `alias:discriminator`; real peers add a third part, `read`, and both are taken. Checking what is
in an answer is left to `presentation` and `verify`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from connector.errors import BadMessage, NotAllowed
from connector.model import Json, JsonObject

DCP_CONTEXT = "https://w3id.org/dspace-dcp/v1.0/dcp.jsonld"
PROFILES = ("vc20-bssl/jwt", "vc11-sl2021/jwt")
"""What is read and shown (appendix A)."""
MAX_SCOPES = 16
MAX_PRESENTATIONS = 16

_TYPE_ALIAS = "org.eclipse.dspace.dcp.vc.type"
_OTHER_TYPE_ALIASES = ("org.eclipse.edc.vc.type", "org.eclipse.tractusx.vc.type")
"""From before DCP 1.0, which an Eclipse IdentityHub 0.15 answers alone; and Catena-X's, as its wallets do."""
_ALIASES: dict[str, Literal["type", "id"]] = {
    _TYPE_ALIAS: "type",
    **dict.fromkeys(_OTHER_TYPE_ALIASES, "type"),
    "org.eclipse.dspace.dcp.vc.id": "id",
}
_ACTIONS = frozenset({"read", "*", "all"})
_LONGEST_SCOPE = 512
_MOST_SCOPES_BYTES = 3072
"""In one access token: it is encoded twice, and goes out in a header. Many servers take 8 KiB of headers."""


class UnsupportedQuery(BadMessage):
    """A presentation definition was sent; this connector answers scopes."""

    code = "presentation-definition-unsupported"


Scoped: TypeAlias = tuple[Sequence[str], str | None]
"""Of a credential: its types, its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One kind of credential, by type or by id."""

    kind: Literal["type", "id"]
    value: str

    def __str__(self) -> str:
        return f"org.eclipse.dspace.dcp.vc.{self.kind}:{self.value}:read"

    def covers(self, *, types: Iterable[str], credential_id: str | None) -> bool:
        """Whether a credential of these types and this id is what the scope means."""
        return self.value in types if self.kind == "type" else self.value == credential_id


def type_scope(credential_type: str) -> str:
    """The scope that asks for credentials of a type."""
    return str(Scope(kind="type", value=credential_type))


@lru_cache(maxsize=16)
def type_scopes(types: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes for these types, the first ones where there are too many. A type that no scope can name has none.

    Asked for with every message, and hardly ever for other types than before.
    """
    found, size = list[str](), 0
    for scope in dict.fromkeys(map(type_scope, types)):
        try:
            parse_scope(scope)
        except BadMessage:  # a type that is an address, or very long
            continue
        size += len(scope.encode())
        if size > _MOST_SCOPES_BYTES:
            break
        found.append(scope)
    return tuple(sorted(found))


def in_other_words(scopes: Sequence[str]) -> list[list[str]]:
    """The same scopes for a credential service that knows another alias than DCP 1.0, a list for each of them."""
    return [[scope.replace(_TYPE_ALIAS, alias, 1) for scope in scopes] for alias in _OTHER_TYPE_ALIASES]


def parse_scope(text: str) -> Scope:
    """Read a scope of two or three parts. `BadMessage` for any other."""
    alias, _, rest = text.partition(":")
    kind = _ALIASES.get(alias)
    if kind is None or len(text) > _LONGEST_SCOPE:
        raise BadMessage(f"unknown scope {text:.120}", hint="org.eclipse.dspace.dcp.vc.type:<Type>:read")
    value, colon, action = rest.rpartition(":")
    if not colon or action not in _ACTIONS:
        value = rest
    # an id may hold colons itself; in a type one would stand before an action that we do not give
    if not value or (kind == "type" and ":" in value):
        raise BadMessage(f"scope {text:.120}: one type or id, to read")
    return Scope(kind=kind, value=value)


def granted(asked: Sequence[Scope], allowed: Sequence[str], held: Sequence[Scoped]) -> tuple[Scope, ...]:
    """The scopes that the access token allows, of those that are asked for.

    Who asks for more of what is held is not authorised for the request (section 5.4): `NotAllowed`. A scope that
    nothing held fits keeps nothing from anybody, so it is passed over: a Catena-X connector asks for a credential of
    each operand in a policy, also where there is none of that kind.
    """
    known = {parse_scope(text) for text in allowed}
    beyond = [scope for scope in asked if scope not in known]
    if kept_back := [str(scope) for scope in beyond if any(scope.covers(types=t, credential_id=i) for t, i in held)]:
        raise NotAllowed(f"the access token does not allow {', '.join(kept_back)}")
    return tuple(scope for scope in asked if scope in known)


def query_message(scopes: Sequence[str]) -> JsonObject:
    """A PresentationQueryMessage."""
    return {"@context": [DCP_CONTEXT], "type": "PresentationQueryMessage", "scope": list(scopes)}


def read_query(message: Json) -> tuple[Scope, ...]:
    """The scopes of a PresentationQueryMessage. `UnsupportedQuery` for a presentation definition (section 5.4.1)."""
    body = message_of(message, "PresentationQueryMessage")
    if "presentationDefinition" in body:
        if "scope" in body or not body["presentationDefinition"]:
            raise BadMessage("scope and presentationDefinition exclude each other, and neither may be empty")
        raise UnsupportedQuery
    scopes = body.get("scope")
    if not isinstance(scopes, list) or not 0 < len(scopes) <= MAX_SCOPES:
        raise BadMessage(f"scope must be a list of 1 to {MAX_SCOPES} texts")
    return tuple(dict.fromkeys(parse_scope(_text(scope, "scope")) for scope in scopes))


def response_message(presentations: Sequence[str]) -> JsonObject:
    """A PresentationResponseMessage."""
    return {
        "@context": [DCP_CONTEXT],
        "type": "PresentationResponseMessage",
        "presentation": list(presentations),
    }


def read_response(message: Json) -> tuple[str, ...]:
    """The presentations of a PresentationResponseMessage, as JWT texts. Other forms are refused."""
    body = message_of(message, "PresentationResponseMessage")
    presentations = body.get("presentation")
    if not isinstance(presentations, list) or len(presentations) > MAX_PRESENTATIONS:
        raise BadMessage(f"presentation must be a list of at most {MAX_PRESENTATIONS}")
    return tuple(_text(presentation, "presentation") for presentation in presentations)


def message_of(message: Json, kind: str) -> JsonObject:
    """A DCP message of this type, as an object."""
    if not isinstance(message, dict) or message.get("type", message.get("@type")) != kind:
        raise BadMessage(f"not a {kind}")
    contexts = message.get("@context")
    if not isinstance(contexts, list) or DCP_CONTEXT not in contexts:
        raise BadMessage(f"@context must be a list with {DCP_CONTEXT}")
    return message


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise BadMessage(f"{name} holds something that is not a text", hint=f"profiles {', '.join(PROFILES)}")
    return value
