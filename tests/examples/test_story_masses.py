"""The mass model of the story: everything adds up, to the gram, for any number of batteries."""

import pytest

from examples.mine_to_recycler.story.masses import (
    METALS,
    Campaign,
    Ledger,
    apportioned,
    computed_closing,
    expanded,
    less,
    part,
    total,
)
from examples.mine_to_recycler.story.model import Story, tell
from examples.mine_to_recycler.story.nested import recycled_share
from examples.mine_to_recycler.story.statements import MODELS


@pytest.fixture(scope="module", params=[1, 8, 9, 100])
def story(request: pytest.FixtureRequest) -> Story:
    """Stories of several sizes; eight batteries are one scale."""
    return tell(int(request.param))


def campaigns(story: Story) -> list[tuple[str, Ledger, Campaign]]:
    """Every make event with its company."""
    return [(name, ledger, run) for name, ledger in story.ledgers.items() for run in ledger.campaigns]


def test_what_goes_in_comes_out_or_is_lost(story: Story) -> None:
    """Every campaign balances to the gram."""
    for name, _, run in campaigns(story):
        gap = less(
            less(total(item.contained for item in run.inputs), total(item.contained for item in run.outputs)),
            total(run.losses.values()),
        )
        assert not any(gap.values()), (name, run.number, gap)


def test_losses_are_like_those_of_real_plants(story: Story) -> None:
    """No plant loses nothing or a fifth of a metal, but for the manganese that the recycler does not recover."""
    for name, _, run in campaigns(story):
        fed = total(item.contained for item in run.inputs)
        for metal, mass in total(run.losses.values()).items():
            if (name, metal) != ("recycler", "Mn"):
                assert 0 < mass < fed[metal] * 0.2, (name, metal)


def test_attributions_add_up_to_each_output(story: Story) -> None:
    """Per metal and output, the shares of all inputs are the output's content."""
    for name, _, run in campaigns(story):
        for output in run.outputs:
            for metal, mass in output.contained.items():
                shares = [s.mass for s in run.shares if (s.target, s.metal) == (output.lot, metal)]
                assert sum(shares) == mass, (name, output.lot, metal)


def test_no_account_gives_more_than_it_got(story: Story) -> None:
    """What is attributed to an input is at most what went in of it: so too in the refiner's mass balance."""
    for name, _, run in campaigns(story):
        for source in run.inputs:
            for metal, mass in source.contained.items():
                given = sum(s.mass for s in run.shares if (s.source, s.metal) == (source.lot, metal))
                assert given <= mass, (name, source.lot, metal)


def test_the_counted_stock_fits_the_books(story: Story) -> None:
    """The closing count differs from the books by less than its own uncertainty, and does differ."""
    for name, ledger in story.ledgers.items():
        books = computed_closing(ledger.opening.contained, ledger.campaigns, ledger.sent, ledger.received)
        for metal, mass in books.items():
            gap = abs(ledger.closing.contained[metal] - mass)
            assert 0 < gap < expanded(metal, mass), (name, metal)


def test_no_output_precedes_its_inputs(story: Story) -> None:
    """Lots are made, sent, received and used in this order."""
    made = {output.lot: run.end for _, _, run in campaigns(story) for output in run.outputs}
    for name, ledger in story.ledgers.items():
        arrived = {item.lot: delivery.received_at for delivery in ledger.received for item in delivery.items}
        for delivery in ledger.sent:
            assert delivery.sent_at < delivery.received_at
            assert all(made[item.lot] <= delivery.sent_at for item in delivery.items), (name, delivery.note)
        for run in ledger.campaigns:
            assert run.start < run.end
            assert all(arrived[item.lot] < run.start for item in run.inputs if item.lot in arrived), run.number


def test_every_event_lies_in_the_period_of_its_site(story: Story) -> None:
    """What a closing count covers happened between the opening and the closing one."""
    for name, ledger in story.ledgers.items():
        times = [run.end for run in ledger.campaigns]
        times += [delivery.sent_at for delivery in ledger.sent]
        times += [delivery.received_at for delivery in ledger.received]
        assert all(ledger.opening.at <= time <= ledger.closing.at for time in times), name


def test_no_lot_is_used_beyond_its_mass(story: Story) -> None:
    """Receivers weigh in no more than was sent, senders send no more than was made, plants use no more than came."""
    lots = {lot.number: lot.contained for ledger in story.ledgers.values() for lot in ledger.lots}
    used: dict[str, list[dict[str, int]]] = {}
    for _, _, run in campaigns(story):
        for source in run.inputs:
            used.setdefault(source.lot, []).append(dict(source.contained))
    for ledger in story.ledgers.values():
        for delivery in ledger.sent:
            for item in delivery.items:
                assert all(item.contained_sent[m] <= lots[item.lot][m] for m in item.contained_sent)
                assert all(item.contained_received[m] <= item.contained_sent[m] for m in item.contained_sent)
        for delivery in ledger.received:
            for item in delivery.items:
                taken = total(used.get(item.lot, []))
                assert all(mass <= item.contained_received[m] for m, mass in taken.items()), item.lot


def test_there_are_as_many_batteries_as_asked() -> None:
    """`--items N` makes N batteries, and one recycled battery for every eight."""
    for items in (1, 8, 9, 100):
        story = tell(items)
        assert len(story.ledgers["car"].lots) == items
        assert len(story.certificates) == story.scale == -(-items // 8)


def test_the_model_states_the_recycled_shares_of_the_chain() -> None:
    """The car maker's master data give what follows from the lots, to a tenth of a per cent."""
    ledger = tell().ledgers["car"]
    for metal, key in (("Ni", "ni"), ("Co", "co"), ("Li", "li")):
        assert f"{recycled_share(ledger, metal):.1f}" == MODELS[1][key]


def test_run_around_scrap_is_metal_but_not_recycled() -> None:
    """The cathode maker's rework stands in the account under its own kind."""
    run = tell().ledgers["cathode"].campaigns[0]
    assert {share.kind for share in run.shares if share.source == "RW-2610"} == {"runAround"}


def test_the_planted_fault_touches_one_plant() -> None:
    """`inflated` changes the refiner's nickel: 6 % more in one lot and in the count, and no other ledger."""
    clean, planted = tell(), tell(fault="inflated")
    changed = [name for name in clean.ledgers if clean.ledgers[name] != planted.ledgers[name]]
    assert changed == ["refiner"]
    before, after = clean.ledgers["refiner"], planted.ledgers["refiner"]
    extra = part(before.lots[1].contained["Ni"], 6, 100)
    assert after.lots[1].contained["Ni"] == before.lots[1].contained["Ni"] + extra
    assert after.closing.contained == {
        "Ni": before.closing.contained["Ni"] + extra,
        "Co": before.closing.contained["Co"],
    }
    assert after.campaigns[0].losses == before.campaigns[0].losses
    assert after.sent == before.sent


def test_parts_add_up() -> None:
    """Dividing into whole grams loses and invents nothing."""
    assert apportioned(100, [1, 1, 1]) == [34, 33, 33]
    assert apportioned(7, [0, 0]) == [0, 0]
    assert sum(apportioned(12_345, [17, 0, 4, 99])) == 12_345
    assert METALS == ("Ni", "Co", "Mn", "Li")


@pytest.mark.parametrize(("items", "fault"), [(0, "none"), (1, "unheard-of")])
def test_a_story_that_cannot_be_told_is_refused(items: int, fault: str) -> None:
    """No batteries, or a fault that exports cannot carry."""
    with pytest.raises(ValueError, match=r"battery|fault"):
        tell(items, fault=fault)
