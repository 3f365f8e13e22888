"""`did rotate` and `did revoke` beside running connectors: what peers see of it, and what stays good."""

from __future__ import annotations

import getpass
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, Company]]:
    """The mine has published; the refiner has its data, and so keeps its DID document."""
    folder, ports = tmp_path_factory.mktemp("companies"), free_ports(4)
    mine, refiner = (found(folder, name, ports.pop(), ports.pop()) for name in ("mine", "refiner"))
    know(mine, refiner)
    know(refiner, mine)
    with serving(mine, refiner):
        assert run(mine, "publish", "sites", "--policy", "open")[0] == 0
        code, answer = ask(refiner, "request", "mine", "sites")
        assert code == 0, answer
        assert run(refiner, "fetch", answer["agreement"])[0] == 0
        yield mine, refiner


def keys_served(company: Company) -> list[str]:
    """What its DID document shows to everybody."""
    with urllib.request.urlopen(f"{company.public_url}/.well-known/did.json", timeout=10) as answer:
        return [one["id"].partition("#")[2] for one in json.load(answer)["verificationMethod"]]


def credential(company: Company, number: str, folder: Path) -> Path:
    """A published record's credential as a file."""
    code, answer = ask(company, "credential", "inspect", number)
    assert code == 0, answer
    record = answer["record"]
    from connector.cli.client import Management

    kept = Management.of(company.config).get(f"/v1/records/{record}")
    file = folder / f"{number}-{time.monotonic_ns()}.jwt"
    credentials = kept["credentials"]
    assert isinstance(credentials, list)
    assert isinstance(credentials[0], dict)
    file.write_text(str(credentials[0]["octets"]))
    return file


def test_a_rotation_and_a_revocation_beside_running_connectors(pair: tuple[Company, Company], tmp_path: Path) -> None:
    """Published before it signs; the old evidence holds; a revoked key takes its own with it, and says so before."""
    mine, refiner = pair
    old = credential(mine, "0010", tmp_path)
    code, answer = ask(mine, "did", "rotate", "assertionMethod", "--overlap", "24")
    assert (code, answer["key"]["id"]) == (0, "#assertion-2")
    assert keys_served(mine) == ["assertion-1", "assertion-2", "authentication-1"]
    code, text = run(mine, "did", "rotate", "assertion")
    assert (code, "assertion-2 is published already" in text) == (2, True)
    assert run(refiner, "credential", "verify", old)[0] == 0

    code, answer = ask(mine, "did", "revoke", "assertion-1")
    assert (code, answer["revoked"], answer["rests"]["types"]) == (0, False, {"FacilityRecord": 2})
    assert "assertion-1" in keys_served(mine)
    code, text = run(mine, "did", "revoke", "assertion-1", "--reason", "stolen", "--yes")
    assert code == 0
    assert "2 credentials can no longer be verified: 2 FacilityRecord" in text
    assert "assertion-2 signs credentials and status lists now" in text
    assert keys_served(mine) == ["assertion-2", "authentication-1"]
    code, answer = ask(mine, "credential", "verify", old)
    assert (code, answer["verdict"]) == (1, "invalid")

    entries = ask(mine, "evidence", "list", "--event", "key-")[1]["entries"]
    logged = [one["body"] for one in entries]
    assert [(one["key"], one.get("former"), one.get("successor")) for one in logged] == [
        ("assertion-2", "assertion-1", None), ("assertion-1", None, "assertion-2"),
    ]  # fmt: skip
    assert logged[0]["thumbprint"] == logged[1]["successor_thumbprint"]
    assert logged[0]["former_thumbprint"] == logged[1]["thumbprint"]
    assert (logged[1]["reason"], logged[1]["by"]) == ("stolen", getpass.getuser())
    assert "thumbprint" in run(mine, "evidence", "show", str(entries[1]["seq"]))[1]

    code, answer = ask(mine, "publish", "sites", "--policy", "open")
    assert (code, [one["code"] for one in answer["findings"]]) == (1, ["signed-by-revoked-key"] * 2)
    code, answer = ask(mine, "publish", "sites", "--policy", "open", "--correct", "a key was revoked")
    assert (code, answer["documents"]) == (0, 2)
    new = credential(mine, "0010", tmp_path)
    assert ask(mine, "credential", "verify", new)[1]["verdict"] == "valid"
    assert ask(mine, "publish", "sites", "--policy", "open")[1]["unchanged"] == 2


def test_show_tells_what_each_key_is_for_and_what_peers_find(pair: tuple[Company, Company]) -> None:
    """And `resolve` finds the same, by name, with what each key may sign."""
    mine, refiner = pair
    code, answer = ask(mine, "did", "show")
    assert (code, answer["served"]["outcome"]) == (0, "good")
    shown = [one["id"].partition("#")[2] for one in answer["document"]["verificationMethod"]]
    assert shown == keys_served(mine)
    assert {one["id"]: one["standing"] for one in answer["keys"]}["#authentication-1"] == "signs"
    code, answer = ask(refiner, "did", "resolve", "mine", "--trace")
    assert (code, answer["did"], answer["outcome"]) == (0, mine.did, "passed")
    assert [one["name"] for one in answer["steps"]] == ["did", "guard", "tls", "answer", "document"]
    uses = {one["id"].partition("#")[2]: one["uses"] for one in answer["keys"]}
    assert list(uses) == shown
    assert uses["authentication-1"] == ["authentication", "capabilityInvocation"]
    assert {"DataService", "AuditService"} <= {one["type"] for one in answer["services"]}


def test_a_did_is_written_as_it_is(pair: tuple[Company, Company]) -> None:
    """`:key:` is no picture of a key."""
    code, text = run(pair[0], "did", "resolve", "did:key:z6Mk")
    assert (code, "did:key:z6Mk" in text) == (1, True)
    assert "next: a DID is like did:web:" in text


def test_a_key_that_has_signed_nothing_leaves_nothing_to_sign_anew(tmp_path: Path) -> None:
    """Revoked before its time: nobody publishes everything once more for it."""
    company = found(tmp_path, "mine", *free_ports(2))
    assert run(company, "did", "rotate", "assertionMethod")[0] == 0
    code, text = run(company, "did", "revoke", "assertion-2", "--yes")
    assert (code, "it has signed nothing yet" in text, "--correct" in text) == (0, True, False), text


def test_what_cannot_be_meant_is_told(pair: tuple[Company, Company]) -> None:
    """Exit code 2, and what there is."""
    mine, _ = pair
    for arguments, told in (
        (("rotate", "encryption"), "assertionMethod or authentication"),
        (("revoke", "assertion-7"), "authentication-1"),
        (("rotate", "authentication", "--algorithm", "RS256"), "EdDSA or ES256"),
    ):
        code, text = run(mine, "did", *arguments)
        assert code == 2
        assert told in text
    assert keys_served(mine)[-1] == "authentication-1"
