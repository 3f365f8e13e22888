"""How the management API answers about agreements, transfers, what came, and audits.

As in `answers`, nothing is built of these models, and the tests hold them to real answers.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.server.answers import Answer, Finding, JsonMap
from connector.server.answers_peers import Ended, Message, ProcessHead

# --- agreements, transfers -------------------------------------------------------------------------------------------


class AgreementHead(Answer):
    """An agreement."""

    agreement: str
    role: Literal["consumer", "provider"]
    with_: str = Field(alias="with")
    dataset: str
    title: str | None
    """Ours, or what the peer's catalogue calls it."""
    provider: str | None
    consumer: str | None
    agreed: str
    negotiation: str
    state: str | None
    """Of the negotiation: one that ended in TERMINATED left an agreement that opens nothing."""
    pins: list[str]
    """Digests of the content that was agreed."""
    replaced_by: str | None


class Agreements(Answer):
    """A page of them, the oldest first."""

    agreements: list[AgreementHead]
    next: str | None
    """Where the page behind this one is; null: nowhere."""


class Delivery(Answer):
    """Data that was delivered under an agreement."""

    unit: str
    version: int | None
    digests: list[str]
    at: str


class Delivered(Answer):
    """All that was delivered; the first 100 units one by one."""

    records: int
    files: int
    digest: str | None
    whole: bool
    """Whether all came in one transfer."""
    units: list[Delivery]
    more: int


class TransferOf(Answer):
    """A transfer under an agreement."""

    transfer: str
    state: str
    created: str
    updated: str


class Comparison(Answer):
    """Whether what came is what was agreed."""

    verdict: Literal["same", "different", "partial", "not-delivered", "not-pinned"]
    reason: str


class Agreement(AgreementHead):
    """What was agreed, said for it, delivered under it, and whether these fit."""

    terms: JsonMap
    """The agreement, as both sides have it."""
    messages: list[Message]
    transfers: list[TransferOf]
    delivered: Delivered
    comparison: Comparison


class TransferHead(ProcessHead):
    """A transfer."""

    agreement: str | None


class Transfers(Answer):
    """The 100 that changed last, those that go on first."""

    transfers: list[TransferHead]
    more: int


class Moved(Answer):
    """A transfer as it stands."""

    transfer: str
    state: str
    pending: str | None
    """A message of ours that the peer has not answered."""
    suspension: Ended | None
    termination: Ended | None


class Started(Answer):
    """With `"pull": false`: where the data is."""

    transfer: str
    state: str
    address: JsonMap | None
    """The data address, with its token."""
    termination: Ended | None


class Fetched(Answer):
    """What came, and what is kept under the agreement now."""

    transfer: str
    state: str
    records: int
    credentials: int
    files: int
    unchanged: int
    """Records and files that came as they are kept already, under this agreement or another."""
    unchecked: int
    """What could not be checked: repeat the command."""
    rejected: int
    findings: list[Finding]
    termination: Ended | None


# --- what came -------------------------------------------------------------------------------------------------------


class ReceivedRecord(Answer):
    """A record that came."""

    record: str
    number: str
    """By which people know what it is about."""
    version: int
    type: str
    from_: str = Field(alias="from")
    agreement: str
    credentials: int
    named: int
    """How many credentials it has; those that we may not have count here only."""


class ReceivedFile(Answer):
    """A file that came."""

    file: str
    digest: str
    size: int
    media_type: str
    from_: str = Field(alias="from")
    agreement: str
    path: str
    """Where it is on this machine."""


class ReceivedUnder(Answer):
    """An agreement that stands."""

    agreement: str
    with_: str = Field(alias="with")
    role: Literal["consumer", "provider"]
    dataset: str
    title: str | None
    terms: JsonMap
    receipts: dict[str, int]
    """What the peer's receipts are worth."""


class Room(Answer):
    """How much is kept, in bytes, and how much there may be."""

    kept: dict[str, int]
    """By peer."""
    max_peer_bytes: int
    free: int
    min_free_bytes: int


class Received(Answer):
    """A page of what came, from whom, under which terms: the agreements first, then records, then files."""

    agreements: list[ReceivedUnder]
    records: list[ReceivedRecord]
    files: list[ReceivedFile]
    room: Room | None
    """With the first page only."""
    next: str | None
    """Where the next page is; null: this is the last one."""


class Discarded(Answer):
    """What went, or would go."""

    records: int
    files: int
    used: int
    """Records that stay, because ours are made of them."""
    discarded: bool
    """Whether it was done."""


# --- audits ----------------------------------------------------------------------------------------------------------


class Node(Answer):
    """A record of the chain, and one word about it."""

    key: str
    id: str
    version: int
    type: str
    holder: str
    issuer: str
    outcome: str
    reasons: list[str]
    rests_on: list[str]
    """Keys of nodes that are not good."""
    depth: int
    links: list[str]
    subject: str
    name: str
    site: str
    time: str | None
    what: str
    source_kind: str


class Edge(Answer):
    """What was made of what; `from` and `to` are keys."""

    from_: str = Field(alias="from")
    to: str
    relation: str


class BalanceFinding(Answer):
    """A mass that does not add up."""

    code: str
    message: str
    site: str
    metal: str
    period: str
    residual: str
    tolerance: str
    unit: str
    subject: str


class WalkedBy(Answer):
    """Whose connector walked, with which version."""

    id: str
    name: str
    product: str


class Audited(Answer):
    """A chain, walked."""

    verdict: Literal["verified", "qualified", "failed"]
    root: str
    at: str
    walked_by: WalkedBy
    nodes: list[Node]
    outcomes: dict[str, int]
    """How many nodes have which word."""
    unreached: int
    coverage: dict[str, JsonMap]
    """By metal: how much of it has a verified origin."""
    balances: list[JsonMap]
    withheld_balances: list[str]
    findings: list[BalanceFinding]
    footprint: JsonMap
    """Carbon footprints: as stated, what they give upstream, and where they contradict each other."""
    sourcing: JsonMap
    """Sourcing statements, who stands behind each site on the way, and of each metal behind the place it came from."""
    chain: list[Edge]
    parties: dict[str, str]
    places: dict[str, str]
    bundle: str = ""
    """The signed zip in base64, where it was asked for."""
