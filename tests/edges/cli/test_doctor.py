"""`doctor`: what is planted is found, by its check, with what to do; what is well is said to be; nothing is changed."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.cli.companies import free_ports
from connector.cli.doctor_company import Check, company_checks, running
from connector.cli.doctor_network import _no_such_types
from connector.config import load
from connector.credentials.datamodel import VC_CONTEXT, time_text
from connector.credentials.issue import attach, prepare
from connector.errors import BadConfig
from connector.exchange.rows import DatasetRow, RecordsCommit
from connector.exchange.stored import micros
from connector.keys.register import Register
from connector.keys.ring import open_keys
from connector.stores import open_store
from connector.stores.sqlite import SqliteStore
from tests import postgres
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run
from tests.edges.stores import rows

NOW = datetime.now(UTC)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file, with its mode and octets."""
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    """The worst of each name."""
    order = ["good", "warning", "unchecked", "bad"]
    told: dict[str, str] = {}
    for one in answer["checks"]:
        told[one["name"]] = max(told.get(one["name"], "good"), one["outcome"], key=order.index)
    return told


async def membership(issuer: Company, about: Company, days: int, *, begins: str = "2026-01-01T00:00:00Z") -> bytes:
    """As an association signs it."""
    company = load(issuer.config)
    signer = open_keys(company, NOW).own.assertion(NOW)
    unsigned = prepare(
        {
            "@context": [VC_CONTEXT], "type": ["VerifiableCredential", "MembershipCredential"], "issuer": company.did,
            "validFrom": begins, "validUntil": time_text(NOW + timedelta(days=days)),
            "credentialSubject": {"id": about.did, "type": "Party"},
        },
        key_id=signer.key_id, alg=signer.alg,
    )  # fmt: skip
    return attach(unsigned, await signer.sign(unsigned)).octets


def test_beside_a_running_connector_and_without_one(tmp_path: Path) -> None:
    """The same company: all well but an end that comes near; stopped; its document served by somebody else's copy."""
    ports = free_ports(4)
    mine, club = (found(tmp_path, name, ports.pop(), ports.pop()) for name in ("mine", "club"))
    know(mine, club)
    text = mine.config.read_text()
    mine.config.write_text(text.replace("clock_offset_seconds = 0", "clock_offset_seconds = 90"))
    held = mine.folder / "held" / "membership.jwt"
    held.write_bytes(asyncio.run(membership(club, mine, 20)))
    (mine.folder / "held" / "torn.jwt").write_bytes(held.read_bytes()[:-40])
    issuers = (f"issuer {mine.did}", f"issuer {club.did}")
    with serving(mine, club):
        code, answer = ask(mine, "doctor", "--thorough")
        assert code == 1
        told = outcomes(answer)
        assert {name for name, one in told.items() if one == "bad"} == {"held torn.jwt"}
        assert [told[name] for name in ("connector", "did", "store", "clock", "plans", *issuers)] == ["good"] * 7
        assert told["held membership.jwt"] == told["unsafe.clock_offset_seconds"] == "warning"
        (mine.folder / "held" / "torn.jwt").unlink()
        assert ask(mine, "doctor")[0] == 0

        renewed = held.with_name("renewed.jwt")
        begins = time_text(NOW + timedelta(days=19))
        renewed.write_bytes(asyncio.run(membership(club, mine, 365, begins=begins)))
        (told_of,) = [one for one in ask(mine, "doctor")[1]["checks"] if one["name"] == "held membership.jwt"]
        assert (told_of["outcome"], "keep it: renewed.jwt" in told_of["fix"]) == ("warning", True)
        renewed.unlink()

        held.write_bytes(asyncio.run(membership(club, mine, -1)))
        code, text = run(mine, "doctor")
        assert "→ " in text
        assert "\\n" not in text, "what to do stands on a line of its own"
        assert (code, "validity: expired" in text) == (1, True)
        renewed.write_bytes(asyncio.run(membership(club, mine, 365)))
        code, answer = ask(mine, "doctor")
        assert (code, outcomes(answer)["held membership.jwt"]) == (0, "good")
        renewed.unlink()

        copy = Company("copy", tmp_path / "copy", mine.public_url, mine.management_port)
        shutil.copytree(mine.folder, copy.folder)
        Register(load(copy.config)).rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW)
        (copy.folder / "held" / "membership.jwt").unlink()
        code, text = run(copy, "doctor")
        assert code == 1
        assert f"the key {mine.did}#assertion-2 is not served" in " ".join(text.split())
    held.unlink()
    before = contents(mine.folder)
    code, answer = ask(mine, "doctor", "--thorough")
    assert code == 3
    assert contents(mine.folder) == before
    told = outcomes(answer)
    assert [told[name] for name in ("did", *issuers)] == ["unchecked"] * 3
    assert (told["connector"], told["ports"], told["store"]) == ("warning", "good", "good")


