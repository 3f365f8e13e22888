"""The commands about a running connector: exit codes, shapes of `--json`, and what people read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli.client import Management
from connector.cli.companies import free_ports
from connector.errors import BadInput
from connector.model import list_in
from tests.commands import app
from tests.edges.cli.companies import BROKEN, Company, found, know, serving


@dataclass(frozen=True, slots=True)
class World:
    """The mine offers two datasets, one of them to refiners by role; the smelter is gone after an agreement."""

    mine: Company
    refiner: Company
    smelter: Company
    lost: str
    """The agreement with the smelter."""


def run(company: Company, *arguments: str | Path) -> tuple[int, str]:
    """Exit code and everything that was said."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--config", str(company.config)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def ask(company: Company, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Exit code and the machine's answer."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--config", str(company.config), "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The smelter's connector has ended."""
    folder, ports = tmp_path_factory.mktemp("companies"), free_ports(6)
    mine, refiner, smelter = (found(folder, name, ports.pop(), ports.pop()) for name in ("mine", "refiner", "smelter"))
    know(mine, refiner)
    know(refiner, mine, smelter)
    know(smelter, refiner)
    with serving(mine, refiner):
        with serving(smelter):
            assert run(smelter, "publish", "sites", "--policy", "open")[0] == 0
            assert run(mine, "publish", "sites", "--policy", "open")[0] == 0
            assert run(mine, "publish", "depots", "--policy", "closed", "--title", "Our depots")[0] == 0
            code, answer = ask(refiner, "request", "smelter", "sites")
            assert code == 0, answer
        yield World(mine, refiner, smelter, answer["agreement"])


def test_publish_reports_broken_rows_and_publishes_the_others(world: World) -> None:
    """Findings are exit code 1, with file, line, column, value and reason; the rest stands."""
    late = world.mine.folder / "exports" / "sites-late.csv"
    late.write_text(BROKEN)
    code, answer = ask(world.mine, "publish", "sites", "--policy", "open")
    _, text = run(world.mine, "publish", "sites", "--policy", "open")
    late.unlink()
    assert (code, answer["documents"], answer["credentials"], answer["unchanged"]) == (1, 2, 2, 2)
    finding = answer["findings"][0]
    assert (finding["source"], finding["line"], finding["column"], finding["value"]) == (
        "sites-late.csv",
        2,
        "type",
        "moon base",
    )
    assert "moon base" in text
    assert "recyclingPlant" in text
    assert "offered as 'sites'" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere", "--policy", "open"), "depots, sites"),
        (("sites", "--policy", "shut"), "closed, open"),
        (("sites", "--policy", "open", "--credential", "CellPassport"), "FacilityRecord, not CellPassport"),
    ],
)
def test_publish_says_what_it_cannot_use(world: World, arguments: tuple[str, ...], told: str) -> None:
    """Bad usage is exit code 2, with what is there."""
    code, text = run(world.mine, "publish", *arguments)
    assert code == 2
    assert told in text


def test_catalog_takes_a_name_a_did_or_an_address(world: World) -> None:
    """The same answer for each, with the terms in plain words."""
    code, answer = ask(world.refiner, "catalog", "mine")
    assert code == 0
    assert {one["title"]: one["plain"] for one in answer["datasets"]} == {
        "sites": ["The data may be had by anybody."],
        "Our depots": ["The data may be had by a party that proves the role refiner."],
    }
    assert ask(world.refiner, "catalog", world.mine.did)[1] == answer
    assert ask(world.refiner, "catalog", world.mine.public_url)[1] == answer
    assert "proves the role refiner" in run(world.refiner, "catalog", "mine")[1]


def test_the_next_step_can_be_copied(world: World) -> None:
    """It names the configuration that this command was given, where the next one would not find it by itself."""
    assert f"catalog mine --config {world.refiner.config}" not in run(world.refiner, "catalog", "mine")[1]
    assert f"next: battery-connector request mine sites --config {world.refiner.config}" in " ".join(
        run(world.refiner, "catalog", "mine", "--filter", "name=sites")[1].split()
    )
    assert f"--audience public --config {world.mine.config}" in run(
        world.mine, "passport", "view", "0010", "--audience", "b2b"
    )[1].replace("\n", " ")


def test_a_published_value_leads_back_to_its_cell(world: World) -> None:
    """By the number that people know: the credentials of the record, and the cells behind their values."""
    code, answer = ask(world.mine, "credential", "inspect", "0010", "--lineage")
    assert (code, answer["type"], len(answer["credentials"])) == (0, "FacilityRecord", 1)
    cells = {one["value"]: (one["file"], one["line"], one["column"], one["cell"]) for one in answer["lineage"]}
    assert cells["/name"] == ("sites.csv", 2, "name", "Tunturi mine")
    assert "sites.csv" in run(world.mine, "credential", "inspect", "0010", "--lineage")[1]
    code, text = run(world.mine, "credential", "inspect", "4711")
    assert (code, "there is no file 4711, and the connector has no such record" in text) == (2, True)


def test_a_file_that_is_no_credential_is_refused(world: World, tmp_path: Path) -> None:
    """With what is expected, whatever is in it."""
    for octets in (b"no,name\n0010,mine\n", b"\xff\xfe\x00", b""):
        file = tmp_path / "lot.jwt"
        file.write_bytes(octets)
        code, text = run(world.mine, "credential", "inspect", file)
        assert (code, "compact `vc+jwt`" in text) == (2, True), text
    assert run(world.mine, "credential", "verify", file)[0] in {1, 2}


def test_a_long_catalogue_is_narrowed_down(world: World) -> None:
    """A limit says that there is more; terms of a filter are the peer's work; a wrong one is bad usage."""
    code, answer = ask(world.refiner, "catalog", "mine", "--limit", "1")
    assert (code, len(answer["datasets"]), answer["more"]) == (0, 1, True)
    assert "--limit" in run(world.refiner, "catalog", "mine", "--limit", "1")[1]
    for terms, titles in ((("name~Our%",), ["Our depots"]), (("name=sites", "recordType=Battery"), [])):
        arguments = [part for term in terms for part in ("--filter", term)]
        answer = ask(world.refiner, "catalog", "mine", *arguments)[1]
        assert ([one["title"] for one in answer["datasets"]], answer["more"]) == (titles, False)
    code, text = run(world.refiner, "catalog", "mine", "--filter", "depots")
    assert code == 2
    assert "name~Lots%" in text


def test_a_refusal_names_the_operand_to_the_asker_and_everything_to_the_owner(world: World) -> None:
    """Exit code 1; the owner finds the process by the asker's id, with the whole reason."""
    code, answer = ask(world.refiner, "request", "mine", "Our depots")
    assert (code, answer["state"], answer["agreement"]) == (1, "TERMINATED", None)
    assert answer["termination"]["reason"] == ["the policy says no: role", {"decision": "deny", "failed": ["role"]}]
    code, text = run(world.refiner, "request", "mine", "Our depots")
    assert code == 1
    assert "its policy is not met by what was shown of the role (role)" in text

    code, told = ask(world.mine, "why", answer["negotiation"])
    assert (code, told["role"], told["peerPid"], told["turn"]) == (0, "provider", answer["negotiation"], "nobody")
    assert told["content"]["decision"]["rules"] == [
        {
            "constraint": "permission[1].constraint[0]", "left": "role", "operator": "eq", "right": "refiner",
            "value": "", "state": "unknown", "source": "",
        }
    ]  # fmt: skip
    assert [one["message"] for one in told["messages"]] == [
        "ContractRequestMessage",
        "ContractNegotiationTerminationMessage",
    ]
    assert "permission[1].constraint[0]" in run(world.mine, "why", answer["negotiation"])[1]
    asker = ask(world.refiner, "why", answer["negotiation"])[1]
    assert "decision" not in asker["content"]


def test_a_contract_leads_to_received_records(world: World) -> None:
    """Request, fetch, received; repeated with its key a command is the same command."""
    code, answer = ask(world.refiner, "request", "mine", "sites", "--idempotency-key", "sites-1")
    assert (code, answer["state"]) == (0, "FINALIZED")
    assert ask(world.refiner, "request", "mine", "sites", "--idempotency-key", "sites-1")[1] == answer
    assert run(world.refiner, "request", "mine", "depots", "--idempotency-key", "sites-1")[0] == 2
    code, fetched = ask(world.refiner, "fetch", answer["agreement"], "--idempotency-key", "fetch-1")
    assert (code, fetched["state"], fetched["records"], fetched["credentials"]) == (0, "COMPLETED", 2, 2)
    assert ask(world.refiner, "fetch", answer["agreement"], "--idempotency-key", "fetch-1") == (0, fetched)
    assert "address" not in json.dumps(ask(world.refiner, "why", fetched["transfer"])[1]["content"])

    code, received = ask(world.refiner, "received", "--from", "mine", "--type", "FacilityRecord")
    assert (code, len(received["records"])) == (0, 2)
    assert {one["from"] for one in received["records"]} == {world.mine.did}
    assert sorted(one["number"] for one in received["records"]) == ["0010", "0011"]
    assert (
        f"passport view 0010 --audience b2b --config {world.refiner.config}"
        in " ".join(run(world.refiner, "received")[1].split())
        or "passport view 0011" in run(world.refiner, "received")[1]
    )
    assert received["agreements"][0]["plain"] == "The data may be had by anybody."
    assert ask(world.refiner, "received", "--type", "CellPassport")[1]["records"] == []
    assert f"from mine ({world.mine.did}): 2 FacilityRecord" in run(world.refiner, "received")[1]
    assert run(world.refiner, "fetch", "urn:uuid:0")[0] == 2
    code, pushed = ask(world.refiner, "fetch", answer["agreement"], "--push")
    assert (code, pushed["state"], pushed["records"], pushed["findings"]) == (0, "COMPLETED", 2, [])
    assert "nothing to do" in run(world.mine, "why", pushed["transfer"])[1]
    assert "Bearer" not in json.dumps(ask(world.mine, "why", pushed["transfer"])[1])
    _one_unit_at_a_time(world, answer["agreement"])
    _page_by_page(world)
    _discarded(world, answer["agreement"])
    code, begun = ask(world.refiner, "request", "mine", "sites", "--no-wait")
    assert (code, begun["negotiation"].startswith("urn:uuid:")) == (0, True)


def _page_by_page(world: World) -> None:
    """Each page says where the next one is, and keeps to what was asked for."""
    management = Management.of(world.refiner.config)
    pages = [*management.pages("/v1/received?from=mine&limit=1")]
    for name in ("agreements", "records"):
        assert [one for page in pages for one in list_in(page[name])] == management.get("/v1/received?from=mine")[name]
    assert all("from=mine" in str(page["next"]) for page in pages[:-1])
    with pytest.raises(BadInput, match="is no place"):
        management.get("/v1/received?after=nonsense")


def _discarded(world: World, agreement: str) -> None:
    """How much is kept is said; without `--yes` it is only counted; nothing that fits is exit code 1."""
    room = ask(world.refiner, "received")[1]["room"]
    assert 0 < room["kept"][world.mine.did] < room["maxPeerBytes"]
    assert room["minFreeBytes"] < room["free"]
    assert "kB of mine" in run(world.refiner, "received")[1]
    assert run(world.refiner, "discard")[0] == run(world.refiner, "discard", "urn:uuid:0")[0] == 2
    assert run(world.refiner, "discard", "--from", "mine", "--older-than", "1", "--yes")[0] == 1
    code, text = run(world.refiner, "discard", agreement)
    assert (code, "2 records and 0 files would go" in text, "--yes" in text) == (0, True, True)
    code, gone = ask(world.refiner, "discard", agreement, "--yes")
    assert (code, gone) == (0, {"records": 2, "files": 0, "used": 0, "discarded": True})
    answer = ask(world.refiner, "received")[1]
    assert (answer["records"], answer["room"]["kept"][world.mine.did]) == ([], 0)
    assert ask(world.refiner, "fetch", agreement)[1]["records"] == 2


def _one_unit_at_a_time(world: World, agreement: str) -> None:
    """By number, by what a data carrier says, by the address in its lines; one that is not there is exit code 1."""
    (mine,) = [one for one in ask(world.refiner, "received")[1]["records"] if one["type"] == "FacilityRecord"][:1]
    carrier = f"{world.mine.public_url}/passport/{mine['record']}"
    code, one = ask(world.refiner, "fetch", agreement, "--unit", "0010", "--unit", carrier)
    assert (code, one["state"], one["findings"]) == (0, "COMPLETED", [])
    code, none = ask(world.refiner, "fetch", agreement, "--unit", "0020")
    assert (code, none["state"]) == (1, "COMPLETED")
    assert [(found["code"], found["source"]) for found in none["findings"]] == [("unknown-unit", "0020")]
    assert run(world.refiner, "fetch", agreement, "--unit", "0010", "--push")[0] == 2


def test_a_transfer_is_suspended_resumed_and_ended_by_either_side(world: World) -> None:
    """Each side knows it by its own id or the other's; exit code 1 for what is not possible from where it is."""
    assert "no transfers yet" in run(world.mine, "transfers")[1] or ask(world.mine, "transfers")[1]["transfers"]
    agreement = ask(world.refiner, "request", "mine", "sites", "--idempotency-key", "sites-1")[1]["agreement"]
    started = Management.of(world.refiner.config).post("/v1/fetch", {"agreement": agreement, "pull": False})
    pid = str(started["transfer"])
    code, answer = ask(world.mine, "transfers", "suspend", pid, "--reason", "stock-taking")
    assert (code, answer["state"], answer["suspension"]["by"]) == (0, "SUSPENDED", "us")
    assert "the peer paused it (no code): stock-taking" in run(world.refiner, "why", pid)[1]
    code, text = run(world.refiner, "transfers", "complete", pid)
    assert (code, "SUSPENDED can't be completed" in text) == (1, True)
    assert ask(world.refiner, "transfers", "list") == ask(world.refiner, "transfers")
    listed = ask(world.refiner, "transfers")[1]["transfers"][0]
    assert (listed["pid"], listed["state"], listed["agreement"]) == (pid, "SUSPENDED", agreement)
    assert f"transfers resume {pid}" in run(world.refiner, "transfers", "suspend", pid)[1]
    assert ask(world.refiner, "transfers", "resume", pid)[1]["state"] == "STARTED"
    code, text = run(world.refiner, "transfers", "terminate", pid, "--reason", "not needed")
    assert (code, "both sides are there" in text) == (0, True)
    assert "we ended it (operator): not needed" in run(world.refiner, "why", pid)[1]
    assert run(world.mine, "transfers", "resume", pid)[0] == 1
    assert run(world.mine, "transfers", "suspend", "urn:uuid:0")[0] == 2


def test_why_without_an_id_lists_the_newest(world: World) -> None:
    """Both kinds, the newest first; an unknown id is exit code 2."""
    code, answer = ask(world.mine, "why")
    assert code == 0
    assert [one["updated"] for one in answer["processes"]] == sorted(
        (one["updated"] for one in answer["processes"]), reverse=True
    )
    assert "negotiation" in run(world.mine, "why")[1]
    assert run(world.mine, "why", "urn:uuid:0")[0] == 2


def test_a_peer_that_is_gone_is_exit_code_3(world: World) -> None:
    """Nothing is lost: the transfer waits, and `why` says when it is tried again."""
    assert run(world.refiner, "catalog", "smelter")[0] == 3
    code, answer = ask(world.refiner, "fetch", world.lost, "--wait", "1")
    assert (code, answer["records"]) == (3, 0)
    for _ in range(600):  # the first pause may end within the second of the first attempt
        _, told = ask(world.refiner, "why", answer["transfer"])
        if told["attempts"] and (told["next"] or "") > told["attempts"][0]["at"]:
            break
        time.sleep(0.05)
    assert (told["turn"], told["pending"]["message"]) == ("us", "TransferRequestMessage")
    assert told["next"] > told["attempts"][0]["at"]
    assert "it is tried again at" in run(world.refiner, "why", answer["transfer"])[1]
    code, audited = ask(world.refiner, "audit", "0010", "--peer", "smelter")
    assert (code, audited["outcomes"]) == (3, {"missing": 1})
    said = run(world.refiner, "audit", "0010", "--peer", "smelter")[1]
    assert "smelter" in said.partition("\nnext:")[0], "who does not answer has the name that [peers] gives it"


def test_no_connector_is_exit_code_3(world: World) -> None:
    """The message says what to do."""
    for arguments in (("received",), ("why",), ("audit", "0010"), ("publish", "sites", "--policy", "open")):
        code, text = run(world.smelter, *arguments)
        assert code == 3
        assert "battery-connector serve" in text


def test_audit_gives_the_verdict_and_writes_the_report(world: World, tmp_path: Path) -> None:
    """Verified is exit code 0, sealed 1, an unknown root 3; the page is one file."""
    page, kept = tmp_path / "report.html", tmp_path / "client.json"
    code, full = ask(world.refiner, "audit", "0010", "--peer", "mine", "--out", page)
    assert (code, full["verdict"], full["outcomes"], full["findings"]) == (0, "verified", {"verified": 1}, [])
    assert "Tunturi mine" in page.read_text()
    code, sealed = ask(world.refiner, "audit", "0020", "--peer", world.mine.public_url)
    assert (code, sealed["outcomes"]) == (1, {"sealed": 1})
    code, text = run(world.refiner, "audit", "0020", "--peer", "mine")
    assert (code, "QUALIFIED: Nothing that was reached is bad" in text, "findings and gaps" in text) == (1, True, True)
    assert ask(world.refiner, "audit", "0099", "--peer", "mine")[0] == 3
    assert "the same with --peer PEER" in run(world.refiner, "audit", "0010")[1]
    assert run(world.refiner, "audit", "0010", "--peer", "mine", "--out", tmp_path / "none" / "page.html")[0] == 2

    kept.write_text(json.dumps(sealed))
    _bundle_holds(world, tmp_path, kept)
    code, told = ask(world.mine, "audit", "0020", "--client", kept, "--out", page)
    assert (code, told["verdict"]) == (0, "verified")
    assert "Tunturi" not in json.dumps(told) + page.read_text()
    kept.write_text("{}")
    assert run(world.mine, "audit", "0020", "--client", kept)[0] == 2


def _bundle_holds(world: World, folder: Path, client: Path) -> None:
    """A bundle that anybody can check: offline, without a configuration; the one for a client names nothing sealed."""
    bundle, word = folder / "audit.zip", folder / "word.zip"
    code, text = run(world.refiner, "audit", "0010", "--peer", "mine", "--bundle", bundle)
    assert (code, f"audit verify {bundle}" in text) == (0, True)
    result = CliRunner().invoke(app, ["audit", "verify", str(bundle)])
    assert (result.exit_code, "SAME" in result.output) == (0, True)
    assert ask(world.mine, "audit", "0020", "--client", client, "--bundle", word)[0] == 0
    assert [b"Tunturi" in one.read_bytes() for one in (bundle, word)] == [True, False]
    told = json.loads((result := CliRunner().invoke(app, ["audit", "verify", str(word), "--json"])).stdout)
    assert (result.exit_code, told["verdict"], told["audit"]["kind"]) == (3, "indeterminate", "client")
    assert {check["outcome"] for check in told["checks"]} == {"passed", "unchecked"}
    whole = bundle.read_bytes()
    bundle.write_bytes(whole.replace(b"Tunturi", b"Tundra!"))
    result = CliRunner().invoke(app, ["audit", "verify", str(bundle), "--json"])
    assert (result.exit_code, json.loads(result.stdout)["checks"][0]["code"]) == (1, "damaged")
    bundle.write_bytes(whole[:-9])
    result = CliRunner().invoke(app, ["audit", "verify", str(bundle)])
    assert (result.exit_code, "as `audit --bundle` wrote it" in result.output) == (2, True)
    assert run(world.refiner, "audit", "0010", "--peer", "mine", "--bundle", folder / "none" / "b.zip")[0] == 2


def test_passport_view_shows_what_the_audience_may_see(world: World) -> None:
    """A facility is shown to business partners, with its classes; to the public nothing of it."""
    code, answer = ask(world.mine, "passport", "view", "0010", "--audience", "b2b")
    assert (code, answer["subject"]["name"], answer["classes"]) == (0, "Tunturi mine", ["B2B", "PUB"])
    code, answer = ask(world.mine, "passport", "view", "0010")
    assert (code, answer["values"], answer["withheld"]) == (0, [], ["B2B"])
    assert run(world.mine, "passport", "view", "4711")[0] == 2
    assert run(world.mine, "passport", "view", "0010", "--audience", "all")[0] == 2


def test_an_offer_is_withdrawn_and_what_was_agreed_goes_on(world: World) -> None:
    """Published under another policy, the emptied dataset leaves the catalogue; then the other one, by a command."""
    code, answer = ask(world.mine, "publish", "depots", "--policy", "open", "--title", "Depots for all")
    assert (code, len(answer["withdrawn"])) == (0, 1)
    assert any("nothing is left in 'Our depots'" in one for one in answer["warnings"])
    titles = [one["title"] for one in ask(world.refiner, "catalog", "mine")[1]["datasets"]]
    assert "Depots for all" in titles
    assert "Our depots" not in titles
    _, agreed = ask(world.refiner, "request", "mine", "Depots for all")

    code, first = ask(world.mine, "withdraw", "Depots for all", "--reason", "sold out")
    assert (code, first["agreements"], first["terminated"]["transfers"]) == (0, [agreed["agreement"]], [])
    assert ask(world.mine, "withdraw", first["dataset"])[1]["withdrawn"] == first["withdrawn"]
    assert run(world.refiner, "request", "mine", "Depots for all")[0] == 2
    assert ask(world.refiner, "fetch", agreed["agreement"])[1]["records"] == 2
    assert f"not offered since {first['withdrawn']}" in run(world.mine, "why", agreed["agreement"])[1]
    code, text = run(world.mine, "withdraw", "Depots for all")
    assert code == 0
    assert "1 agreement on it in force" in text
    assert run(world.mine, "publish", "depots", "--policy", "closed", "--title", "Our depots")[0] == 0
    assert "and nothing is left in it" in " ".join(run(world.mine, "why", agreed["agreement"])[1].split())
    code, text = run(world.mine, "withdraw", "no such thing")
    assert code == 2
    assert "we offer: " in text
