"""How the management API answers about peers and what is negotiated with them. Of what follows `answers_data` tells.

As in `answers`, nothing is built of these models, and the tests hold them to real answers.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connector.server.answers import Answer, JsonMap

# --- negotiations ----------------------------------------------------------------------------------------------------


class Ended(Answer):
    """Why something ended or is suspended, and who said so."""

    code: str | None
    reason: list[object]
    by: str = ""
    """`us` or `peer`."""


class Dataset(Answer):
    """What a peer offers us."""

    dataset: str
    title: str | None
    participant: str
    types: list[str]
    formats: list[str]
    offers: list[JsonMap]
    """ODRL."""


class Elsewhere(Answer):
    """A catalogue that the peer's only names."""

    catalog: str
    participant: str | None
    address: str | None


class Owner(Answer):
    """The first line: who answers."""

    peer: str


class More(Answer):
    """The last line, where there is more than the limit."""

    more: bool


class Catalog(Answer):
    """What a peer offers us."""

    peer: str
    datasets: list[Dataset]
    elsewhere: list[Elsewhere]
    more: bool


class Negotiated(Answer):
    """A negotiation as it stands."""

    negotiation: str
    state: str
    """A state of DSP; empty before the peer's first answer."""
    dataset: str
    agreement: str | None
    termination: Ended | None
    waits: str | None
    """The turn that waits for a word of ours (`/v1/approvals`)."""


class WantedCredential(Answer):
    """A credential that a holder asks for: our id for it, the type, and the profile of DCP."""

    id: str
    type: str
    profile: str


class Waiting(Answer):
    """A turn that waits for a person; an audit read (`turn` `audit`), of which `read` and `reason` are known; or a
    request for credentials (`turn` `issuance`).
    """

    id: str
    turn: str
    with_: str = Field(alias="with")
    dataset: str
    title: str | None
    asked: str
    due: str | None
    """Then it is refused."""
    can: list[str]
    """What may be said."""
    decision: str | None
    not_before: str | None = Field(alias="not_before")
    note: str | None
    terms: JsonMap | None
    """The terms on the table."""
    agreement: JsonMap | None
    ours: JsonMap | None
    """What we offer."""
    policy: JsonMap | None
    """What our policy says of the peer."""
    read: str = ""
    reason: str = ""
    credentials: list[WantedCredential] = Field(default_factory=list)
    """What a holder asks us to issue (`turn` `issuance`)."""


class Approvals(Answer):
    """What waits for a person: the 100 that wait longest, requests for credentials behind all others."""

    approvals: list[Waiting]
    more: int


class AuditDecided(Answer):
    """A word to an audit read."""

    audit: str
    with_: str = Field(alias="with")
    dataset: str
    decision: str
    until: str


class IssuanceDecided(Answer):
    """A word to a request for credentials."""

    issuance: str
    with_: str = Field(alias="with")
    decision: Literal["issued", "rejected"]
    credentials: list[str]
    """The digests of what was signed; it is delivered next (`GET /v1/credential-requests`)."""


class ProcessHead(Answer):
    """A negotiation or transfer."""

    pid: str
    peer_pid: str | None
    kind: Literal["negotiation", "transfer"]
    role: Literal["consumer", "provider"]
    state: str
    counterparty: str
    dataset: str | None
    title: str | None
    """Ours, or what the peer's catalogue calls it."""
    created: str
    updated: str


class Processes(Answer):
    """The 100 that changed last."""

    processes: list[ProcessHead]
    more: int


class Message(Answer):
    """A message that was said."""

    direction: Literal["in", "out"]
    message: str
    at: str
    status: int | None
    """How it was answered."""
    receipt: str | None
    """What the receipt for it is worth."""


class ReceiptedMessage(Message):
    """The same with the receipt itself."""

    receipt_token: str | None


class Attempt(Answer):
    """A try to deliver."""

    at: str
    status: int | None
    detail: str
    next: str | None


class Pending(Answer):
    """A message of ours that the peer has not answered."""

    message: str
    looking_at_peer: bool
    ending: bool
    """Whether a termination of ours waits for the answer."""


class Said(Answer):
    """A word that counts later."""

    decision: str
    at: str


class OnHold(Answer):
    """What waits for a person."""

    turn: str
    due: str
    note: str | None
    can: list[str]
    word: Said | None


class Process(ProcessHead):
    """Where it stands, whose turn it is, what was said and tried."""

    turn: Literal["us", "peer", "either", "nobody"]
    pending: Pending | None
    next: str | None
    """When our message is tried again."""
    ends: str | None
    """When it is terminated, if nothing happens."""
    waits: OnHold | None
    content: JsonMap
    """Terms, agreement, reasons; no secrets."""
    withdrawn: str | None
    emptied: bool
    """Whether the dataset was withdrawn and nothing is left in it."""
    messages: list[ReceiptedMessage]
    attempts: list[Attempt]


# --- issuers ---------------------------------------------------------------------------------------------------------


class CredentialRequest(Answer):
    """What we asked an issuer for."""

    id: str
    issuer: str
    types: list[str]
    asked: str
    state: Literal["requested", "issued", "rejected", "unanswered", "withheld", "expired"]
    """`unanswered`: nobody knows whether the issuer has it; what comes for it counts all the same. `withheld`: the
    connector does not ask by itself, because the issuer has taken back what it would ask for anew."""
    until: str
    """So long what comes for it is taken."""
    reason: str | None
    credentials: list[str]
    """The digests of what came; it lies in the folder of our own credentials."""
    renews: list[str]
    """The digests of what this is to bring anew: the connector asked by itself. None: a person did."""
    next: str | None
    """When the connector asks again."""


class CredentialOffer(Answer):
    """What an issuer offers: its own id for it, and the type where it said one."""

    issuer: str
    id: str
    type: str | None
    at: str


class ReceivedRequest(Answer):
    """What a holder asked us to issue, how it was decided, and whether the holder has that."""

    id: str
    holder: str
    types: list[str]
    asked: str
    state: Literal["received", "issued", "rejected", "expired"]
    until: str
    """So long it waits for a word (`/v1/approvals`); of one that was answered: since when it is over."""
    reason: str | None
    credentials: list[str]
    """The digests of what was signed."""
    delivered: str | None
    failed: str | None
    """Why the last try to deliver was in vain."""
    next: str | None
    """When it is tried again."""


class RequestsRejected(Answer):
    """How many requests wait of whom was meant, and how many of them were rejected."""

    found: int
    rejected: int


class CredentialRequests(Answer):
    """A page of our requests, offers to us that stand, and requests of holders, the oldest first."""

    requests: list[CredentialRequest]
    offers: list[CredentialOffer]
    received: list[ReceivedRequest]
    next: str | None
    """Where the next page is; null: this is the last one."""
