"""A laboratory that signs JSON with a proof inside, and a company that verifies, imports and audits it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli.client import Management
from connector.cli.companies import free_ports
from connector.errors import BadInput
from connector.model import JsonObject
from tests.commands import app
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run

SITE = {
    "id": "urn:uuid:5a5d6a0e-2f34-8c11-9d3e-7a54f2c01b66", "type": "Facility", "name": "Labor für Erze, Kemi",
    "facilityType": "smelter", "country": "FI", "operatedBy": "did:web:laboratory.example",
    "identifier": [{"type": "Identifier", "scheme": "facilityId", "value": "LAB-7"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, Path]]:
    """The company that runs, and what the laboratory signed before it went on the air."""
    folder, ports = tmp_path_factory.mktemp("proofs"), free_ports(4)
    mine, laboratory = (found(folder, name, ports.pop(), ports.pop()) for name in ("mine", "laboratory"))
    know(mine, laboratory)
    claims, signed = folder / "site.json", folder / "signed.json"
    claims.write_text(json.dumps(SITE), "utf-8")
    issue = ("credential", "issue", claims, "--type", "FacilityRecord")
    assert run(laboratory, *issue, "--securing", "ecdsa-jcs-2019", "--out", signed)[0] == 2, "its key is Ed25519"
    code, answer = ask(laboratory, *issue, "--securing", "eddsa-jcs-2022", "--out", signed)
    assert (code, [one["file"] for one in answer["credentials"]]) == (0, [str(signed)]), answer
    code, answer = ask(laboratory, *issue, "--out", folder / "again.jwt")
    assert (code, answer["findings"][0]["code"]) == (1, "signed-before")
    with serving(mine, laboratory):
        yield mine, signed


def test_it_is_verified_however_it_is_laid_out(parties: tuple[Company, Path], tmp_path: Path) -> None:
    """All ten checks; the digest is of its one form."""
    mine, signed = parties
    code, answer = ask(mine, "credential", "verify", signed)
    assert (code, answer["verdict"], len(answer["checks"])) == (0, "valid", 10), answer
    assert "VC Data Integrity 1.0, 4.4" in {check["spec"] for check in answer["checks"]}
    beyond = "0001-01-01T00:00:00+14:00"
    assert run(mine, "credential", "verify", signed, "--at", beyond)[0] == 2, "in UTC it is before the first day"
    body: JsonObject = {"credential": signed.read_text("utf-8"), "at": beyond}
    with pytest.raises(BadInput, match="no time"):
        Management.of(mine.config).work("/v1/verify", body)
    spread = tmp_path / "spread.json"
    spread.write_bytes(json.dumps(json.loads(signed.read_bytes()), indent=4).encode("utf-16"))
    assert ask(mine, "credential", "verify", spread)[1]["verdict"] == "valid"
    shown = [ask(mine, "credential", "inspect", file)[1] for file in (signed, spread)]
    assert shown[0] == shown[1]
    assert (shown[0]["proof"]["cryptosuite"], shown[0]["credential"]["credentialSubject"]["id"]) == (
        "eddsa-jcs-2022", SITE["id"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"credentialSubject": {**SITE, "name": "another"}}, (1, "invalid", "bad-signature")),
        (
            {"proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"}},
            (3, "indeterminate", "cryptosuite-unsupported"),
        ),
        ({"proof": None}, (1, "invalid", "no-proof")),
    ],
)
def test_what_is_wrong_with_it_is_said(
    parties: tuple[Company, Path], tmp_path: Path, change: dict[str, object], expected: tuple[int, str, str]
) -> None:
    """Changed, secured in a way that we do not read, not secured at all."""
    mine, signed = parties
    odd = tmp_path / "odd.json"
    odd.write_text(json.dumps({**json.loads(signed.read_bytes()), **change}))
    code, answer = ask(mine, "credential", "verify", odd)
    first = next(check["code"] for check in answer["checks"] if check["outcome"] in {"failed", "unchecked"})
    assert (code, answer["verdict"], first) == expected
    read, shown = ask(mine, "credential", "inspect", odd)
    assert ("credential inspect" in run(mine, "credential", "verify", odd)[1]) == (read == 0), "the next step works"
    if code == 3:
        assert shown["proof"] == change["proof"], "it can be read all the same"
    policy = mine.folder / "policies" / "open.json"
    assert ask(mine, "credential", "import", odd, "--into", "sites", "--policy", policy)[0] == code


def test_it_is_imported_and_audited(parties: tuple[Company, Path]) -> None:
    """Kept in its octets, passed on as what it is, and a node of a chain as any other."""
    mine, signed = parties
    policy = mine.folder / "policies" / "open.json"
    code, answer = ask(mine, "credential", "import", signed, "--into", "sites", "--policy", policy)
    assert (code, answer["credentials"]) == (0, 1), answer
    code, answer = ask(mine, "audit", "LAB-7")
    assert (code, [node["outcome"] for node in answer["nodes"]]) == (0, ["verified"]), answer
    (kept,) = ask(mine, "credential", "inspect", "LAB-7")[1]["credentials"]
    assert kept["digest"] == ask(mine, "credential", "inspect", signed)[1]["digest"]


def test_a_buyer_without_a_company_checks_it(
    parties: tuple[Company, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and status lists are fetched from here, and nobody is trusted; what was changed is invalid."""
    _, signed = parties
    signer = json.loads(signed.read_bytes())["issuer"]
    monkeypatch.chdir(tmp_path)
    words = ["credential", "verify", str(signed), "--json"]
    told = CliRunner().invoke(app, [*words, "--unsafe-loopback"])
    answer = json.loads(told.stdout)
    assert (told.exit_code, answer["verdict"], answer["issuer"]) == (0, "valid", signer), answer
    trust = next(check for check in answer["checks"] if check["name"] == "trust")
    assert (trust["outcome"], trust["code"]) == ("skipped", "no-trust-list")
    shown = CliRunner().invoke(app, ["credential", "verify", str(signed), "--unsafe-loopback"]).stdout
    assert f"issued by {signer}" in shown.replace("\n", "")
    assert CliRunner().invoke(app, words).exit_code == 3, "this machine is no public address"
    assert CliRunner().invoke(app, [*words, "--config", str(tmp_path / "connector.toml")]).exit_code == 2
    changed = tmp_path / "changed.json"
    changed.write_text(signed.read_text("utf-8").replace("LAB-7", "LAB-8"), "utf-8")
    assert CliRunner().invoke(app, ["credential", "verify", str(changed), "--unsafe-loopback"]).exit_code == 1


