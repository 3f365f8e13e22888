"""A peer that does not hold all that Catena-X proves: how often it is asked for it, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from connector.errors import BadMessage
from connector.exchange import authenticate
from connector.model import Did
from connector.peers.messenger import Messenger
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask

TRUSTED = "MembershipCredential", "BpnCredential", "DataExchangeGovernanceCredential"


@dataclass
class Queries:
    """Those that the mine made, each by how many types it asked for."""

    made: list[int] = field(default_factory=list)

    def since(self) -> list[int]:
        """Those since the last look."""
        self.made, made = [], self.made
        return made


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Queries:
    """The refiner's wallet refuses whoever asks for more than one type, as a Tractus-X wallet does."""
    asked, presentations = Queries(), Messenger.presentations

    async def counted(self: Messenger, peer: Did, access_token: str, scopes: Sequence[str]) -> list[str]:
        asked.made.append(len(scopes))
        if len(scopes) > 1:
            raise BadMessage("more than the token opens")
        return await presentations(self, peer, access_token, scopes)

    monkeypatch.setattr(Messenger, "presentations", counted)
    monkeypatch.setattr(authenticate, "_SHORT", timedelta(hours=1))  # however slow this machine is
    return asked


@pytest.fixture
def parties(tmp_path: Path, queries: Queries) -> Iterator[tuple[Company, Company]]:
    """A mine that trusts somebody for three types, and a refiner that holds none of them."""
    mine, refiner = (found(tmp_path, name, *free_ports(2)) for name in ("mine", "refiner"))
    know(mine, refiner)
    know(refiner, mine)
    said = "".join(f'{kind} = ["did:web:association.example"]\n' for kind in TRUSTED)
    mine.config.write_text(mine.config.read_text().replace("\nFacilityRecord", f"\n{said}FacilityRecord"))
    with serving(mine, refiner):
        for plan, policy in (("sites", "open"), ("depots", "closed")):
            assert ask(mine, "publish", plan, "--policy", policy)[0] == 0
        queries.since()
        yield mine, refiner


def test_a_peer_is_asked_once_for_what_it_does_not_show(parties: tuple[Company, Company], queries: Queries) -> None:
    """Catalogue, negotiation and transfer, some ten messages, cost one question; it was one for each of them."""
    _, refiner = parties
    assert ask(refiner, "catalog", "mine")[0] == 0
    code, answer = ask(refiner, "request", "mine", "sites")
    assert (code, ask(refiner, "fetch", answer["agreement"])[0]) == (0, 0)
    assert queries.since() == [3, 1, 1, 1]
    assert ask(refiner, "request", "mine", "depots")[0] == 1
    assert queries.since() == [3, 1, 1, 1], "it is not refused before it was asked by the token of that message"
