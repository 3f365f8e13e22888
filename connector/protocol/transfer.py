"""Transfer processes: their table, and what a message must contain in relation to the process.

The table is the state machine of DSP 2025-1, Transfer Process Protocol, and one row more: the provider may start a
transfer that is started. A real EDC resumes by a start from each side, the provider's with the data address. Tokens
and bytes are the journeys'.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from connector.model import Finding, JsonObject
from connector.protocol.catalog_query import EDC
from connector.protocol.messages import (
    DataAddress,
    TransferCompletionMessage,
    TransferRequestMessage,
    TransferStartMessage,
    TransferSuspensionMessage,
    TransferTerminationMessage,
)
from connector.protocol.process import START, Process, Role, Row, Table

TRACTUS_X = "https://w3id.org/tractusx/auth/"
"""The namespace in which Catena-X connectors name what they need to renew a token."""

_LIFETIME_DIGITS = 9
_SCHEME = re.compile(r"[A-Za-z]+ ")
_HEADER = re.compile(
    r"(?!(host|content-.*|transfer-encoding|connection|expect|te|upgrade)$)[A-Za-z0-9-]{1,64}", re.IGNORECASE
)
"""Header names that a consumer may ask for: none that shapes the request itself."""

PUSH = "HttpData-PUSH"
"""The distribution format of a push over HTTP, as EDC names it."""

PULL = "HttpData-PULL"
"""The distribution format of a pull over HTTP, as EDC and the specification's examples name it."""


class State(StrEnum):
    """DSP 2025-1, Transfer Process Protocol: States."""

    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class Kind(StrEnum):
    """What can be said."""

    REQUEST = "TransferRequestMessage"
    START = "TransferStartMessage"
    SUSPENSION = "TransferSuspensionMessage"
    COMPLETION = "TransferCompletionMessage"
    TERMINATION = "TransferTerminationMessage"


_CONSUMER, _PROVIDER, _BOTH = (Role.CONSUMER,), (Role.PROVIDER,), (Role.CONSUMER, Role.PROVIDER)

TABLE = Table(
    name="transfer",
    terminal=(State.COMPLETED, State.TERMINATED),
    termination=Kind.TERMINATION,
    rows=(
        Row(state=START, kind=Kind.REQUEST, senders=_CONSUMER, target=State.REQUESTED),
        Row(state=State.REQUESTED, kind=Kind.START, senders=_PROVIDER, target=State.STARTED),
        Row(state=State.REQUESTED, kind=Kind.TERMINATION, senders=_BOTH, target=State.TERMINATED),
        Row(state=State.STARTED, kind=Kind.START, senders=_PROVIDER, target=State.STARTED),
        Row(state=State.STARTED, kind=Kind.SUSPENSION, senders=_BOTH, target=State.SUSPENDED),
        Row(state=State.STARTED, kind=Kind.COMPLETION, senders=_BOTH, target=State.COMPLETED),
        Row(state=State.STARTED, kind=Kind.TERMINATION, senders=_BOTH, target=State.TERMINATED),
        Row(state=State.SUSPENDED, kind=Kind.START, senders=_BOTH, target=State.STARTED),
        Row(state=State.SUSPENDED, kind=Kind.TERMINATION, senders=_BOTH, target=State.TERMINATED),
    ),
)

Message = (
    TransferRequestMessage
    | TransferStartMessage
    | TransferSuspensionMessage
    | TransferCompletionMessage
    | TransferTerminationMessage
)


def kind_of(message: Message) -> Kind:
    """The table's word for a message."""
    return Kind(message.type)


def check_pids(message: Message, process: Process) -> tuple[Finding, ...]:
    """The pids of the body name this process. A pid that is not bound yet is bound by `step`, not here."""
    pairs = [("consumerPid", message.consumer_pid, process.consumer_pid)]
    if not isinstance(message, TransferRequestMessage):
        pairs.append(("providerPid", message.provider_pid, process.provider_pid))
    return tuple(
        _finding("pid-mismatch", f"{term} is not that of this process.", term)
        for term, said, known in pairs
        if known is not None and said != known
    )


