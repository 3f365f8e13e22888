"""Agreements that pin the content of the data, from the offer to what was delivered, by the commands."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.cli.client import Management
from connector.cli.companies import free_ports
from connector.credentials.digest import digest_multibase
from tests.edges.cli.companies import BROKEN, EXPORT, Company, found, know, serving
from tests.edges.cli.test_running import ask, run
from tests.edges.cli.visitor import Visitor


@dataclass(frozen=True, slots=True)
class World:
    """The mine offers, the refiner asks."""

    mine: Company
    refiner: Company


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two companies that know each other."""
    ports = free_ports(4)
    mine, refiner = (found(tmp_path, name, ports.pop(), ports.pop()) for name in ("mine", "refiner"))
    know(mine, refiner)
    know(refiner, mine)
    with serving(mine, refiner):
        yield World(mine, refiner)


def verdict(company: Company, agreement: str) -> tuple[int, str]:
    """Exit code and word of the comparison."""
    code, answer = ask(company, "agreement", "show", agreement)
    return code, answer["comparison"]["verdict"]


def by_page(world: World, agreement: str, pin: str) -> None:
    """The same at the operators' pages of either side, with what came and under which policy it is offered."""
    theirs, ours = Visitor(world.mine), Visitor(world.refiner)
    offers = theirs.get("offers").words()
    for words in ("sites Policy", "may be had by a party that gets exactly the content", pin, "1 agreement"):
        assert words in offers, words
    for desk, words in ((theirs, "sites , to refiner"), (ours, "sites , from mine")):
        assert words in desk.get("agreements").words()
        page = desk.get(f"agreements/{agreement}").words()
        assert ("Compared same" in page, pin in page, "verified" in page) == (True, True, True)
        assert "No agreement is like that." in desk.get("agreements?peer=did:web:nobody").words()
    assert "2 records and 0 files, digest" in ours.get(f"agreements/{agreement}").words()
    came = ours.get("received").words()
    for words in ("FacilityRecord 0010", "FacilityRecord 0011", "1 of 1", "kept of each peer"):
        assert words in came, words
    assert "Nothing came yet." in theirs.get("received").words()
    assert ours.get("agreements/x").status == 404


def called_by_its_title(world: World, agreement: str, dataset: str) -> None:
    """Who reads of it sees what the provider calls the dataset, on both sides; where one stands, its id as well."""
    for who in (world.refiner, world.mine):
        for command in ("why", "transfers", "agreement list"):
            assert "sites" in run(who, *command.split())[1].split(), (who, command)
        for command in ("why", "agreement show"):
            said = " ".join(run(who, *command.split(), agreement)[1].split())
            assert f"sites ({dataset})" in said, (who, command)
    assert f"dataset sites ({dataset}), agreement {agreement}" in " ".join(run(world.refiner, "received")[1].split())


def given(address: Any) -> tuple[int, bytes]:
    """What a started transfer gives at its address."""
    wanted = urllib.request.Request(address["endpoint"], headers={"Authorization": address["authorization"]})
    try:
        with urllib.request.urlopen(wanted) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def test_an_agreement_pins_what_is_delivered(world: World) -> None:
    """What came is what was agreed; what changed is refused with the reason, and a new agreement pins it anew."""
    mine, refiner = world.mine, world.refiner
    code, published = ask(mine, "publish", "sites", "--policy", "open", "--pin")
    assert (code, bool(published["pin"])) == (0, True)
    first = ask(refiner, "request", "mine", "sites")[1]["agreement"]
    assert verdict(refiner, first) == (0, "not-delivered")
    assert verdict(mine, first) == (0, "same")
    assert ask(refiner, "fetch", first, "--unit", "0010")[0] == 0
    assert verdict(refiner, first) == (0, "partial")
    assert ask(refiner, "fetch", first)[0] == 0
    code, shown = ask(refiner, "agreement", "show", first)
    assert (code, shown["comparison"]["verdict"], shown["pins"]) == (0, "same", [published["pin"]])
    assert (shown["delivered"]["records"], shown["delivered"]["digest"]) == (2, published["pin"])
    assert (shown["provider"], shown["consumer"], shown["state"]) == (mine.did, refiner.did, "FINALIZED")
    assert {one["receipt"] for one in shown["messages"]} == {"verified", "given"}
    text = run(refiner, "agreement", "show", first)[1]
    assert "gets exactly the content with the digest" in text
    assert "what came is what was agreed" in text
    assert ask(mine, "publish", "sites", "--policy", "open")[1]["pin"] == published["pin"]
    by_page(world, first, published["pin"])
    called_by_its_title(world, first, published["dataset"])

    (mine.folder / "exports" / "sites.csv").write_text(EXPORT.replace("Leach plant", "Roasting plant"))
    code, changed = ask(mine, "publish", "sites", "--policy", "open", "--correct", "renamed")
    assert (code, changed["pin"] != published["pin"]) == (0, True)
    code, refused = ask(refiner, "fetch", first)
    assert (code, refused["state"]) == (1, "TERMINATED")
    assert refused["termination"]["reason"][-1] == {"decision": "deny", "failed": ["contentDigest"]}
    assert "it is no longer what the agreement pins" in run(refiner, "fetch", first)[1]
    assert verdict(mine, first) == (1, "different")
    assert verdict(refiner, first) == (0, "same")
    second = ask(refiner, "request", "mine", "sites")[1]["agreement"]
    assert ask(refiner, "fetch", second, "--push")[0] == 0
    assert verdict(refiner, second) == (0, "same")
    assert {one["agreement"] for one in ask(refiner, "agreement", "list")[1]["agreements"]} == {first, second}
    listed = run(refiner, "agreement", "list")[1]
    assert (second in listed, "FINALIZED" in listed) == (True, True)
    assert run(refiner, "agreement", "show", "urn:uuid:0")[0] == 2
    third = ask(refiner, "request", "mine", "sites")[1]["agreement"]
    assert "2 came as they are kept already" in run(refiner, "fetch", third)[1]
    assert "nothing is kept under it" in run(refiner, "received")[1]


