"""The page for developers of peers: whoever follows it gets what it says."""

from __future__ import annotations

import json
from pathlib import Path

from tests.edges.server.outline import outline
from tests.edges.server.peer_story import PAGE, peer


def test_whoever_follows_the_page_gets_what_it_says(tmp_path: Path) -> None:
    """From the DID document to the end of a transfer, and four refusals: same statuses, same members."""
    with peer(tmp_path) as one:
        told = [(json.loads(part["text"]), answer) for part, answer in one.follow(PAGE.read_text("utf-8"))]
    assert len(told) > 15
    for written, answer in told:
        assert outline(written) == outline(answer), "make it anew: python -m tests.edges.server.peer_story"