def test_a_file_with_several_is_as_good_as_its_worst(
    parties: tuple[Company, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is checked, with a company and without, and what stands beside them has to be what they say."""
    mine, signed = parties
    good, file = json.loads(signed.read_bytes()), tmp_path / "several.json"
    bad, unread = {**good, "credentialSubject": SITE | {"name": "x"}}, {**good, "proof": {"type": "DataIntegrityProof"}}
    unread["proof"]["cryptosuite"] = "eddsa-rdfc-2022"
    said = {name: value for name, value in SITE.items() if name not in {"id", "type"}}
    record = {"record": good["record"]["id"], "version": 1, "holder": good["issuer"]}
    presented = {"@context": [], "type": "VerifiablePresentation", "verifiableCredential": [good]}
    monkeypatch.chdir(tmp_path)
    for content, code, verdict in (
        ([good, signed.read_text("utf-8")], 0, "valid"), ([good, unread], 3, "indeterminate"),
        ([bad, good, unread], 1, "invalid"), (presented, 0, "valid"),
        (record | said | {"credentials": [good]}, 0, "valid"),
        (record | said | {"name": "y", "credentials": [good]}, 1, "invalid"),
        (record | said | {"credentials": [bad]}, 1, "invalid"),
    ):  # fmt: skip
        file.write_text(json.dumps(content), "utf-8")
        assert (asked := ask(mine, "credential", "verify", file))[0] == code
        alone = CliRunner().invoke(app, ["credential", "verify", str(file), "--json", "--unsafe-loopback"])
        answer = json.loads(alone.stdout)
        assert (asked[1]["verdict"], answer["verdict"], alone.exit_code) == (verdict, verdict, code), answer
        assert good["issuer"] in {one["issuer"] for one in answer["credentials"]}
    assert [one["code"] for one in answer["findings"]] == ["differs"]
    told = run(mine, "credential", "verify", file)[1]
    assert "name: the file says" in told
    assert "can't tell what was left out" in told  # values and their credential both: nothing in the file would show it
    assert "inspect NUMBER" in run(mine, "credential", "verify", "LAB-7")[1].replace("\n", " ")
    shown = ask(mine, "credential", "inspect", file)[1]
    assert (shown["beside"]["holder"], len(shown["credentials"])) == (good["issuer"], 1)
    assert ask(mine, "credential", "import", file, "--into", "sites", "--policy", file)[0] == 2


def test_the_development_face_says_that_its_port_is_taken() -> None:
    """It has no configuration, so its command takes none."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(app, ["vc-api", "--port", str(taken.getsockname()[1])])
    assert (result.exit_code, "nothing can listen on 127.0.0.1" in result.output) == (2, True), result.output
