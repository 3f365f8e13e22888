"""Status lists of a running connector, as anybody may ask for them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest import mock

from connector.cli.companies import free_ports
from connector.credentials.datamodel import parse_credential
from connector.credentials.status_list import parse_changes
from connector.exchange.rows import EvidenceEntry, StatusChangeRow
from tests.edges.cli.companies import found, serving
from tests.edges.server.quiet import look, quiet_connector
from tests.edges.server.stranger import ask


def test_status_lists_are_signed_once_and_never_for_nothing(tmp_path: Path) -> None:
    """A list that did not change comes in the same octets; lists that were never used are not there."""
    port, management_port = free_ports(2)
    with serving(found(tmp_path, "mine", port, management_port)):
        first, again = ask(port, "GET", "/status/0"), ask(port, "GET", "/status/0")
        assert first.status == 200
        assert first.body == again.body
        for path in ("/status/7", "/status/7/changes", "/status/7/suspension", "/status/-1", "/status/99999999999",
                     "/status/0/revocation", "/status/0/suspension/0"):  # fmt: skip
            assert ask(port, "GET", path).status == 404


async def test_what_was_signed_by_a_clock_ahead_is_signed_anew(tmp_path: Path) -> None:
    """Until then the list would be valid from tomorrow, and the status of all our credentials could not be checked."""
    services, app = quiet_connector(tmp_path)
    now = services.clock.now()
    for path in ("/status/0", "/status/0/changes"):
        with mock.patch.object(type(services.clock), "now", return_value=now + timedelta(days=1)):
            early = (await look(services, app, path)).body
        assert (await look(services, app, path)).body != early
    begins = parse_credential((await look(services, app, "/status/0")).body).valid_from
    assert begins is not None
    assert begins <= services.clock.now()


async def test_changes_are_signed_anew_only_when_there_is_one(tmp_path: Path) -> None:
    """Anybody may ask, and there may be thousands; a signature by ES256 is never the same twice."""
    services, app = quiet_connector(tmp_path)
    path = "/status/0/changes"
    first = (await look(services, app, path)).body
    assert (await look(services, app, path)).body == first
    change = StatusChangeRow(
        tenant="", list_number=0, index=0, digest="u", purpose="revocation", effective=0, reason="", at=0
    )
    await services.store.commit_status_change(change, EvidenceEntry(tenant="", at=0, event="x", body=b"{}"))
    after = (await look(services, app, path)).body
    assert after != first
    assert len(parse_changes(after)[1].changes) == 1
