"""An association that issues an SD-JWT, a member that shows a part of it, and a company to which it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from connector.credentials.digest import digest_multibase
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run

MEMBER = {
    "id": "did:web:member.example", "type": "Party", "memberOf": "Association of smelters", "membershipNumber": "0815",
    "memberSince": "2019-04-01",
}  # fmt: skip
TYPE = "MembershipCredential"


@dataclass(frozen=True, slots=True)
class World:
    """The verifier runs; the issuer signed without running, and is on the air for its keys and lists."""

    issuer: Company
    buyer: Company
    whole: Path
    """Bound to the key by which the buyer proves who it is: here it is the holder as well."""
    revoked: Path
    folder: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One credential of which two values may be left out, with decoys."""
    folder, ports = tmp_path_factory.mktemp("parts"), free_ports(4)
    issuer, buyer = (found(folder, name, ports.pop(), ports.pop()) for name in ("association", "buyer"))
    know(buyer, issuer)
    trusted = f'\n[trusted_issuers]\n{TYPE} = ["{issuer.did}"]\n'
    buyer.config.write_text(buyer.config.read_text("utf-8").replace("\n[trusted_issuers]\n", trusted), "utf-8")
    claims, key, whole = folder / "member.json", folder / "key.json", folder / "member.sd-jwt"
    claims.write_text(json.dumps(MEMBER), "utf-8")
    issue = ("credential", "issue", claims, "--type", TYPE, "--out", whole)
    parts = ("--disclosable", "membershipNumber", "--disclosable", "/credentialSubject/memberSince")
    with serving(buyer):
        methods = ask(buyer, "did", "show")[1]["document"]["verificationMethod"]
    key.write_text(json.dumps(next(one for one in methods if "authentication" in one["id"])), "utf-8")
    code, answer = ask(issuer, *issue, *parts, "--decoys", "3", "--holder-key", key)
    assert (code, answer["credentials"][0]["file"], answer["findings"]) == (0, str(whole), []), answer
    claims.write_text(json.dumps({**MEMBER, "id": "did:web:last.example"}), "utf-8")
    last = folder / "last.sd-jwt"
    assert run(issuer, *issue[:-1], last, "--disclosable", "memberSince")[0] == 0
    for change in ("suspend", "reinstate", "revoke"):
        assert run(issuer, "credential", change, last, "--effective", "2026-01-01T00:00:00Z")[0] == 0, change
    claims.write_text(json.dumps(MEMBER), "utf-8")
    with serving(issuer, buyer):
        yield World(issuer, buyer, whole, last, folder)


def test_all_of_it_is_valid_and_told(world: World) -> None:
    """Twelve checks; what is shown and how many digests stay hidden, in words and as JSON."""
    code, answer = ask(world.buyer, "credential", "verify", world.whole)
    assert (code, answer["verdict"], answer["types"][-1]) == (0, "valid", TYPE), answer
    assert [check["step"] for check in answer["checks"]] == [*range(1, 13)]
    code, said = ask(world.buyer, "credential", "inspect", world.whole)
    assert (code, said["hidden"], said["keyBinding"], said["header"]["typ"]) == (0, 3, False, "vc+sd-jwt")
    assert set(said["disclosed"]) == {"/credentialSubject/membershipNumber", "/credentialSubject/memberSince"}
    assert MEMBER.items() <= said["credential"]["credentialSubject"].items()
    code, told = run(world.buyer, "credential", "inspect", world.whole)
    assert code == 0
    assert "3 digests stay hidden (withheld values, or decoys)" in told


def test_a_part_is_shown_and_bound(world: World) -> None:
    """The number alone, then nothing, then bound to who asked: what is withheld is nowhere in the file."""
    shown, less, bound = (world.folder / name for name in ("shown.sd-jwt", "less.sd-jwt", "bound.sd-jwt"))
    disclose = ("credential", "disclose")
    code, answer = ask(world.buyer, *disclose, world.whole, "--show", "membershipNumber", "--out", shown)
    assert (code, answer["disclosed"], answer["hidden"]) == (0, ["/credentialSubject/membershipNumber"], 4)
    code, told = run(world.buyer, *disclose, shown, "--out", less)
    assert code == 0, told
    assert "shown by choice: nothing" in told
    assert f"credential verify {less}" in told
    asked = ("--audience", "did:web:customer.example", "--nonce", "n-1")
    code, answer = ask(world.buyer, *disclose, shown, "--show", "membershipNumber", "--out", bound, *asked)
    assert (code, answer["keyBinding"]) == (0, True), answer
    for file in (shown, less, bound):
        assert ask(world.buyer, "credential", "verify", file)[1]["verdict"] == "valid"
    subject = ask(world.buyer, "credential", "inspect", shown)[1]["credential"]["credentialSubject"]
    assert (subject["membershipNumber"], "memberSince" in subject) == ("0815", False)
    assert ask(world.buyer, "credential", "verify", bound, *asked)[1]["verdict"] == "valid"
    code, answer = ask(world.buyer, "credential", "verify", shown, *asked)
    assert (code, answer["checks"][-1]["code"], answer["outcome"]) == (1, "no-key-binding", "bad-signature")
    elsewhere = ("--audience", "did:web:customer.example", "--nonce", "n-2")
    assert ask(world.buyer, "credential", "verify", bound, *elsewhere)[1]["checks"][-1]["code"] == "binding-mismatch"
    assert run(world.buyer, "credential", "verify", bound, "--nonce", "n-1")[0] == 2


