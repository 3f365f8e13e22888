"""What management requests may say: bodies and queries as models, from which the API's document is made too.

How they are read is `asked`'s. Where a text may be empty, an empty one says nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from connector.model import AccessClass
from connector.server.asked import Asked, Query, moment

_WAIT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 86_400.0
_MOST_DAYS = 36_525
_MOST_DATASETS = 10_000
_MOST_LISTED = 1_000
_MOST = 999_999_999

Moment = Annotated[datetime | None, BeforeValidator(moment)]
Word = Annotated[str, Field(min_length=1)]
Place = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
"""A file on this machine; no system has names with a NUL."""
Wait = Annotated[float, Field(ge=0, le=_LONGEST_WAIT_SECONDS)]


class Nothing(Asked):
    """Nothing is asked."""


class Waiting(Asked):
    """A command that a peer has to answer."""

    wait_seconds: Wait = _WAIT_SECONDS
    """How long to wait for the peer; the answer then says how far it is."""


# --- publish ---------------------------------------------------------------------------------------------------------


class Publish(Asked):
    """What to publish."""

    plan: Place
    """The mapping plan's file; a relative path starts at the company's folder."""
    policy: Place
    """The policy's file."""
    title: str = ""
    """What the dataset is called in the catalogue. Default: the plan's name."""
    credential: str = ""
    """The credential type that the plan has to make, to be sure."""
    dataset: str = ""
    """The dataset's id, where it has to be a given one."""
    correct: str = ""
    """Why content that was signed before is different now: a new version replaces it."""
    overwrite: bool = False
    """Sign changed content under the same version, with a warning. An audit will find it."""
    approval: bool | None = None
    """Whether a person decides on each contract, beside the policy. Default: as before."""
    pin: bool | None = None
    """Whether the offer names the content's digest, so that nothing else is delivered. Default: as before."""


class PublishFile(Asked):
    """Which file to offer."""

    file: Place
    """The file; a relative path starts at the company's folder."""
    policy: Place
    """The policy's file."""
    title: str = ""
    """What the dataset is called. Default: the file's name."""
    media_type: str = Field(default="", alias="mediaType")
    """Default: by the file's name."""
    access_class: Annotated[AccessClass, Field(strict=False)] = Field(default=AccessClass.B2B, alias="accessClass")
    """Who may see it."""
    pin: bool | None = None
    """As in `publish`."""


class Import(Asked):
    """A third party's credential, to be kept and passed on."""

    credential: Word
    """Its octets: compact `vc+jwt`, or JSON with a proof inside."""
    into: Word
    """The name of the dataset that it joins."""
    policy: Place
    """The policy's file."""


class Withdraw(Asked):
    """Which offer is to be one no longer."""

    dataset: Word
    """Its id or title."""
    reason: str = ""
    """Why: peers whose negotiations end read it."""
    end_transfers: bool = False
    """End running transfers, too."""


class Claim(Asked):
    """A claim file."""

    file: Word
    """Its name, for what is said about it."""
    subject: dict[str, Any] = Field(default_factory=dict)
    """What it states, of one `id` and `type`."""


class Issue(Asked):
    """What to sign and hand over."""

    type: Word
    """The credential type."""
    claims: list[Claim] = Field(default_factory=list)
    plan: Place | None = None
    """A mapping plan's file, whose documents are signed."""
    securing: str = "vc+jwt"
    """`vc+jwt`, the cryptosuite of a proof inside that the company's key makes, or `vc+sd-jwt` with `disclosable`."""
    disclosable: list[str] = Field(default_factory=list, max_length=200)
    """What the holder may leave out: places within the subject, such as `identifier/0/value`."""
    decoys: int = 0
    """Digests of nothing, so that nobody can count what is left out."""
    holder_key: dict[str, Any] | None = Field(default=None, alias="holderKey")
    """The public JWK to which an SD-JWT is bound."""
    profile: Literal["vc20-bssl/jwt", "vc11-sl2021/jwt"] = "vc20-bssl/jwt"
    """The data model, as `[issues]` names it: `vc11-sl2021/jwt` is 1.1, for holders whose programs know no other."""
    correct: str = ""
    """Why it takes the place of what was signed before with other values. Without it that is a finding."""


class RequestCredentials(Asked):
    """What to ask an issuer for: types, or its own ids for what it can issue."""

    issuer: Word
    """A name of `[peers]`, or a DID."""
    types: list[Word] = Field(default_factory=list)
    ids: list[Word] = Field(default_factory=list)


class SignedWith(Asked):
    """A key of ours."""

    key: Word
    """Its name in the DID document."""


class KeyChanged(Asked):
    """A key of ours that was made or revoked."""

    key: Word
    """Its name in the DID document."""
    by: str = ""
    """Who did it, where that is known."""


class Revoke(Asked):
    """A credential of ours that counts no longer, or counts again."""

    digest: str = ""
    """Its `digestMultibase`."""
    credential: str = ""
    """Instead of the digest: its octets. Of an SD-JWT any part will do."""
    purpose: str = "revocation"
    """`revocation`, `suspension` or `reinstatement`."""
    effective: Moment = None
    """From when on. Default: now."""
    reason: str = ""
    """For everybody to read."""


class Verify(Asked):
    """A credential to check."""

    credential: Word
    """Its octets."""
    at: Moment = None
    """Judge as of this time. Default: now."""
    audience: str = ""
    """Of an SD-JWT: whom the holder's key binding has to name. It goes with `nonce`; without them none is asked for."""
    nonce: str = ""
    """Of an SD-JWT: what the holder was given to sign on this occasion."""