def check_request(
    message: TransferRequestMessage,
    *,
    agreement_id: str | None,
    finalized: bool,
    pull_formats: Collection[str],
    push_formats: Collection[str] = (),
) -> tuple[Finding, ...]:
    """A request names a finalized agreement of the two parties and an offered format (Transfer Request Message).

    `agreement_id`: the agreement under that id between exactly this caller and us, or None. One code for "unknown" and
    "not yours": a caller learns nothing about others' agreements.
    """
    findings: list[Finding] = []
    if agreement_id != message.agreement_id or not finalized:
        findings.append(_finding("unknown-agreement", "No such agreement is in force with you.", "agreementId"))
    if message.format not in pull_formats and message.format not in push_formats:
        findings.append(_finding("unknown-format", "The dataset has no distribution of this format.", "format"))
    if message.format in push_formats and message.data_address is None:
        findings.append(_finding("data-address-missing", "A push needs an address to push to.", "dataAddress"))
    elif message.format in push_formats and message.data_address is not None and not read_push(message.data_address):
        findings.append(_finding("endpoint-missing", "The data address names no endpoint.", "dataAddress.endpoint"))
    if message.format in pull_formats and message.data_address is not None:
        findings.append(_finding("data-address-misplaced", "A pull takes no address from the consumer.", "dataAddress"))
    return tuple(findings)


def check_start(message: TransferStartMessage, process: Process, *, pull: bool) -> tuple[Finding, ...]:
    """The provider's start of a pull says where the data is (Transfer Start Message); a consumer's needs nothing."""
    findings = list(check_pids(message, process))
    address = message.data_address
    if process.role is Role.CONSUMER and pull:
        if address is None:
            findings.append(_finding("data-address-missing", "A pull needs an address to pull from.", "dataAddress"))
        elif not address.url():
            findings.append(_finding("endpoint-missing", "The data address names no endpoint.", "dataAddress.endpoint"))
        elif not fits_header(address.named("authorization") or ""):
            sentence = "The data token holds what no header may hold."
            findings.append(_finding("authorization-unusable", sentence, "dataAddress.endpointProperties"))
    return tuple(findings)


def fits_header(value: str) -> bool:
    """Whether this can be shown in a header (RFC 9110, 5.5): else it would end the header, and begin another."""
    return value.isascii() and value.isprintable()


def read_pull(address: DataAddress, now: datetime) -> JsonObject:
    """Where to pull from, as it is kept: endpoint, authorization, and how to renew it (Token Renewal profile).

    `expires`: microseconds since the epoch, 0 where it never does. Without a `refreshEndpoint` the data endpoint
    renews; a Catena-X connector's lies one step below the address that it names, and reads the grant in its URL alone.
    An EDC, which names everything by its own IRIs, takes its token as it stands, and no scheme before it.
    """
    kept: JsonObject = {"endpoint": address.url(), "authorization": address.named("authorization") or "", "expires": 0}
    refresh_token, lifetime = address.named("refreshToken"), address.named("expiresIn") or ""
    if lifetime.isdecimal() and len(lifetime) <= _LIFETIME_DIGITS:
        kept["expires"] = int(now.timestamp() + int(lifetime)) * 1_000_000
    if not address.has("authorization") and address.has(f"{EDC}authorization"):
        kept["bare"] = True
    if refresh_token:
        endpoint = address.named("refreshEndpoint") or address.url() or ""
        if not address.has("refreshEndpoint") and address.has(f"{TRACTUS_X}refreshEndpoint"):
            endpoint = f"{endpoint.removesuffix('/token')}/token"
            kept["grantInUrl"] = True
        kept |= {"refreshToken": refresh_token, "refreshEndpoint": endpoint}
    return kept


def read_push(address: DataAddress) -> JsonObject:
    """Where to push to, and the header that opens it; nothing where no endpoint is named, or no header can be made.

    An EDC names its endpoint `baseUrl`, and any header with its value `authKey` and `authCode`.
    """
    endpoint = address.url() or address.named("baseUrl")
    token, name, value = address.named("authorization"), address.named("authKey"), address.named("authCode")
    if token and not (name and value):
        name, value = "Authorization", token if _SCHEME.match(token) else f"Bearer {token}"
    if not endpoint or (name and value and not (_HEADER.fullmatch(name) and fits_header(value))):
        return {}
    return {"endpoint": endpoint, "header": name if value else None, "value": value if name else None}


def _finding(code: str, message: str, term: str) -> Finding:
    return Finding(code=code, message=message, term=term)