def write(place: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / place).write_text(text)


PLANTED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "secrets that others read": (lambda folder: (folder / "secrets.env").chmod(0o644), "secrets", "chmod 600"),
    "no secrets": (lambda folder: (folder / "secrets.env").unlink(), "secrets", "CONNECTOR_KEY_PASSPHRASE is neither"),
    "another passphrase": (
        write("secrets.env", "CONNECTOR_KEY_PASSPHRASE=x\nCONNECTOR_MANAGEMENT_TOKEN=y\n"), "keys", "does not open",
    ),
    "no id key": (lambda folder: (folder / "keys" / "id.key").unlink(), "keys", "id.key cannot be read"),
    "a broken plan": (write("plans/sites.yaml", "mapping: [\n"), "plans", "sites.yaml"),
    "an unknown term": (write("plans/x.yaml", "mapping: x/1\nrecord: NoSuchRecord\n"), "plans", "x.yaml"),
    "a broken policy": (write("policies/x.json", '{"permission": [{"action": "eat"}]}'), "policies", "x.json"),
    "no exports": (lambda folder: shutil.rmtree(folder / "exports"), "exports", "there is no folder"),
    "no store": (write("store/connector.db", "a text, and not at all a store" * 100), "store", "is not a store"),
    "a full disk": (write("more.toml", "[limits]\nmin_free_bytes = 9000000000000000\n"), "disk", "nothing is taken"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_what_is_planted_is_found(tmp_path: Path, fault: str) -> None:
    """By one check, with what to do; all else stays good."""
    plant, name, words = PLANTED[fault]
    company = found(tmp_path, "mine", *free_ports(2))
    assert not bad(company)
    plant(company.folder)
    more = company.folder / "more.toml"
    if more.exists():
        company.config.write_text(company.config.read_text() + more.read_text())
    told = bad(company)
    assert {one.name for one in told} == {name}
    assert any(one.name == name and words in f"{one.says} {one.fix}" for one in told), told
    assert all(one.fix for one in told)


SQL_PLAN = """mapping: made/1
record: FacilityRecord
subject: Facility
key: NO
identifiers:
  - {scheme: facilityId, value: NO}
from: made
sources:
  sites: {file: "sites.csv", format: csv, encoding: utf-8, delimiter: ","}
  made: {sql: "SELECT NO FROM sites"}
document: {name: NO, facilityType: =refinery, country: =FI, operatedBy: "=did:web:x.example"}
"""


def test_a_plan_with_sql_needs_what_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the plan is good here, and nothing can be published by it."""
    company = found(tmp_path, "mine", *free_ports(2))
    write("plans/made.yaml", SQL_PLAN)(company.folder)
    assert not bad(company)
    monkeypatch.setattr("connector.peers.shaper.find_spec", lambda _: None)
    (told,) = bad(company)
    assert (told.name, told.fix) == ("plans", "pip install 'battery-connector[shape]'")


def bad(company: Company) -> list[Any]:
    loaded = load(company.config)
    checks = company_checks(loaded, NOW, runs=False, thorough=True)
    return [one for one in checks if one.outcome == "bad"]


def test_a_port_that_is_taken_and_a_stranger_on_it(tmp_path: Path) -> None:
    """By whom does not matter; another company's connector is named."""
    mine, other = (found(tmp_path, name, *free_ports(2)) for name in ("mine", "other"))
    taken = load(mine.config).listen
    with socket.create_server(("127.0.0.1", taken.port)):
        (told,) = bad(mine)
        assert (told.name, f"port {taken.port}" in told.says) == ("ports", True)
    with serving(other):
        text = mine.config.read_text().replace(
            f"management_port = {taken.management_port}", f"management_port = {other.management_port}"
        )
        mine.config.write_text(text)
        check = running(load(mine.config))
        assert (check.outcome, other.did in check.says) == ("bad", True)


async def test_a_store_that_the_next_start_changes_is_told(tmp_path: Path) -> None:
    """So that a copy can be made before; damage is found in the whole."""
    company = found(tmp_path, "mine", *free_ports(2))
    path = company.folder / "store" / "connector.db"
    await SqliteStore(path).close()
    assert not bad(company)
    import apsw

    with apsw.Connection(str(path)) as connection:
        connection.execute("DELETE FROM migration WHERE number = (SELECT max(number) FROM migration)")
    connection.close()
    checks = company_checks(load(company.config), NOW, runs=False, thorough=False)
    (store,) = [one for one in checks if one.name == "store"]
    assert (store.outcome, "backup" in store.fix) == ("warning", True)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_offer_whose_policy_this_version_refuses_is_named(kind: str, tmp_path: Path) -> None:
    """With why and what to do; one that is good, or offered no more, is not."""
    mine = found(tmp_path, "mine", *free_ports(2))
    company = load(mine.config)
    path = company.path(company.store.removeprefix("sqlite:"))
    path.parent.mkdir(exist_ok=True)
    url = f"sqlite:{path}" if kind == "sqlite" else asyncio.run(postgres.create())
    purpose = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "audit"}
    older = orjson.dumps(
        {"@type": "Set", "permission": [{"action": "use"}, {"action": "audit", "constraint": purpose}]}
    )
    row = DatasetRow(
        tenant="", dataset_id="urn:older", title="old lots", plan="", record_types=("Lot",), at=1, policy_digest="x",
        policy=older,
    )  # fmt: skip
    use = b'{"@type":"Set","permission":[{"action":"use"}]}'
    gone, good = replace(row, dataset_id="urn:gone", withdrawn=5), replace(row, dataset_id="urn:good", policy=use)

    async def fill() -> None:
        store = await open_store(url, company=company.did)
        for one in (row, gone, good):
            await store.commit_dataset(one)
        await store.close()

    asyncio.run(fill())
    wanted = company.model_copy(update={"store": url})
    (told,) = [one for one in company_checks(wanted, NOW, runs=True, thorough=False) if one.name == "offers"]
    assert told.outcome == "bad"
    for words in ("old lots", "urn:older", "purpose is not known where it is decided"):
        assert words in told.says
    assert "withdraw urn:older" in told.fix


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_a_revoked_key_signed_is_counted_until_it_is_signed_anew(kind: str, tmp_path: Path) -> None:
    """Of the newest versions alone; with the command that mends it. A key that only signs no more is no fault."""
    mine = found(tmp_path, "mine", *free_ports(2))
    path = load(mine.config).path(load(mine.config).store.removeprefix("sqlite:"))
    path.parent.mkdir(exist_ok=True)
    url = f"sqlite:{path}" if kind == "sqlite" else asyncio.run(postgres.create())
    company = load(mine.config).model_copy(update={"store": url})
    register = Register(company)

    async def publish(name: str, version: int, at: datetime) -> None:
        signer = open_keys(company, at).own.assertion(at)
        unsigned = prepare({"issuer": company.did}, key_id=signer.key_id, alg=signer.alg)
        made = attach(unsigned, await signer.sign(unsigned))
        own, did, digest = company.tenant, company.did, f"{name} {version}"
        commit = RecordsCommit(
            tenant=own, holder=did, expected={name: version - 1}, evidence=[],
            records=[replace(rows.record(name, version, digests=[digest], at=micros(at), holder=did), tenant=own)],
            credentials=[replace(rows.credential(digest, name, version, holder=did), tenant=own, octets=made.octets)],
        )  # fmt: skip
        store = await open_store(url, company=company.did)
        await store.commit_records(commit)
        await store.close()

    def told() -> list[tuple[str, str, str]]:
        checks = company_checks(company, NOW, runs=True, thorough=False)
        return [(one.outcome, one.says, one.fix) for one in checks if one.name == "credentials"]

    hour = timedelta(hours=1)
    for name in ("A", "B"):
        asyncio.run(publish(name, 1, NOW - 5 * hour))
    register.rotate("assertionMethod", algorithm="", now=NOW - 4 * hour, signs_from=NOW - 4 * hour)
    asyncio.run(publish("C", 1, NOW - 3 * hour))
    assert told() == []
    register.revoke("assertion-1", now=NOW - 2 * hour, reason="stolen")
    ((outcome, says, fix),) = told()
    assert (outcome, says.partition(" ")[0], "2 CellPassport" in says, "--correct" in fix) == ("bad", "2", True, True)
    asyncio.run(publish("A", 2, NOW - hour))
    assert "1 CellPassport" in told()[0][1]
    asyncio.run(publish("B", 2, NOW - hour))
    assert told() == []


