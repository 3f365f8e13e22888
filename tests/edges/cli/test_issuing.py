"""`credential issue`: by the running connector, or here where none runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connector.cli.companies import free_ports
from connector.credentials.digest import digest_multibase
from tests.edges.cli.companies import found, serving
from tests.edges.cli.test_running import ask, run


def test_the_running_connector_signs_claims(tmp_path: Path) -> None:
    """With its key and its next status index; without a connector it is done here, and the same claim is the same
    credential. What is wrong with one is told either way.
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
        by_connector = signed()
        assert ask(company, "credential", "revoke", by_connector["credentials"][0]["file"])[0] == 0
    assert signed() == by_connector
