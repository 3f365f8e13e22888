"""What a catalogue request asks for: which datasets, how many, from where on.

DSP 2025-1 leaves `filter` open. Read is what a real EDC sends, a `QuerySpec` with `limit`, `offset` and
`filterExpression`, as far as it can be answered exactly: `=` and `in` on a dataset's id, name and record types, `like`
on its name. Anything else is refused (400, DSP 2025-1, 6.1): a filter that is passed over gives a wrong answer. The
same terms, written `name=Lots` or `name~Lots%`, are what people type. Where a page begins is sealed into its link: what
the order of datasets rests on is nobody else's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from connector.credentials import base64url
from connector.credentials.refused import Refused
from connector.errors import BadInput, BadMessage
from connector.model import Json, JsonObject
from connector.vocabulary.terms import NAMESPACE

EDC: Final = "https://w3id.org/edc/v0.0.1/ns/"
RECORD_TYPE: Final = f"{NAMESPACE}recordType"
PAGE: Final = 100
"""Datasets on a page, at most."""
_MAX_SKIP: Final = 10_000_000
_MAX_VALUES: Final = 100
_MAX_TEXT: Final = 4096
_MAX_PATTERN: Final = 256
_FIELDS: Final[Mapping[str, str]] = {
    "id": "id", "@id": "id", "edc:id": "id", f"{EDC}id": "id",
    "name": "name", "edc:name": "name", f"{EDC}name": "name",
    "dct:title": "name", "http://purl.org/dc/terms/title": "name",
    "recordType": "recordType", RECORD_TYPE: "recordType",
}  # fmt: skip
_WIRE: Final = {"id": f"{EDC}id", "name": f"{EDC}name", "recordType": RECORD_TYPE}
_TERM: Final = re.compile(r"(id|name|recordType)(=|~)(.+)", re.DOTALL)
_GLOB: Final = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_QUERY_KEYS: Final = frozenset({"@type", "@context", "limit", "offset", "filterExpression", "sortOrder", "sortField"})
_KNOWN: Final = "Known: = and in on id, name and recordType; like on name."


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which datasets: whatever is not None has to hold. `name_like`: `%` is anything, `_` one character."""

    ids: frozenset[str] | None = None
    names: frozenset[str] | None = None
    record_types: frozenset[str] | None = None
    name_like: str | None = None

    @property
    def name_glob(self) -> str | None:
        """`name_like` as a pattern of GLOB and `fnmatchcase`."""
        return None if self.name_like is None else "".join(_GLOB.get(one, one) for one in self.name_like)

    def fits(self, dataset_id: str, name: str, record_types: Iterable[str]) -> bool:
        """Whether a dataset is one of them."""
        glob = self.name_glob
        return (
            (self.ids is None or dataset_id in self.ids)
            and (self.names is None or name in self.names)
            and (self.record_types is None or not self.record_types.isdisjoint(record_types))
            and (glob is None or fnmatchcase(name, glob))
        )


