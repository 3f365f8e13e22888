"""What a company issued is withdrawn, suspended, reinstated: by its running connector, or here where none runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from connector.cli.client import Management
from connector.cli.companies import free_ports
from connector.credentials.datamodel import parse_credential
from connector.credentials.status_list import bit, decode_list
from connector.model import objects_in
from tests.edges.cli.companies import found, know, serving
from tests.edges.cli.test_running import ask, run
from tests.edges.server.stranger import ask as fetch


def test_the_running_connector_withdraws_what_it_published(tmp_path: Path) -> None:
    """By digest, as `inspect` tells it; without a connector it is done here, and then nobody sees it yet."""
    company = found(tmp_path, "alone", *free_ports(2))
    know(company)
    with serving(company):
        assert run(company, "publish", "sites", "--policy", "open")[0] == 0
        digest = ask(company, "credential", "inspect", "0010")[1]["credentials"][0]["digest"]
        code, text = run(company, "credential", "revoke", digest, "--purpose", "reinstatement")
        assert (code, "not suspended" in text) == (2, True)
        for purpose in ("suspension", "reinstatement"):
            assert run(company, "credential", "revoke", digest, "--purpose", purpose)[0] == 0
        code, answer = ask(company, "credential", "revoke", digest, "--reason", "closed")
        assert (code, answer["digest"], answer["purpose"]) == (0, digest, "revocation")
        (node,) = ask(company, "audit", "0010")[1]["nodes"]
        assert node["outcome"] == "revoked"
        assert run(company, "credential", "revoke", digest, "--purpose", "foo")[0] == 2
        assert run(company, "credential", "revoke", "uEi" + "A" * 44)[0] == 2
    code, text = run(company, "credential", "revoke", digest, "--purpose", "reinstatement")
    assert (code, "never taken back" in text) == (2, True)
    code, text = run(company, "credential", "revoke", digest, "--effective", "2026-01-01T00:00:00Z")
    assert (code, "nobody sees it yet" in text) == (0, True)


def test_a_credential_is_suspended_and_reinstated(tmp_path: Path) -> None:
    """A list of its own, so that nobody takes it for revoked; each day is judged by what held on it."""
    port, management_port = free_ports(2)
    company, file = found(tmp_path, "alone", port, management_port), tmp_path / "site.jwt"
    know(company)
    with serving(company):
        assert run(company, "publish", "sites", "--policy", "open")[0] == 0
        record = ask(company, "credential", "inspect", "0010")[1]["record"]
        (kept,) = objects_in(Management.of(company.config).get(f"/v1/records/{record}")["credentials"])
        file.write_text(str(kept["octets"]))
        revocation, suspension = parse_credential(file.read_bytes()).status

        def bits() -> tuple[bool, bool]:
            lists = [fetch(port, "GET", urlsplit(one.list_url).path).body for one in (revocation, suspension)]
            read = [decode_list(str(parse_credential(one).subject["encodedList"])) for one in lists]
            return bit(read[0], revocation.index), bit(read[1], suspension.index)

        assert bits() == (False, False)
        code, text = run(company, "credential", "reinstate", file)
        assert (code, "not suspended" in text) == (2, True)
        code, answer = ask(company, "credential", "suspend", file, "--reason", "under review")
        assert (code, answer["purpose"], answer["digest"]) == (0, "suspension", kept["digest"])
        later = datetime.now(UTC) + timedelta(days=10)
        assert run(company, "credential", "reinstate", file, "--effective", later.isoformat())[0] == 0
        assert bits() == (False, True)
        (node,) = ask(company, "audit", "0010")[1]["nodes"]
        assert node["outcome"] == "suspended"
        code, text = run(company, "credential", "verify", file)
        assert (code, "under review" in " ".join(text.split())) == (1, True)
        for day, expected in ((later - timedelta(hours=1), (1, "invalid")), (later, (0, "valid"))):
            code, answer = ask(company, "credential", "verify", file, "--at", day.isoformat())
            assert (code, answer["verdict"]) == expected
        assert run(company, "credential", "reinstate", file)[0] == 0
        assert bits() == (False, False)
    assert run(company, "credential", "suspend", file)[0] == 0, "without a connector it is done here"
