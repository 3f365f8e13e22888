"""Status lists of a running connector, as anybody may ask for them."""

from __future__ import annotations

from pathlib import Path

from tests.bench.pair import free_ports
from tests.edges.cli.companies import found, serving
from tests.edges.server.stranger import ask


def test_status_lists_are_signed_once_and_never_for_nothing(tmp_path: Path) -> None:
    """A list that did not change comes in the same octets; lists that were never used are not there."""
    port, management_port = free_ports(2)
    with serving(found(tmp_path, "mine", port, management_port)):
        first, again = ask(port, "GET", "/status/0"), ask(port, "GET", "/status/0")
        assert first.status == 200
        assert first.body == again.body
        for path in ("/status/7", "/status/7/changes", "/status/-1", "/status/99999999999"):
            assert ask(port, "GET", path).status == 404
