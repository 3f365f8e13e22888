"""The page for developers of peers: whoever follows it gets what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from aiohttp import web

from connector.config import load
from connector.server import dsp, passport, peers_face
from connector.server.dsp import BASE
from tests.edges.cli.companies import found
from tests.edges.server.outline import outline
from tests.edges.server.peer_story import PAGE, peer

_PLACE = re.compile(r"\{\w+:?([^}]*)\}")
"""A placeholder of a route, with the pattern that it may bear."""


def test_whoever_follows_the_page_gets_what_it_says(tmp_path: Path) -> None:
    """From the DID document to the end of a transfer, and four refusals: same statuses, same members."""
    with peer(tmp_path) as one:
        told = [(json.loads(part["text"]), answer) for part, answer in one.follow(PAGE.read_text("utf-8"))]
    assert len(told) > 15
    for written, answer in told:
        assert outline(written) == outline(answer), "make it anew: python -m tests.edges.server.peer_story"


def test_every_address_is_on_the_page(tmp_path: Path) -> None:
    """What a peer may ask stands there, as far as it is the same for everybody; of DSP, what its messages are about."""
    config = load(found(tmp_path, "mine", 7443, 7444).config)
    told = re.findall(r"`(?:GET |POST )?(/[^`?]*)", PAGE.read_text("utf-8"))
    for route in (*dsp.routes(config), *peers_face.routes(config), *passport.routes(config)):
        assert isinstance(route, web.RouteDef)
        topic = route.path.removeprefix(BASE).split("/")[1] if route.path.startswith(BASE) else ""
        address = f"({BASE})?/{topic}" if topic else _PLACE.sub(lambda found: found[1] or r"\{\w+\}", route.path)
        assert any(re.fullmatch(address, one) for one in told), route
