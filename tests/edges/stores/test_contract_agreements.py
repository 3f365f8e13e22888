"""What every store promises of agreements, run against each: one per id, kept for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import Conflict, NotOffered, Taken
from connector.exchange.ports import Store
from connector.exchange.rows import StepCommit
from tests.edges.stores.rows import PEER, T, agreement, entry, process
from tests.edges.stores.test_contract_records import D


async def test_a_given_agreement_id_is_one_negotiations(store: Store) -> None:
    """Who claims it first has it: no other claim and no agreement of another negotiation takes it, a repeat does."""
    for pid in ("p1", "p2"):
        await store.commit_step(StepCommit(process=process(pid), expected_version=0))
    await store.commit_step(StepCommit(process=process(version=2), expected_version=1, claim="a1"))
    await store.commit_step(StepCommit(process=process(version=3), expected_version=2, claim="a1"))
    theirs = StepCommit(process=process("p2", 2), expected_version=1)
    for wanted in (replace(theirs, claim="a1"), replace(theirs, agreement=replace(agreement(), negotiation_pid="p2"))):
        with pytest.raises(Taken):
            await store.commit_step(wanted)
    assert (await store.agreement_taken(T, "a1", "p1"), await store.agreement_taken(T, "a1", "p2")) == (False, True)
    await store.commit_step(StepCommit(process=process(version=4), expected_version=3, agreement=agreement()))
    assert await store.agreement_taken(T, "a1", "p1")
    with pytest.raises(Taken):
        await store.commit_step(StepCommit(process=process(version=5), expected_version=4, claim="a1"))
    assert not await store.agreement_taken("other", "a1", "p2")


async def test_agreements_are_found_by_party_and_dataset(store: Store) -> None:
    """Only those of this party on this dataset, oldest first."""
    rows = [agreement("a2", at=1), agreement("a1", at=2), replace(agreement("a3"), dataset_id="other")]
    rows.append(replace(agreement("a4"), counterparty="did:web:x"))
    for version, row in enumerate(rows):
        step = StepCommit(process=process(version=version + 1), expected_version=version, agreement=row)
        await store.commit_step(step)
    assert await store.agreements_with(T, PEER, "ds") == rows[:2]
    assert await store.agreements_with(T, PEER, None) == [rows[0], rows[2], rows[1]]
    assert await store.agreements_with("other", PEER, "ds") == []


async def test_agreements_are_added_and_marked_never_changed(store: Store) -> None:
    """A second agreement of the same id is a conflict; a replaced one stays with the id that took its place."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, agreement=agreement()))
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process(version=2), expected_version=1, agreement=agreement()))
    await store.commit_step(
        StepCommit(
            process=process(version=2),
            expected_version=1,
            agreement=agreement("a2", at=2),
            replaced_agreement=("a1", "a2"),
        )
    )
    assert await store.list_agreements(T) == [replace(agreement(), replaced_by="a2"), agreement("a2", at=2)]
    with pytest.raises(Conflict):
        await store.commit_step(
            StepCommit(process=process(version=3), expected_version=2, replaced_agreement=("a9", "a2"))
        )


async def test_a_step_that_needs_an_offer_is_refused_without_it(store: Store) -> None:
    """Offered, it passes; withdrawn, never there or another company's, nothing of the step is kept."""
    await store.commit_dataset(D)
    await store.commit_dataset(replace(D, tenant="other", dataset_id="theirs"))
    opens = StepCommit(process=process(), expected_version=0, offered=D.dataset_id)
    for missing in ("theirs", "nothing"):
        with pytest.raises(NotOffered):
            await store.commit_step(replace(opens, offered=missing))
    assert await store.load_process(T, "negotiation", "p1") is None
    await store.commit_step(opens)
    await store.commit_dataset(replace(D, withdrawn=7))
    with pytest.raises(NotOffered):
        await store.commit_step(StepCommit(process=process(version=2), expected_version=1, offered=D.dataset_id))
    there = await store.load_process(T, "negotiation", "p1")
    assert there is not None
    assert there.version == 1


async def test_a_dataset_is_changed_only_as_it_was_seen(store: Store) -> None:
    """What was withdrawn or published anew meanwhile stays as it is, and nothing goes on record."""
    with pytest.raises(Conflict):
        await store.commit_dataset(replace(D, withdrawn=7), expected=D)
    await store.commit_dataset(D)
    newer = replace(D, policy_digest="q")
    await store.commit_dataset(newer, expected=D)
    with pytest.raises(Conflict):
        await store.commit_dataset(replace(D, withdrawn=7), [entry("offer-withdrawn")], expected=D)
    assert await store.load_dataset(T, D.dataset_id) == newer
    assert await store.evidence(T) == []


async def test_pages_of_agreements_leave_out_and_repeat_nothing(store: Store) -> None:
    """The newest first, those of one time too; none that was replaced, nor another company's."""
    rows = [agreement(f"a{number}", at=5 + number % 2) for number in range(6)]
    rows += [replace(agreement("b1"), dataset_id="other"), replace(agreement("b2"), counterparty="did:web:x")]
    for version, row in enumerate(rows):
        await store.commit_step(
            StepCommit(process=process(version=version + 1), expected_version=version, agreement=row)
        )
    step = StepCommit(process=process(version=9), expected_version=8, replaced_agreement=("a0", "a2"))
    await store.commit_step(step)
    paged, before = list[str](), None
    while page := await store.newest_agreements(T, before=before, limit=2):
        paged += [row.agreement_id for row in page]
        before = page[-1].at, page[-1].agreement_id
    assert paged == ["a5", "a3", "a1", "a4", "a2", "b2", "b1"]
    listed, after = list[str](), (0, "")
    while page := await store.list_agreements(T, after=after, limit=2):
        listed += [row.agreement_id for row in page]
        after = page[-1].at, page[-1].agreement_id
    assert listed == ["b1", "b2", "a0", "a2", "a4", "a1", "a3", "a5"]
    assert await store.list_agreements(T, dataset_id="other") == [rows[6]]
    assert await store.newest_agreements(T, dataset_id="other", limit=9) == [rows[6]]
    assert await store.newest_agreements(T, counterparty="did:web:x", limit=9) == [rows[7]]
    assert await store.newest_agreements("other", limit=9) == []


async def test_what_stands_on_an_offer_is_counted_and_parties_are_named_once(store: Store) -> None:
    """Given by us, final and not replaced; what we were given does not count there, nor what another company gave."""
    given = [replace(agreement(f"a{number}"), role="provider") for number in range(3)]
    rows = [*given, replace(given[0], agreement_id="b", dataset_id="other"), replace(given[0], agreement_id="c")]
    rows += [replace(given[0], agreement_id="d", counterparty="did:web:x"), replace(agreement("e"), role="consumer")]
    for version, row in enumerate(rows):
        step = StepCommit(process=process(version=version + 1), expected_version=version, agreement=row)
        await store.commit_step(step)
    final = process(version=8, state="FINALIZED")
    await store.commit_step(StepCommit(process=final, expected_version=7, replaced_agreement=("a0", "a1")))
    for pid, state in (("p2", "AGREED"), ("p3", "TERMINATED")):
        row = replace(given[0], agreement_id=pid, negotiation_pid=pid)
        await store.commit_step(StepCommit(process=process(pid, state=state), expected_version=0, agreement=row))
    assert await store.count_agreements(T, ["ds", "nothing"]) == {"ds": 4}
    assert await store.count_agreements(T, []) == await store.count_agreements("other", ["ds"]) == {}
    assert await store.agreement_parties(T) == sorted([PEER, "did:web:x"])
    assert await store.agreement_parties("other") == []