def test_a_database_is_looked_into(tmp_path: Path) -> None:
    """Before the first start and after it; one that is another company's, or not there, is told."""
    url, company = asyncio.run(postgres.create()), found(tmp_path, "mine", *free_ports(2))

    def store(url: str) -> Check:
        wanted = load(company.config).model_copy(update={"store": url})
        (check,) = [one for one in company_checks(wanted, NOW, runs=False, thorough=False) if one.name == "store"]
        return check

    async def open_for(url: str, did: str) -> None:
        await (await open_store(url, company=did)).close()

    assert (store(url).outcome, "first start" in store(url).says) == ("good", True)
    asyncio.run(open_for(url, company.did))
    assert (store(url).outcome, "schema step" in store(url).says) == ("good", True)
    other = asyncio.run(postgres.create())
    asyncio.run(open_for(other, "did:web:other"))
    assert (store(other).outcome, "did:web:other" in store(other).says) == ("bad", True)
    nowhere = store(url.replace("test_", "nowhere_"))
    assert (nowhere.outcome, nowhere.fix) == ("bad", "make it: createdb")


def test_a_databases_password_stands_elsewhere(tmp_path: Path) -> None:
    """In the configuration it would be read by whoever reads that; the refusal does not repeat it."""
    file = found(tmp_path, "mine", *free_ports(2)).config
    for url in ("postgresql://x:s3cret@db/x", "postgresql://db/x?user=x&password=s3cret"):
        file.write_text(f'store = "{url}"\n{file.read_text()}')
        with pytest.raises(BadConfig, match="CONNECTOR_STORE_PASSWORD") as raised:
            load(file)
        assert "s3cret" not in str(raised.value)
        file.write_text(file.read_text().partition("\n")[2])


def test_a_wrong_configuration_is_a_finding_and_none_is_bad_usage(tmp_path: Path) -> None:
    """Exit codes 1 and 2."""
    company = found(tmp_path, "mine", *free_ports(2))
    company.config.write_text(company.config.read_text() + "\n[limit]\n")
    code, answer = ask(company, "doctor")
    assert (code, outcomes(answer)) == (1, {"configuration": "bad"})
    assert orjson.dumps(answer).find(b"limit: unknown key") > 0
    company.config.unlink()
    assert run(company, "doctor")[0] == 2


def test_a_type_that_is_misspelt_under_trusted_issuers(tmp_path: Path) -> None:
    """It would trust nobody, in silence; types of other dataspaces are none of the vocabulary's."""
    company = found(tmp_path, "mine", *free_ports(2))
    lines = "\n".join(f'{name} = ["members"]' for name in ("MineralLotPasport", "MinePermit", "DataspaceParticipant"))
    company.config.write_text(f"{company.config.read_text()}\n[trusted_issuers]\n{lines}\n")
    (told,) = _no_such_types(load(company.config))
    assert (told.outcome, told.fix) == ("warning", "is it MineralLotPassport?")
