"""How the management API answers: the shape of every answer, for its document (`openapi`).

Nothing is built of these models: the journeys' own `as_json` is sent. The tests hold each of them to real answers,
which may have no member more and none less. What is answered about peers is in `answers_peers` and `answers_data`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

JsonMap = dict[str, Any]


class Answer(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(alias_generator=to_camel, defer_build=True)


# --- problems, progress ----------------------------------------------------------------------------------------------


class Problem(Answer):
    """Why it was not done (RFC 9457): what is wrong, where, and what to do."""

    title: str
    """A word for machines, such as `bad-input`."""
    kind: str
    """The same, or `cannot-check`: neither yes nor no, ask again later."""
    status: int
    detail: str
    """What is wrong."""
    hint: str
    """What to do; may be empty."""
    place: str
    """Where; may be empty."""


class Progress(Answer):
    """How far the work is."""

    done: int | str = 0
    at: str = ""
    waiting: str = ""
    """For whom, and why."""
    negotiation: str = ""
    """The negotiation that waits for the peer. It goes on, whatever becomes of whoever asked for it."""


class Told(Answer):
    """A line while the work goes on."""

    progress: Progress


class Finding(Answer):
    """One thing that is wrong with somebody's data, and what to do."""

    source: str
    sheet: str
    record: int
    line: int
    column: str
    value: str
    code: str
    message: str
    hint: str
    term: str


# --- health, looking -------------------------------------------------------------------------------------------------


class Live(Answer):
    """It answers."""

    status: Literal["live"]


class Ready(Answer):
    """It works."""

    status: Literal["ready"]
    did: str
    name: str


class SignIn(Answer):
    """Where to sign in, once."""

    address: str
    seconds: int
    """So long it is good."""


class Document(Answer):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: str


class Counts(Answer):
    """How much there is. Negotiations and transfers by state, such as `negotiation FINALIZED`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]

    records: int
    credentials: int
    agreements: int
    outbox: int
    """Messages that wait to be delivered."""
    evidence: int


class RecordHead(Answer):
    """A record."""

    record: str
    holder: str
    version: int
    type: str
    key: str
    """The business key in our own systems."""
    subject: str
    page: str
    """Its public page."""


class Records(Answer):
    """Records; of all, a page of 1,000."""

    records: list[RecordHead]


class Credential(Answer):
    """A signed credential."""

    digest: str
    type: str
    access_class: str
    level: str
    issuer: str
    octets: str
    """As it was signed."""


class Record(Answer):
    """A record with all that was signed of it."""

    record: str
    version: int
    type: str
    key: str
    subject: str
    holder: str
    origin: Literal["own", "held", "received"]
    credentials: list[Credential]
    lineage: JsonMap
    """Of our own: each value's file, row and column."""


class Entry(Answer):
    """An entry of the log. `body`, or with `exact` its `octets`."""

    seq: int
    at: int
    """Microseconds since 1970."""
    event: str
    previous: str
    hash: str
    """Over this entry and the one before."""
    body: JsonMap = Field(default_factory=dict)
    octets: str = ""


class Evidence(Answer):
    """A page of at most 1,000 entries."""

    entries: list[Entry]


# --- publishing ------------------------------------------------------------------------------------------------------


class Published(Answer):
    """What was signed and offered. Rows with findings are not published, all others are."""

    documents: int
    credentials: int
    assets: int
    minted: int = 0
    """New credentials."""
    unchanged: int = 0
    """Documents that stand as they were."""
    warnings: list[str] = Field(default_factory=list)
    dataset: str = ""
    """Missing where nothing could be read."""
    title: str = ""
    pin: str | None = None
    """The digest of the content that the offer names."""
    withdrawn: list[str]
    """Datasets that this emptied."""
    rows: int
    findings: list[Finding]


class PublishedFile(Answer):
    """A file that is offered."""

    file: str
    digest: str
    size: int
    media_type: str
    access_class: str
    dataset: str
    title: str
    pin: str | None
    warnings: list[str] = Field(default_factory=list)


class Held(Answer):
    """What was kept of what came."""

    records: int
    credentials: int
    files: int
    unchanged: int
    unchecked: int
    rejected: int
    findings: list[Finding]


class ById(Answer):
    """Ids by kind."""

    negotiations: list[str]
    transfers: list[str]


class Withdrawn(Answer):
    """An offer that is one no longer, and what ended with it."""

    dataset: str
    title: str
    withdrawn: str
    terminated: ById
    running: list[str]
    """Transfers that go on."""
    agreements: list[str]
    """Agreements that stand."""


class SignedCredential(Answer):
    """A credential that was signed."""

    digest: str
    type: str
    record: str
    octets: str


class Issued(Answer):
    """What was signed."""

    credentials: list[SignedCredential]
    findings: list[Finding]
    replaced: list[str]
    """The digests of those in whose place they are; they count until they are revoked."""


class RestsOn(Answer):
    """What rests on a key."""

    key: str
    credentials: int
    types: dict[str, int]


class KeyNoted(Answer):
    """What was put on record."""

    key: str
    event: str
    """`key-rotated` or `key-revoked`."""


class Revoked(Answer):
    """What counts no longer, or again, and from when."""

    digest: str
    effective: str


class Check(Answer):
    """One of the ten checks; of what is shown in part (SD-JWT) there are twelve."""

    step: int
    name: str
    outcome: str
    code: str
    detail: str
    spec: str


class Verified(Answer):
    """What a credential is worth."""

    verdict: Literal["valid", "invalid", "indeterminate"]
    checks: list[Check]
    outcome: str
    """The verdict in one of an audit's words."""
    types: list[str]