# --- peers -----------------------------------------------------------------------------------------------------------

PEER = "A name of `[peers]` in the configuration, a DID, or a connector's address."
Peer = Annotated[str, Field(min_length=1, description=PEER)]


class Catalog(Query):
    """Whose catalogue, and what of it."""

    peer: Peer
    filter: list[str] = Field(default_factory=list)
    """Such as `name~lots%`: only what fits all of these."""
    limit: int = Field(default=_MOST_DATASETS, ge=0, le=_MOST)
    """At most so many datasets."""


class Request(Waiting):
    """A contract that is wanted."""

    peer: Peer
    dataset: Word
    """The dataset's id or title; its id where an `offer` is given."""
    offer: dict[str, Any] | None = None
    """An offer as the catalogue shows it, so that the catalogue is not read again."""
    offer_id: str = ""
    """Which of the dataset's offers. Default: the first."""


class Fetch(Waiting):
    """An agreement whose data is wanted."""

    agreement: Word
    """The agreement's id; or that of a transfer of it that was begun before and is to go on."""
    pull: bool = True
    """False: only start the transfer and say where the data is, for a tool of one's own."""
    push: bool = False
    """Let the owner send it."""
    units: list[Word] = Field(default_factory=list)
    """Only these: serial or lot numbers, ids."""


class Offer(Waiting):
    """A contract that is offered to a peer."""

    peer: Peer
    dataset: Word
    """The id or title of a dataset of ours."""
    terms: dict[str, Any] | None = None
    """A policy, or an offer as a catalogue shows it. Default: the catalogue's offer."""
    offer_id: str = ""
    """The id of the offer. Default: a new one."""


class Decide(Waiting):
    """A person's word to what waits."""

    decision: Literal["approve", "counter", "reject"]
    terms: dict[str, Any] | None = None
    """With `counter`: the other terms, as a policy or an offer."""
    offer_id: str = ""
    """With `counter`: the id of that offer. Default: a new one."""
    agreement_id: str = ""
    """With `approve`, where this makes the agreement: its id. Default: a new one."""
    code: str = ""
    """With `reject`: a word for the peer's machine."""
    reason: str = ""
    """With `reject`: why, for people."""
    not_before: Moment = None
    """The word counts from then on; until then another one may be said."""
    claims: list[Claim] = Field(default_factory=list)
    """With `approve` of a request for credentials: of each, in their order, what it states of the holder."""


class RejectRequests(Asked):
    """Requests for credentials that nobody wants to look at one by one."""

    holder: str = Field(
        alias="from", description=f"Of this party, or of all below this host, such as example.com. {PEER}"
    )
    reason: str
    """Why, for people. The party is told; those below a host, when they ask again."""
    really: bool = False
    """Do it; without, they are only counted."""


class End(Waiting):
    """Why something is ended or suspended."""

    code: str = ""
    """A word for the peer's machine."""
    reason: str = ""
    """Why, for people."""


class Audit(Asked):
    """Which chain to walk."""

    id: Word
    """A record's id or a number by which people know the thing."""
    peer: Annotated[str, Field(description=f"Who holds its record. {PEER} Default: we.")] = ""
    bundle: bool = False
    """Answer with the evidence too: a signed zip in base64, which anybody can verify."""
    client: dict[str, Any] | None = None
    """With `bundle`: the client's own audit; the report is made as the client may have it."""
    prepared_for: str = Field(default="", alias="preparedFor")
    """With `bundle`: the client's name, for the page."""


class Discard(Asked):
    """What is not needed any more. One of the first four has to be said."""

    agreement: str = ""
    """What came under this agreement."""
    holder: str = Field(default="", alias="from", description=f"What came from this peer. {PEER}")
    unit: str = ""
    """This record, or the file of this digest."""
    older_than_days: int | None = Field(default=None, ge=1, le=_MOST_DAYS)
    """What came before that."""
    really: bool = False
    """Do it; without, it is only counted."""


# --- looking ---------------------------------------------------------------------------------------------------------


class Received(Query):
    """What of all that came."""

    holder: str = Field(default="", alias="from", description=f"Only what came from this peer. {PEER}")
    type: str = ""
    """Only records of this type, or `File`."""
    after: str = ""
    """Behind what the page begins: it stands in the `next` of the page before."""
    limit: int = Field(default=_MOST_LISTED, ge=1, le=_MOST_LISTED)
    """At most so many of all three lists together."""


class CredentialRequests(Query):
    """Which page of them."""

    after: str = ""
    """Behind what the page begins: it stands in the `next` of the page before."""
    limit: int = Field(default=_MOST_LISTED, ge=1, le=_MOST_LISTED)
    """At most so many."""


class Agreements(Query):
    """Which page of them."""

    after: str = ""
    """The last agreement of the page before."""
    limit: int = Field(default=_MOST_LISTED, ge=1, le=_MOST_LISTED)
    """At most so many."""


class Records(Query):
    """Which records: those that a number names, or all, in pages."""

    identifier: str = ""
    """A record's id, business key or any identifier of what it is about."""
    after: str = ""
    """The last record of the page before."""
    holder: str = ""
    """Its holder."""


class Record(Query):
    """Which one, if several parties use the id."""

    holder: str | None = None
    """Whose record. Default: ours, if there is one."""


class Evidence(Query):
    """A page of the log."""

    after: int = Field(default=0, ge=0, le=1 << 53)
    """The last number of the page before."""
    exact: Annotated[bool, BeforeValidator(lambda said: said == "" or said)] = False
    """Bodies as `octets`, which the hashes cover."""
