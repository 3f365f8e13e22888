"""`credential request` and `credential requests` with a running connector and an issuer on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.cli.client import Management
from connector.cli.companies import free_ports
from connector.errors import BadInput
from connector.model import list_in
from tests.edges.cli.companies import found, know, serving
from tests.edges.cli.test_running import ask, run
from tests.edges.server.issuer import issuing


def test_what_is_asked_of_an_issuer_is_seen(tmp_path: Path) -> None:
    """Asked for by type, told with its state; an issuer that nobody trusts, and a type that it lacks, are errors."""
    mine = found(tmp_path, "mine", *free_ports(2))
    with issuing() as issuer:
        know(mine)
        text = mine.config.read_text("utf-8")
        trusted = f'\nMembershipCredential = ["{issuer}"]\nFacilityRecord ='
        mine.config.write_text(text.replace("\nFacilityRecord =", trusted), "utf-8")
        with serving(mine):
            assert "nothing was asked for" in run(mine, "credential", "requests")[1]
            code, asked = ask(mine, "credential", "request", issuer, "--type", "MembershipCredential")
            assert (code, asked["state"], asked["types"]) == (0, "requested", ["MembershipCredential"])
            code, text = run(mine, "credential", "request", issuer, "--id", "m1")
            assert (code, "MembershipCredential of" in text, "credential requests" in text) == (0, True, True), text
            code, text = run(mine, "credential", "requests")
            assert (code, text.count("requested"), asked["id"] in text) == (0, 2, True), text
            assert len(ask(mine, "credential", "requests")[1]["requests"]) == 2
            management = Management.of(mine.config)
            pages = [*management.pages("/v1/credential-requests?limit=1")]
            assert [len(list_in(page["requests"])) for page in pages] == [1, 1]
            with pytest.raises(BadInput, match="is no place"):
                management.get("/v1/credential-requests?after=yesterday~x")
            code, text = run(mine, "credential", "request", issuer, "--type", "RoleCredential")
            assert (code, "does not issue RoleCredential" in text) == (2, True), text
            code, text = run(mine, "credential", "request", mine.did, "--type", "MineCredential")
            assert (code, "does not issue" in text or "IssuerService" in text) == (3, True), text
            code, text = run(mine, "credential", "request", "did:web:nobody.example", "--type", "X")
            assert (code, "trusted_issuers" in text) == (2, True), text