EVERYTHING: Final = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page begins: behind this dataset of this policy, or before it. Without dataset: at the policy's edge."""

    policy: str = ""
    dataset: str = ""
    backwards: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A page of what is wanted. `skip` counts from the beginning, so it stands without `place`."""

    wanted: Selection = EVERYTHING
    limit: int = PAGE
    skip: int = 0
    place: Place | None = None


# --- the wire --------------------------------------------------------------------------------------------------------


def read_filter(filters: Sequence[Json]) -> Query:
    """The query of a request's `filter`. `BadMessage`: it asks for something that can't be answered."""
    specs = [spec for spec in filters if spec != {}]
    if not specs:
        return Query()
    spec = specs[0]
    if len(specs) > 1 or not isinstance(spec, dict) or _local(spec.get("@type")) != "QuerySpec":
        raise _refused("filter: one QuerySpec is expected")
    named = {_local(key): value for key, value in spec.items()}
    if named.keys() - _QUERY_KEYS or _value(named.get("sortField")) or _value(named.get("sortOrder", "ASC")) != "ASC":
        raise _refused("filter: datasets come in an order of their own", "leave sortField and sortOrder out")
    return Query(
        wanted=_wanted(_list(named.get("filterExpression"))),
        limit=min(_count(named, "limit", PAGE, least=1), PAGE),
        skip=_count(named, "offset", 0, least=0),
    )


def filter_json(wanted: Selection) -> list[Json]:
    """The `filter` that asks a peer for this; nothing for everything."""
    listed: list[tuple[str, str, Json]] = []
    for name, values in (("id", wanted.ids), ("name", wanted.names), ("recordType", wanted.record_types)):
        if values is not None:
            several: list[Json] = [*sorted(values)]
            listed.append((name, "=", several[0]) if len(several) == 1 else (name, "in", several))
    if wanted.name_like is not None:
        listed.append(("name", "like", wanted.name_like))
    criteria: list[Json] = [
        {"@type": "Criterion", "operandLeft": _WIRE[name], "operator": operator, "operandRight": right}
        for name, operator, right in listed
    ]
    spec: JsonObject = {"@type": "QuerySpec", "limit": PAGE, "offset": 0, "filterExpression": criteria}
    return [spec] if criteria else []


def read_terms(terms: Iterable[str]) -> Selection:
    """What people type: `id=X`, `name=X`, `recordType=X` (several of a kind: any of them), `name~PATTERN`."""
    values: dict[str, set[str]] = {}
    like: str | None = None
    for term in terms:
        match = _TERM.fullmatch(term)
        name, sign, value = match.groups() if match else ("", "", "")
        if not name or len(value) > _MAX_TEXT or (sign == "~" and (name != "name" or like is not None)):
            hint = "like name=Lots, name~Lots% (once), id=urn:uuid:..., recordType=BatteryPassport"
            raise BadInput(f"{term!r} is no filter", hint=hint)
        if sign == "~":
            like = value
        else:
            values.setdefault(name, set()).add(value)
    return Selection(
        ids=_frozen(values.get("id")), names=_frozen(values.get("name")), name_like=like,
        record_types=_frozen(values.get("recordType")),
    )  # fmt: skip


# --- links -----------------------------------------------------------------------------------------------------------


def seal(key: bytes, query: Query) -> str:
    """The query as the opaque part of a link: encrypted, so that it tells nothing, and of our making."""
    wanted, place = query.wanted, query.place or Place()
    said: list[Json] = [
        query.limit, place.policy, place.dataset, place.backwards,
        _listed(wanted.ids), _listed(wanted.names), _listed(wanted.record_types), wanted.name_like,
    ]  # fmt: skip
    return base64url.encode(AESSIV(key).encrypt(orjson.dumps(said), None)).decode("ascii")


def unseal(key: bytes, text: str) -> Query:
    """The query of a link of ours. `BadMessage`: it is none."""
    try:
        limit, policy, dataset, backwards, ids, names, types, like = orjson.loads(
            AESSIV(key).decrypt(base64url.decode(text.encode()), None)
        )
    except (Refused, InvalidTag, ValueError):
        raise _refused("continuationToken: no page of this catalogue", "begin again at its first page") from None
    return Query(
        wanted=Selection(ids=_frozen(ids), names=_frozen(names), record_types=_frozen(types), name_like=like),
        limit=limit, place=Place(policy=policy, dataset=dataset, backwards=backwards),
    )  # fmt: skip


# --- parts -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Narrowing:
    """What the criteria leave; each one more narrows it."""

    values: dict[str, frozenset[str]] = field(default_factory=dict)
    like: str | None = None

    def take(self, criterion: Json) -> None:
        named = {_local(key): value for key, value in criterion.items()} if isinstance(criterion, dict) else {}
        name = _FIELDS.get(str(_value(named.get("operandLeft"))).strip("'"))
        operator, right = _value(named.get("operator")), _list(named.get("operandRight"))
        texts = [one for one in map(_value, right) if isinstance(one, str) and one and len(one) <= _MAX_TEXT]
        if name is None or not texts or len(texts) != len(right) or len(texts) > _MAX_VALUES:
            raise _refused("filter: a criterion that this catalogue can't answer")
        match operator, texts:
            case ("in", _) | ("=", [_]):
                before = self.values.get(name)
                self.values[name] = frozenset(texts) if before is None else before & set(texts)
            case ("like", [pattern]) if name == "name" and self.like is None and len(pattern) <= _MAX_PATTERN:
                self.like = pattern
            case _:
                raise _refused(f"filter: {operator!r} on {name} can't be answered here")


def _wanted(criteria: Sequence[Json]) -> Selection:
    left = _Narrowing()
    for criterion in criteria[: _MAX_VALUES + 1]:
        left.take(criterion)
    if len(criteria) > _MAX_VALUES:
        raise _refused("filter: too many criteria")
    values = left.values
    return Selection(
        ids=values.get("id"), names=values.get("name"), record_types=values.get("recordType"), name_like=left.like
    )


def _count(named: Mapping[str, Json], name: str, default: int, *, least: int) -> int:
    value = _value(named.get(name))
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MAX_SKIP:
        raise _refused(f"filter: {name} is a whole number from {least} on", "")
    return value


def _local(key: Json) -> str:
    """A name without its namespace: full, prefixed or plain."""
    text = key if isinstance(key, str) else ""
    return text.removeprefix(EDC).removeprefix("edc:")


def _value(value: Json) -> Json:
    """What a JSON-LD value object holds."""
    return value.get("@value", value.get("@id")) if isinstance(value, dict) else value


def _list(value: Json) -> list[Json]:
    """An array leniently: nothing is empty, one thing is an array of one."""
    if isinstance(value, dict) and "@list" in value:
        value = value["@list"]
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _listed(values: frozenset[str] | None) -> Json:
    return None if values is None else [*sorted(values)]


def _frozen(values: Iterable[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _refused(detail: str, hint: str = _KNOWN) -> BadMessage:
    return BadMessage(f"{detail}. {hint}" if hint else f"{detail}.", hint=hint, place="filter")
