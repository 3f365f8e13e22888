"""A company whose keys are in a token trades as any other; while that is away its peers wait, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from connector.config import load
from connector.keys import pkcs11_library
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run
from tests.edges.keys.softhsm import SoftToken, needs_token, soft_token

pytestmark = [
    needs_token,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # see tests/edges/keys/test_pkcs11
]


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftToken]:
    """Of the mine."""
    monkeypatch.setattr(pkcs11_library, "_PAUSE_SECONDS", 0.0)
    with soft_token(tmp_path) as fresh:
        yield fresh


def test_two_companies_trade_and_one_has_its_keys_in_a_token(tmp_path: Path, token: SoftToken) -> None:
    """Publish, agree, fetch, verify, rotate; without the token: exit 3, and the peer's request is answered later."""
    ports = free_ports(4)
    mine = found(tmp_path, "mine", ports.pop(), ports.pop(), custody=token.uri)
    refiner = found(tmp_path, "refiner", ports.pop(), ports.pop())
    know(mine, refiner)
    know(refiner, mine)
    assert not list((mine.folder / "keys").glob("*.pem"))
    with serving(mine, refiner):
        assert run(mine, "publish", "sites", "--policy", "open")[0] == 0
        code, agreed = ask(refiner, "request", "mine", "sites")
        assert code == 0, agreed
        code, fetched = ask(refiner, "fetch", agreed["agreement"])
        assert (code, fetched["credentials"]) == (0, 2), fetched
        assert run(mine, "did", "show")[0] == 0
        code, answer = ask(mine, "did", "rotate", "assertionMethod", "--overlap", "0")
        assert (code, answer["key"]["custody"][:7]) == (0, "pkcs11:"), answer
        assert _doctor(mine) == {"good"}

        with token.pulled():
            code, answer = ask(mine, "publish", "depots", "--policy", "open")
            assert (code, answer["error"]["message"]) == (3, "our keys are out of reach for now"), answer
            assert _doctor(mine) == {"unchecked"}
            code, asked = ask(refiner, "request", "mine", "sites", "--no-wait")
            assert code == 0, asked
            time.sleep(1.5)
            assert ask(refiner, "why", asked["negotiation"])[1]["state"] == "", "it could not be taken"
        assert run(mine, "publish", "depots", "--policy", "open")[0] == 0
        assert _state(refiner, asked["negotiation"], "FINALIZED") == "FINALIZED"
        assert _doctor(mine) == {"good"}
    assert load(mine.config).keys.assertion.startswith("pkcs11:")


def _doctor(company: Company) -> set[str]:
    """How the checks of the keys went."""
    return {one["outcome"] for one in ask(company, "doctor")[1]["checks"] if one["name"] == "keys"} - {"warning"}


def _state(company: Company, pid: str, wanted: str) -> str:
    for _ in range(60):
        state = str(ask(company, "why", pid)[1]["state"])
        if state == wanted:
            break
        time.sleep(0.5)
    return state