def test_what_cannot_be_shown_is_said(world: World) -> None:
    """A value that is no choice, a credential that is whole, a file that is broken, a key that is another's."""
    out, plain, broken = (world.folder / name for name in ("out.sd-jwt", "plain.jwt", "broken.sd-jwt"))
    disclose = ("credential", "disclose")
    code, told = run(world.buyer, *disclose, world.whole, "--show", "memberOf", "--out", out)
    assert (code, "it has: member" in told) == (2, True), told
    plain.write_bytes(world.whole.read_bytes().partition(b"~")[0])
    code, told = run(world.buyer, *disclose, plain, "--out", out)
    assert (code, "shown whole or not at all" in told) == (2, True), told
    jwt, first, *_ = world.whole.read_bytes().split(b"~")
    broken.write_bytes(b"~".join([jwt, first, first, b""]))
    code, told = run(world.buyer, *disclose, broken, "--out", out)
    assert (code, "duplicate-disclosure" in told) == (2, True), told
    code, answer = ask(world.buyer, "credential", "verify", broken)
    assert (code, answer["checks"][10]["code"]) == (1, "duplicate-disclosure")
    asked = ("--audience", "did:web:customer.example", "--nonce", "n-1")
    code, told = run(world.issuer, *disclose, world.whole, "--out", out, *asked)
    assert (code, "did not bind it to this company's key" in told) == (2, True), told
    assert not out.exists()


def test_it_is_neither_imported_nor_held(world: World) -> None:
    """It counts for a person who looks at it, and nowhere else; the reason says what to ask for."""
    policy = world.buyer.folder / "policies" / "open.json"
    code, told = run(world.buyer, "credential", "import", world.whole, "--into", "members", "--policy", policy)
    assert code == 1, told
    assert "ask its issuer for a vc+jwt" in " ".join(told.split())
    held = world.buyer.folder / "held"
    held.mkdir(exist_ok=True)
    (held / "member.jwt").write_bytes(world.whole.read_bytes())
    code, told = run(world.buyer, "doctor")
    (held / "member.jwt").unlink()
    assert "selective-disclosure" in told, told


def test_it_is_issued_once_in_one_form(world: World) -> None:
    """The same is not signed again; other places, a value that is needed, one that is not there: a finding each."""
    claims, out = world.folder / "member.json", world.folder / "again.sd-jwt"
    issue = ("credential", "issue", claims, "--type", TYPE)

    def refused(*more: str | Path) -> str:
        code, answer = ask(world.issuer, *issue, "--out", out, *more)
        assert code == 1, answer
        return str(answer["findings"][0]["code"])

    assert refused("--disclosable", "membershipNumber") == "signed-before"
    assert refused() == "signed-before"
    other = world.folder / "other.json"
    other.write_text(json.dumps({**MEMBER, "id": "did:web:other.example"}), "utf-8")
    issue = ("credential", "issue", other, "--type", TYPE)
    assert refused("--disclosable", "memberOf") == "not-disclosable"
    assert refused("--disclosable", "type") == "not-disclosable"
    assert refused("--disclosable", "membershipNumber/0") == "no-such-place"
    for odd in (("--decoys", "3"), ("--securing", "vc+sd-jwt"), ("--disclosable", "x", "--securing", "eddsa-jcs-2022")):
        assert run(world.issuer, *issue, "--out", out, *odd)[0] == 2
    assert not out.exists()


def test_it_is_revoked_by_a_part_of_it(tmp_path: Path, world: World) -> None:
    """By the running connector and without one; it is the whole that is told. A part of somebody else's is not ours."""
    company = found(tmp_path, "register", *free_ports(2))
    claims, part = tmp_path / "claims.json", tmp_path / "part.sd-jwt"
    issue = ("credential", "issue", claims, "--type", TYPE, "--disclosable", "membershipNumber", "--out")

    def withdrawn(holder: str) -> None:
        claims.write_text(json.dumps({**MEMBER, "id": holder}), "utf-8")
        whole = tmp_path / f"{holder[-1]}.sd-jwt"
        assert run(company, *issue, whole)[0] == 0
        assert run(world.buyer, "credential", "disclose", whole, "--out", part)[0] == 0
        assert part.read_bytes() != whole.read_bytes()
        for change in ("suspend", "reinstate", "revoke"):
            code, answer = ask(company, "credential", change, part, "--effective", "2026-01-01T00:00:00Z")
            assert (code, answer["digest"]) == (0, digest_multibase(whole.read_bytes())), answer

    withdrawn("did:web:holder.example:1")
    with serving(company):
        withdrawn("did:web:holder.example:2")
        assert run(world.buyer, "credential", "disclose", world.whole, "--out", part)[0] == 0
        code, told = run(company, "credential", "revoke", part)
        assert (code, "no such credential of ours" in told) == (2, True), told


def test_it_is_revoked_by_the_file_that_was_issued(world: World) -> None:
    """However little of it is shown."""
    part = world.folder / "last-part.sd-jwt"
    assert run(world.buyer, "credential", "disclose", world.revoked, "--out", part)[0] == 0
    for file in (world.revoked, part):
        code, answer = ask(world.buyer, "credential", "verify", file)
        assert (code, answer["outcome"]) == (1, "revoked"), answer
