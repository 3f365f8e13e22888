"""The messages of a presentation query (DCP 1.0.1 section 5.4): which credentials are asked for, and the answer.

DCP says `type` and `id` where DSP says `@type` and `@id`; an Eclipse EDC says `@type` here too, which in JSON-LD is no
other thing. Scopes are `alias:discriminator`; real peers add a third part, `read`, and both are taken. Checking what is
in an answer is left to `presentation` and `verify`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from connector.errors import BadMessage, NotAllowed
from connector.model import Json, JsonObject

DCP_CONTEXT = "https://w3id.org/dspace-dcp/v1.0/dcp.jsonld"
PROFILES = ("vc20-bssl/jwt", "vc11-sl2021/jwt")
"""What is read and shown (appendix A)."""
MAX_SCOPES = 16
MAX_PRESENTATIONS = 16

_TYPE_ALIAS = "org.eclipse.dspace.dcp.vc.type"
_OLDER_TYPE_ALIAS = "org.eclipse.edc.vc.type"
"""From before DCP 1.0. An Eclipse IdentityHub 0.15 answers no other."""
_ALIASES: dict[str, Literal["type", "id"]] = {
    _TYPE_ALIAS: "type",
    _OLDER_TYPE_ALIAS: "type",
    "org.eclipse.dspace.dcp.vc.id": "id",
}
_ACTIONS = frozenset({"read", "*", "all"})
_LONGEST_SCOPE = 512
_MOST_SCOPES_BYTES = 3072
"""In one access token: it is encoded twice, and goes out in a header. Many servers take 8 KiB of headers."""


class UnsupportedQuery(BadMessage):
    """A presentation definition was sent; this connector answers scopes."""

    code = "presentation-definition-unsupported"


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


def in_older_words(scopes: Sequence[str]) -> list[str]:
    """The same scopes for a credential service that does not know the alias of DCP 1.0."""
    return [scope.replace(_TYPE_ALIAS, _OLDER_TYPE_ALIAS, 1) for scope in scopes]


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


def check_granted(asked: Sequence[Scope], allowed: Sequence[str]) -> None:
    """Who asks for more than the access token allows is not authorised for the request (section 5.4): `NotAllowed`."""
    known = {parse_scope(text) for text in allowed}
    beyond = [str(scope) for scope in asked if scope not in known]
    if beyond:
        raise NotAllowed(f"the access token does not allow {', '.join(beyond)}")


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
