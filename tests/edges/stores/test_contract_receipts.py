"""What every store promises of receipts, run against each of them."""

from __future__ import annotations

from dataclasses import replace

from connector.exchange.ports import Store
from connector.exchange.rows import StepCommit
from tests.edges.stores.rows import T, entry, message, outbox, process


async def test_what_a_receipt_is_worth_is_written_once(store: Store) -> None:
    """Of our own message of that id, as long as it is only signed; with what goes on record."""
    ours = [
        replace(message(message_id=name, direction="out"), receipt=word)
        for name, word in (("a", "signed"), ("b", "wrong: x"), ("c", "signed"))
    ]
    theirs = replace(message(message_id="a"), receipt="signed")
    await store.commit_step(StepCommit(process=process(), expected_version=0, messages=[*ours, theirs]))
    found = [(outbox(message_id=name), "verified") for name in ("a", "b", "none")] + [(outbox("p2", "c"), "verified")]
    await store.settle_receipts(found, [entry("wrong-receipt")])
    kept = [one.receipt for one in await store.messages(T, "negotiation", "p1")]
    assert kept == ["verified", "wrong: x", "signed", "signed"]
    assert [one.event for one in await store.evidence(T)] == ["wrong-receipt"]
