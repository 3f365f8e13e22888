"""`credential issue`: by the running connector, or here where none runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connector.cli.companies import free_ports
from connector.credentials import jose
from connector.credentials.datamodel import parse_credential
from connector.credentials.digest import digest_multibase
from tests.edges.cli.companies import found, serving
from tests.edges.cli.test_running import ask, run


def test_the_running_connector_signs_claims(tmp_path: Path) -> None:
    """With its key and its next status index; without a connector it is done here, and the same claim is the same
    credential, until it is revoked, which is for ever. What is wrong with one is told either way.
    """
    company = found(tmp_path, "signer", *free_ports(2))
    permit = {"id": "did:web:miner.example", "type": "Party", "memberOf": "Register", "membershipNumber": "7"}
    claim, odd = tmp_path / "member.json", tmp_path / "odd.json"
    claim.write_text(json.dumps({**permit, "memberSince": "2025-01-01"}))
    odd.write_text('{"type": "Party"}')
    issue = ("credential", "issue", "--type", "MembershipCredential", "--out", tmp_path / "issued")

    def signed() -> dict[str, Any]:
        assert run(company, *issue, odd)[0] == 2
        code, text = run(company, "credential", "issue", claim, "--type", "MembershipCredental", "--out", tmp_path)
        assert (code, "there is no record type" in text, "vocab term MembershipCredential" in text) == (
            2,
            True,
            True,
        ), text
        code, answer = ask(company, *issue, claim)
        assert code == 0, answer
        (one,) = answer["credentials"]
        assert digest_multibase(Path(one["file"]).read_bytes()) == one["digest"]
        return answer

    with serving(company):
        revoked = signed()
        assert ask(company, "credential", "revoke", revoked["credentials"][0]["file"])[0] == 0
        by_connector = signed()
    assert by_connector != revoked
    assert signed() == by_connector


def test_a_membership_of_the_older_model(tmp_path: Path) -> None:
    """Of VC Data Model 1.1, as DCP issuance makes it: one status entry, which our own verifier looks up; withdrawn by
    command. What cannot be so is refused, and one statement is signed in one form.
    """
    company = found(tmp_path, "association", *free_ports(2))
    with company.config.open("a") as out:
        out.write(f'\n[trusted_issuers]\nMembershipCredential = ["{company.did}"]\n')
    claim, file = tmp_path / "member.json", tmp_path / "member.jwt"
    member = {"id": "did:web:miner.example", "type": "Party", "memberOf": "Register", "membershipNumber": "7"}
    claim.write_text(json.dumps({**member, "memberSince": "2025-01-01"}))
    issue = ("credential", "issue", claim, "--type", "MembershipCredential", "--out", file)
    older = (*issue, "--profile", "vc11-sl2021/jwt")

    def refused() -> None:
        assert run(company, *issue, "--profile", "vc11")[0] == 2
        code, text = run(company, *older, "--securing", "eddsa-jcs-2022")
        assert (code, "is a plain token" in text) == (2, True), text
        code, text = run(company, *older, "--plan", company.folder / "plans" / "sites.yaml")
        assert (code, "a plan makes records" in text) == (2, True), text

    refused()
    code, text = run(company, *older)
    assert (code, "VC1_0_JWT" in text) == (0, True), text
    jws = jose.parse(file.read_bytes(), 1 << 20)
    stated = jws.claims()["vc"]
    assert isinstance(stated, dict)
    assert (jws.type, stated["issuer"]) == ("jwt", company.did)
    status = stated["credentialStatus"]
    assert isinstance(status, dict)
    assert (status["type"], status["statusPurpose"]) == ("BitstringStatusListEntry", "revocation")
    with serving(company):
        refused()
        code, answer = ask(company, *issue)
        assert (code, answer["findings"][0]["code"], answer["credentials"]) == (1, "signed-before", []), answer
        assert ask(company, *older)[1]["credentials"][0]["file"] == str(file)
        assert ask(company, "credential", "verify", file)[1]["verdict"] == "valid"
        assert ask(company, "credential", "revoke", file)[0] == 0
    with serving(company):  # the first one kept the list for a minute
        code, answer = ask(company, "credential", "verify", file)
        assert (code, answer["verdict"]) == (1, "invalid"), answer
        assert "revoked" in {check["code"] for check in answer["checks"]}, answer


def test_one_statement_does_not_take_the_place_of_another(tmp_path: Path) -> None:
    """Memberships of two associations, and roles of one legal entity, stand beside each other. Other values of the same
    are told with what they differ from, and nothing is written; with a reason they take its place, which is told.
    """
    company = found(tmp_path, "association", *free_ports(2))
    party = {"id": "did:web:miner.example", "type": "Party"}
    entity = [{"type": "Identifier", "scheme": "lei", "value": "529900T8BM49AURSDO55"}]

    def claims(name: str, **said: object) -> Path:
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps({**party, **said}), "utf-8")
        return file

    def issue(*words: str | Path, kind: str = "MembershipCredential") -> tuple[int, list[Path], dict[str, Any]]:
        code, answer = ask(company, "credential", "issue", *words, "--type", kind, "--out", tmp_path / "out")
        return code, [Path(one["file"]) for one in answer.get("credentials", [])], answer

    first, other = claims("first", memberOf="One", membershipNumber="7"), claims("other", memberOf="Two")
    code, made, _ = issue(first, other, claims("again", memberOf="One", membershipNumber="7"))
    assert (code, [parse_credential(one.read_bytes()).subject["memberOf"] for one in made]) == (0, ["One", "Two"])
    roles = [claims(role, role=[role], identifier=entity) for role in ("recycler", "repairer")]
    for role in roles:
        code, (file,), answer = issue(role, kind="RoleCredential")
        assert (code, parse_credential(file.read_bytes()).subject["role"], answer["replaced"]) == (0, [role.stem], [])
    changed, old = claims("changed", memberOf="One", membershipNumber="8"), digest_multibase(made[0].read_bytes())
    code, none, answer = issue(changed)
    (finding,) = answer["findings"]
    assert (code, none, old in finding["message"], "--correct" in finding["hint"]) == (1, [], True, True), answer
    code, told = run(
        company, "credential", "issue", first, changed, "--type", "MembershipCredential", "--out", tmp_path
    )
    assert (code, "first.json and changed.json state two" in told) == (2, True), told
    code, (file,), answer = issue(changed, "--correct", "the number was wrong")
    assert (code, answer["replaced"], parse_credential(file.read_bytes()).subject["membershipNumber"]) == (
        0,
        [old],
        "8",
    ), answer
    assert run(company, "credential", "revoke", old)[0] == 0


def test_a_static_site_has_its_lists_in_both_forms(tmp_path: Path) -> None:
    """Beside the token the same list as JSON, for who reads no tokens."""
    company = found(tmp_path, "register", *free_ports(2))
    claim, site = tmp_path / "member.json", tmp_path / "site"
    member = {"id": "did:web:miner.example", "type": "Party", "memberOf": "Register", "membershipNumber": "7"}
    claim.write_text(json.dumps({**member, "memberSince": "2025-01-01"}))
    issue = ("credential", "issue", claim, "--type", "MembershipCredential", "--profile", "vc11-sl2021/jwt")
    assert ask(company, *issue, "--out", tmp_path / "member.jwt", "--site", site)[0] == 0
    for place in (site / "status" / "0", site / "status" / "0" / "suspension"):
        said = json.loads((place / "index.json").read_bytes())
        assert said.pop("proof")["type"] == "DataIntegrityProof"
        assert said == jose.parse((place / "index.jwt").read_bytes(), 1 << 20).claims()


def test_words_of_another_dataspace_by_file(tmp_path: Path) -> None:
    """By the entry of `[issues]`, with its context, words, model and end; a type that the vocabulary lacks by its name
    as well, where one entry has it. Each time it is a credential of its own, and what counts beside it is told.
    """
    company = found(tmp_path, "association", *free_ports(2))
    context, words = "https://w3id.org/catenax/credentials/v1.0.0", {"member": "memberOf", "bpn": "bpn", "other": "bpn"}
    types = {"member": "MembershipCredential", "bpn": "BpnCredential", "other": "BpnCredential"}

    def name(*entries: str) -> None:
        with company.config.open("a") as out:
            for entry in entries:
                out.write(
                    f'\n[issues.{entry}]\ntype = "{types[entry]}"\nprofile = "vc11-sl2021/jwt"\nvalid_days = 365\n'
                )
                out.write(f'context = "{context}"\nterms = ["{words[entry]}"]\n')

    def issue(kind: str, **said: str) -> tuple[int, str]:
        file.unlink(missing_ok=True)
        claim.write_text(json.dumps({"id": "did:web:miner.example", **said}))
        return run(company, "credential", "issue", claim, "--type", kind, "--out", file)

    claim, file = tmp_path / "claim.json", tmp_path / "signed.jwt"
    name("member", "bpn")
    code, text = issue("member", memberOf="Catena-X")
    assert (code, "VC1_0_JWT" in text) == (0, True), text
    again = ("credential", "issue", claim, "--type", "member", "--out", file)
    second = ask(company, *again)[1]
    (before,) = second["replaced"]
    assert run(company, "credential", "revoke", before)[0] == 0
    assert ask(company, *again)[1]["replaced"] == [second["credentials"][0]["digest"]], "that one still counts"
    first = parse_credential(file.read_bytes())
    assert first.payload["@context"] == ["https://www.w3.org/2018/credentials/v1", context]
    assert (first.subject, first.valid_until is not None) == (
        {"id": "did:web:miner.example", "memberOf": "Catena-X"},
        True,
    )
    code, text = issue("member", memberOf="Catena-X", bpn="BPNL1")
    assert (code, "bpn is not known here" in text) == (1, True), text
    assert issue("MembershipCredential", memberOf="Catena-X")[0] == 2, "that one is the vocabulary's, of a Party"
    with serving(company):
        assert issue("BpnCredential", bpn="BPNL000000000001")[0] == 0
    assert parse_credential(file.read_bytes()).types[1] == "BpnCredential"
    name("other")
    code, text = issue("BpnCredential", bpn="BPNL000000000001")
    assert (code, "--type bpn or other" in text) == (2, True), text
