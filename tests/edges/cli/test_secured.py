"""What people take for a credential, and is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.cli.secured import octets_in
from connector.errors import BadInput


def test_the_answer_of_a_passports_page_holds_credentials(tmp_path: Path) -> None:
    """Whoever saved it was told that it had no proof, and not that what it holds has."""
    file = tmp_path / "passport.json"
    file.write_text('{"record": "urn:x", "credentials": ["a.b.c", "d.e.f"]}')
    with pytest.raises(BadInput, match="with 2 credentials") as told:
        octets_in(file)
    assert "each of `credentials`" in told.value.hint
    for other in ('{"record": "urn:x", "credentials": []}', '{"credentials": ["a"], "proof": {}}', '{"credentials": ['):
        file.write_text(other)
        assert octets_in(file).startswith(b"{")
