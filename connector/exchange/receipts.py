"""Receipts given and taken: what we sign for an accepted message, and what a peer's receipt is worth.

A receipt is signed once, with the answer, and kept with it: a repeat gets the very same. One that we get is held to
what we sent and to the peer's DID document, and kept with the message, good or bad: a wrong one is a finding, never a
failure of the protocol, and a peer that gives none (a real EDC) is served as any other. What it says is checked with
the answer; its signature, the dear part, in the next quiet moment, with the key as it was then. Their form is
`credentials.receipt`'s.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

import orjson

from connector.credentials import jose
from connector.credentials.own_methods import OwnKeys
from connector.credentials.receipt import (
    HEADER,
    Opened,
    Receipt,
    check_receipt,
    open_receipt,
    prove,
    prove_kept,
    receipt_input,
)
from connector.credentials.refused import Refused
from connector.errors import CannotCheck, ConnectorError
from connector.exchange.draft import Draft
from connector.exchange.ports import Clock, HttpAnswer, Resolver, Store
from connector.exchange.rows import EvidenceEntry, MessageRow, OutboxRow
from connector.exchange.stored import micros
from connector.model import Did
from connector.protocol.process import Process

SIGNED: Final = "signed"
"""It says what it has to; its signature is looked at soon."""
VERIFIED: Final = "verified"
UNSIGNED: Final = "unsigned"
WRONG: Final = "wrong: "
UNCHECKED: Final = "unchecked: "
RECEIPT: Final = HEADER.lower()
"""Among the headers of an answer."""

_AT_ONCE: Final = 64
_MOST: Final = 10_000

Taken: TypeAlias = "str | Opened"
"""A peer's receipt as read; or the word for one that says nothing."""


@dataclass(slots=True, kw_only=True)
class Receipts:
    """Ours and the peers'."""

    did: Did
    keys: OwnKeys
    resolver: Resolver
    clock: Clock
    store: Store
    _unproven: deque[tuple[OutboxRow, Opened]] = field(default_factory=lambda: deque(maxlen=_MOST))

    async def give(self, draft: Draft, kind: str, sha256: str) -> str:
        """Our receipt for a message that was just accepted."""
        receipt = _receipt((self.did, Did(draft.counterparty)), sha256, kind, draft.process, draft.process.state)
        signer = self.keys.authentication(draft.now)
        unsigned = receipt_input(receipt, draft.now, key_id=signer.key_id, alg=signer.alg)
        return jose.attach(unsigned, await signer.sign(unsigned)).decode("ascii")

    async def read(self, row: OutboxRow, answer: HttpAnswer) -> Taken:
        """The receipt in an answer to our message."""
        text = answer.headers.get(RECEIPT)
        if text is None:
            return UNSIGNED
        peer = Did(row.counterparty)
        try:
            key_id = jose.key_id_in(text.encode())
            return open_receipt(text, peer, await self.resolver.did_document(peer, key_id))
        except CannotCheck as error:
            return UNCHECKED + error.detail
        except ConnectorError as error:
            return WRONG + error.detail

    def judge(self, taken: Taken, row: OutboxRow, process: Process, state: str, *, sha256: str, now: datetime) -> str:
        """Whether it says what it has to. `sha256` is the message's, `state` what it leads to."""
        if isinstance(taken, str):
            return taken
        expected = _receipt((Did(row.counterparty), self.did), sha256, row.message_type, process, state)
        try:
            check_receipt(taken.claims, expected, now)
        except Refused as error:
            return WRONG + error.detail
        return SIGNED

    def prove_later(self, row: OutboxRow, taken: Taken) -> None:
        """Look at the signature in a quiet moment. The oldest are left to `worth`, if there is none for long."""
        if not isinstance(taken, str):
            self._unproven.append((row, taken))

    async def prove_some(self) -> None:
        """Look at some of the signatures that wait."""
        found: list[tuple[OutboxRow, str]] = []
        while self._unproven and len(found) < _AT_ONCE:
            row, opened = self._unproven.popleft()
            try:
                prove(opened)
                found.append((row, VERIFIED))
            except Refused as error:
                found.append((row, WRONG + error.detail))
        if found:
            await self.store.settle_receipts(found, [self.note(*one) for one in found if one[1] != VERIFIED])

    def note(self, row: OutboxRow, receipt: str) -> EvidenceEntry:
        """A wrong receipt on record."""
        body = orjson.dumps({"pid": row.pid, "message": row.message_id, "receipt": receipt})
        return EvidenceEntry(tenant=row.tenant, at=micros(self.clock.now()), event="wrong-receipt", body=body)


def worth(message: MessageRow) -> str:
    """What the receipt for a message of ours is worth: as found out, or by the key that was kept with it."""
    if message.receipt != SIGNED:
        return message.receipt
    try:
        prove_kept(receipt_in(message.answer_headers), message.verification_key)
    except Refused as error:
        return WRONG + error.detail
    return VERIFIED


def headers_of(receipt: str) -> str:
    """The headers of an answer as they are kept: the receipt, where there is one."""
    return orjson.dumps({RECEIPT: receipt}).decode() if receipt else ""


def receipt_in(headers: str) -> str:
    """The receipt among kept headers, or nothing."""
    return str(orjson.loads(headers).get(RECEIPT, "")) if headers else ""


def _receipt(parties: tuple[Did, Did], sha256: str, kind: str, process: Process, state: str) -> Receipt:
    return Receipt(
        issuer=parties[0], audience=parties[1], sha256=sha256, message=kind, consumer_pid=process.consumer_pid or "",
        provider_pid=process.provider_pid or "", state=state,
    )  # fmt: skip