def test_content_that_changed_is_neither_agreed_nor_given(world: World) -> None:
    """An offer whose content has moved away binds nobody; a pinned policy stays pinned to what is published now."""
    mine, refiner = world.mine, world.refiner
    assert run(mine, "publish", "sites", "--policy", "open", "--pin")[0] == 0
    agreement = ask(refiner, "request", "mine", "sites")[1]["agreement"]
    started = Management.of(refiner.config).post("/v1/fetch", {"agreement": agreement, "pull": False})
    assert given(started["address"])[0] == 200
    export = mine.folder / "exports" / "sites.csv"
    rows = export.read_text()
    export.write_text("".join(rows.splitlines(keepends=True)[:2]))
    assert run(mine, "publish", "sites", "--policy", "closed", "--title", "other")[0] == 0
    status, body = given(started["address"])
    assert (status, json.loads(body)["detail"]) == (403, "the data is no longer what the agreement pins")
    code, answer = ask(refiner, "request", "mine", "sites")
    assert (code, answer["termination"]["code"]) == (1, "policy-denied")
    assert answer["termination"]["reason"][-1]["failed"] == ["contentDigest"]
    assert verdict(mine, agreement) == (1, "different")
    assert ask(refiner, "fetch", agreement)[0] == 1
    export.write_text(rows)
    answer = ask(mine, "publish", "sites", "--policy", "closed", "--title", "other")[1]
    assert (len(answer["withdrawn"]), "open nothing now" in answer["warnings"][-1]) == (1, True)
    assert ask(refiner, "request", "mine", "sites")[1]["error"]["code"] == "bad-input"


def test_a_pinned_file_is_known_by_its_own_digest(world: World) -> None:
    """Anybody can work it out; another file of that name is another content; without a pin nothing is compared."""
    mine, refiner = world.mine, world.refiner
    report = mine.folder / "report.txt"
    report.write_text("first")
    code, published = ask(mine, "publish-file", report, "--policy", "open", "--pin")
    assert (code, published["pin"]) == (0, digest_multibase(b"first"))
    agreement = ask(refiner, "request", "mine", "report.txt")[1]["agreement"]
    assert ask(refiner, "fetch", agreement)[0] == 0
    assert verdict(refiner, agreement) == (0, "same")
    report.write_text("second")
    assert ask(mine, "publish-file", report, "--policy", "open", "--no-pin")[1]["pin"] is None
    assert ask(refiner, "fetch", agreement)[0] == 1
    open_one = ask(refiner, "request", "mine", "report.txt")[1]["agreement"]
    assert ask(refiner, "fetch", open_one)[0] == 0
    assert verdict(refiner, open_one) == (0, "not-pinned")


def test_a_first_publication_of_nothing_is_no_offer(world: World) -> None:
    """Every row is refused: whoever made a contract on it would get nothing. With a row that is good it is offered."""
    mine, refiner = world.mine, world.refiner

    def published(rows: str) -> tuple[int, dict[str, Any]]:
        (mine.folder / "exports" / "sites.csv").write_text(rows, "utf-8")
        return ask(mine, "publish", "sites", "--policy", "open")

    code, answer = published(BROKEN)
    assert (code, answer["documents"], answer["assets"], answer["withdrawn"]) == (1, 0, 0, [])
    assert any("nothing came out, so 'sites'" in one for one in answer["warnings"])
    assert ask(refiner, "catalog", "mine")[1]["datasets"] == []
    assert "is our membership in the folder `held`?" in " ".join(run(refiner, "catalog", "mine")[1].split())
    code, answer = published(EXPORT)
    assert (code, answer["documents"], answer["withdrawn"]) == (0, 2, [])
    code, answer = published(BROKEN)
    assert (code, answer["withdrawn"]) == (1, []), "what stands in it is offered as before"
    assert [one["title"] for one in ask(refiner, "catalog", "mine")[1]["datasets"]] == ["sites"]
