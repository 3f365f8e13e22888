"""Peers with habits of their own, as the configuration names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.exchange.ports import HttpAnswer
from tests.exchange.test_hostile import play, services, settled
from tests.network import Request
from tests.simulator import World


@pytest.mark.parametrize(("not_now", "end"), [((), "TERMINATED"), ((404, 409), "FINALIZED")])
def test_what_a_peer_means_by_a_status_is_its_profiles_to_say(
    tmp_path: Path, not_now: tuple[int, ...], end: str
) -> None:
    """The first requests get 409: a refusal by DSP, tried again at a peer of which the configuration knows better."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        services(customer).outbox.not_now = {supplier.config.did: frozenset(not_now)}
        refused = 0

        async def leased(request: Request) -> HttpAnswer:
            nonlocal refused
            if request.url.endswith("/negotiations/request") and refused < 3:
                refused += 1
                return HttpAnswer(status=409, headers={}, body=b"{}")
            return await supplier.serve(request)

        world.network.sites[supplier.config.public_url.removeprefix("http://")] = leased
        assert (await settled(customer, supplier))["state"] == end
        assert refused == (3 if not_now else 1)

    play(tmp_path, scene)
