"""Numbering and linking evidence inside the transaction that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from connector.exchange.rows import EvidenceEntry
from connector.provenance.evidence import GENESIS, entry_hash
from connector.stores.engine import Transaction
from connector.stores.statements import number


async def append(tx: Transaction, entries: Sequence[EvidenceEntry]) -> None:
    """Give each entry the next number of its tenant and link it to the one before.

    One writer runs one transaction after the other, so the last row is the head; nothing is kept in memory that a
    rollback would have to take back.
    """
    for entry in entries:
        head = await tx.row("last_evidence", {"tenant": entry.tenant})
        seq = number(head) + 1
        previous = str(head[1]) if head else GENESIS
        await tx.change(
            "insert_evidence",
            {
                "tenant": entry.tenant,
                "seq": seq,
                "at": entry.at,
                "event": entry.event,
                "body": entry.body,
                "previous": previous,
                "hash": entry_hash(previous, seq, entry.at, entry.event, entry.body),
            },
        )
