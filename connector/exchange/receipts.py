"""Receipts given and taken: what we sign for an accepted message, and what a peer's receipt is worth.

A receipt is signed once, with the answer, and kept with it: a repeat gets the very same. One that we get is held to
what we sent and to the peer's DID document, and kept with the message, good or bad: a wrong one is a finding, never a
failure of the protocol, and a peer that gives none (a real EDC) is served as any other. Their form is
`credentials.receipt`'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from connector.credentials import jose
from connector.credentials.receipt import HEADER, Receipt, check_receipt, open_receipt, receipt_input
from connector.credentials.refused import Refused
from connector.credentials.signing import Signer
from connector.errors import CannotCheck, ConnectorError
from connector.exchange.draft import Draft
from connector.exchange.ports import Clock, HttpAnswer, Resolver
from connector.exchange.rows import OutboxRow
from connector.model import Did, JsonObject
from connector.protocol.process import Process

VERIFIED: Final = "verified"
UNSIGNED: Final = "unsigned"
WRONG: Final = "wrong: "
UNCHECKED: Final = "unchecked: "
_NAME: Final = HEADER.lower()

Taken: TypeAlias = "str | JsonObject"
"""What a peer's receipt says; or the word for one that says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Ours and the peers'."""

    did: Did
    signer: Signer
    resolver: Resolver
    clock: Clock

    async def give(self, draft: Draft, kind: str, sha256: str) -> str:
        """Our receipt for a message that was just accepted."""
        receipt = _receipt((self.did, Did(draft.counterparty)), sha256, kind, draft.process, draft.process.state)
        unsigned = receipt_input(receipt, draft.now, key_id=self.signer.key_id, alg=self.signer.alg)
        return jose.attach(unsigned, await self.signer.sign(unsigned)).decode("ascii")

    async def read(self, row: OutboxRow, answer: HttpAnswer) -> Taken:
        """What the receipt in an answer to our message says, as far as its signature holds."""
        text = answer.headers.get(_NAME)
        if text is None:
            return UNSIGNED
        peer = Did(row.counterparty)
        try:
            return open_receipt(text, peer, await self.resolver.did_document(peer))
        except CannotCheck as error:
            return UNCHECKED + error.detail
        except ConnectorError as error:
            return WRONG + error.detail

    def judge(self, taken: Taken, row: OutboxRow, process: Process, state: str) -> str:
        """What it is worth. `state` is what the message leads to."""
        if isinstance(taken, str):
            return taken
        parties, sha256 = (Did(row.counterparty), self.did), hashlib.sha256(row.body).hexdigest()
        try:
            check_receipt(taken, _receipt(parties, sha256, row.message_type, process, state), self.clock.now())
        except Refused as error:
            return WRONG + error.detail
        return VERIFIED


def headers_of(receipt: str) -> str:
    """The headers of an answer as they are kept: the receipt, where there is one."""
    return orjson.dumps({_NAME: receipt}).decode() if receipt else ""


def receipt_in(headers: str) -> str:
    """The receipt among kept headers, or nothing."""
    return str(orjson.loads(headers).get(_NAME, "")) if headers else ""


def _receipt(parties: tuple[Did, Did], sha256: str, kind: str, process: Process, state: str) -> Receipt:
    return Receipt(
        issuer=parties[0], audience=parties[1], sha256=sha256, message=kind, consumer_pid=process.consumer_pid or "",
        provider_pid=process.provider_pid or "", state=state,
    )  # fmt: skip
