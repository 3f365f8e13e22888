"""Companies of several processes each, over a bad network in virtual time: as one process of each, only more of them.

Whoever asks a company gets one of its processes, its own operators too; processes die while others go on. What must
hold at the end is what `test_simulated` judges.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from connector.exchange.ports import HttpAnswer
from tests.exchange.test_simulated import JOBS, run
from tests.network import BAD, GOOD, Network, Request


def test_on_a_good_network_nothing_is_pushed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of a company see that a push is due; one does it."""
    pushed: Counter[tuple[str, bytes | None]] = Counter()
    carry = Network.carry

    async def counted(network: Network, request: Request) -> HttpAnswer:
        if request.url.endswith("/inbox"):
            pushed[request.headers["Authorization"], request.body] += 1
        return await carry(network, request)

    monkeypatch.setattr(Network, "carry", counted)
    outcome = run(tmp_path, 2, GOOD, 0, replicas=3)
    assert sum(outcome.ended.values()) == JOBS
    assert set(pushed.values()) == {1}


@pytest.mark.parametrize("seed", [201, 202])
def test_a_bad_network_and_deaths(tmp_path: Path, seed: int) -> None:
    """Two processes of each company; what a dead one had under way another one takes up."""
    outcome = run(tmp_path, seed, BAD, 6, replicas=2)
    print(seed, outcome)
    assert sum(outcome.ended.values()) == JOBS
    assert outcome.deaths


@pytest.mark.long
@pytest.mark.parametrize("decade", range(4))
def test_bad_networks_and_deaths_for_long(tmp_path: Path, decade: int) -> None:
    """Forty other seeds, three processes of each company."""
    for seed in range(3000 + decade * 10, 3010 + decade * 10):
        assert sum(run(tmp_path, seed, BAD, 12, replicas=3).ended.values()) == JOBS
