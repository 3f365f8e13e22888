"""The plans of the story over its exports: every step of `story.toml` finds what it needs, and the books close."""

import tomllib

import pytest

from connector.mapping.plan import parse
from connector.mapping.preview import try_examples
from connector.provenance.balance import Books, site_balances
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import Event, MakeEvent, Thing, read_event, read_thing
from connector.provenance.links import find_links
from connector.provenance.origin import Chain, Coverage, Ground, coverage
from connector.vocabulary.bundle import Bundle
from tests.core.provenance.chains import WIDEST
from tests.examples.rehearsal import FOLDER, STORY, Rehearsal, rehearsal

PASSPORTS = {"MineralLotPassport", "CellPassport", "BatteryPassport"}


def events_of(played: Rehearsal) -> tuple[Event, ...]:
    """Every event of every company, as an auditor would read it."""
    events = []
    for record in played.records():
        event, problems = read_event(record.type, record.subject)
        assert problems == ()
        if event is not None:
            events.append(event)
    return tuple(events)


def books_of(played: Rehearsal) -> Books:
    """The books of all sites."""
    records = {record.id: record for record in played.records()}
    things: dict[str, Thing] = {}
    covers = {}
    for record in records.values():
        if record.type in PASSPORTS:
            thing, problems = read_thing(record.subject)
            assert thing is not None, problems
            things[thing.id] = thing
        if record.type == "StocktakeEvent":
            covers[record.thing] = frozenset(
                records[record.links[link.id]].thing for link in find_links(record.subject) if link.relation == "covers"
            )
    return Books(widest=WIDEST, events=events_of(played), things=things, covers=covers)


def origins_of(played: Rehearsal, serial: str) -> dict[str, Coverage]:
    """Where a battery's metals come from, with every record taken as good."""
    makes = tuple(event for event in events_of(played) if isinstance(event, MakeEvent))
    mine = {record.thing for record in played.records() if record.company == "mine" and record.type == "MakeEvent"}
    chain = Chain(
        widest=WIDEST,
        events=makes,
        links={link: Ground.VERIFIED for record in played.records() for link in record.links},
        things={record.thing: Ground.VERIFIED for record in played.records()},
        extraction=dict.fromkeys(mine, Ground.VERIFIED),
    )
    battery = next(r.thing for r in played.records() if r.type == "BatteryPassport" and r.identifiers[0][1] == serial)
    return {found.metal: found for found in coverage(chain, battery)}


def test_every_step_finds_what_it_needs(played: Rehearsal) -> None:
    """No finding, no open link, no document that breaks its shape, no exchange without a unit."""
    assert played.complaints == []


def test_the_books_of_all_sites_close(played: Rehearsal) -> None:
    """Six sites, and every metal that each handles, within the stated uncertainties."""
    books = books_of(played)
    assert [finding.as_json() for finding in all_findings(books)] == []
    balances = site_balances(books)
    assert len({balance.site for balance in balances}) == 6
    assert {balance.outcome for balance in balances} == {"balanced"}


def test_an_inflated_plant_is_found_at_one_site_and_metal(bundle: Bundle) -> None:
    """Everything that is found is the refiner's nickel, in its period."""
    planted = rehearsal(bundle, fault="inflated").play()
    assert planted.complaints == []
    found = all_findings(books_of(planted))
    expected = STORY["faults"]["inflated"]["expect"]
    site = next(r.thing for r in planted.records() if r.company == "refiner" and r.type == "FacilityRecord")
    assert [(finding.code, finding.site, finding.metal, finding.period) for finding in found] == [
        ("site-balance", site, expected["metal"], expected["period"])
    ]


def test_the_origin_of_battery_b_is_told_by_its_chain(played: Rehearsal) -> None:
    """Nickel from the mine (allocated), from A and from scrap (physical); manganese from outside."""
    origins = origins_of(played, STORY["story"]["battery"])
    nickel, manganese = origins["Ni"], origins["Mn"]
    assert nickel.fraction(Ground.VERIFIED, allocated=True) > nickel.fraction(Ground.VERIFIED, allocated=False) > 0
    assert nickel.fraction(Ground.UNATTESTED) > 0
    assert (
        0
        < nickel.fraction(Ground.VERIFIED, source_kind="postConsumer")
        < nickel.fraction(Ground.VERIFIED, source_kind="manufacturingWaste")
    )
    assert manganese.fraction(Ground.UNATTESTED) == 1
    assert all(round(sum(share.fraction for share in found.shares), 9) == 1 for found in origins.values())


def test_the_status_of_a_changes_and_nothing_else_of_it(bundle: Bundle) -> None:
    """Published twice, A's passport differs in its dynamic values alone."""
    play = rehearsal(bundle)
    before = {m.key: m for m in play.mapped("car", "passports")}
    play.arrive({"company": "car", "files": "arrivals/2026-10"})
    after = {m.key: m for m in play.mapped("car", "passports")}
    serial = STORY["story"]["recycled_battery"]
    changed = {term for term, value in after[serial].subject.items() if before[serial].subject[term] != value}
    assert changed == {"passportStatus", "batteryStatus", "itemCapacity"}
    assert after[serial].subject["passportStatus"] == "ceased"


def test_all_plans_and_policies_are_used() -> None:
    """Nothing lies about: each file belongs to a dataset of its company, and each dataset is published."""
    steps = [step for stage in STORY["stage"] for step in stage["steps"]]
    for company in STORY["story"]["companies"]:
        datasets = tomllib.loads((FOLDER / company / "company.toml").read_text("utf-8")).get("datasets", [])
        pairs = {(dataset["plan"], dataset["policy"]) for dataset in datasets}
        published = {(s["plan"], s["policy"]) for s in steps if s["do"] == "publish" and s["company"] == company}
        assert pairs == published, company
        assert {plan for plan, _ in pairs} == {path.stem for path in (FOLDER / company).glob("plans/*.yaml")}
        assert {policy for _, policy in pairs} == {path.stem for path in (FOLDER / company).glob("policies/*.json")}


def test_the_examples_in_the_plans_hold() -> None:
    """What a plan says about itself is so (`map test`)."""
    tried = []
    for path in sorted(FOLDER.glob("*/plans/*.yaml")):
        rows = (path.parents[1] / "exports" / "parties.csv").read_text("utf-8").splitlines()[1:]
        parties = {row.split(",")[0]: row.split(",")[2] for row in rows}
        tried += try_examples(parse(path.read_bytes()), {"parties": parties}, lambda kind, key: f"urn:{kind}:{key}")
    assert len(tried) >= 4
    assert [(example.name, example.differences) for example in tried if example.differences] == []


def test_partners_in_company_files_are_those_of_the_exports() -> None:
    """The numbers in `company.toml` are the ones in `parties.csv`."""
    for path in FOLDER.glob("*/exports/parties.csv"):
        rows = [line.split(",") for line in path.read_text("utf-8").splitlines()[1:]]
        partners = tomllib.loads((path.parents[1] / "company.toml").read_text("utf-8")).get("partners", {})
        if path.parents[1].name != "laboratory":
            assert {row[0]: row[2] for row in rows} == {n: f"did:web:{name}.example" for n, name in partners.items()}


@pytest.mark.parametrize("items", [20])
def test_more_batteries_make_more_documents(bundle: Bundle, items: int) -> None:
    """Twenty batteries, three old ones: the same plans, no complaint, and the books close."""
    many = rehearsal(bundle, items).play()
    assert many.complaints == []
    assert sum(record.type == "BatteryPassport" for record in many.records()) == items + 3
    assert all_findings(books_of(many)) == ()
