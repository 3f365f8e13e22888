"""The configuration of peers: short, or with what a peer's habits need."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config import Config, load
from connector.errors import BadConfig

HEAD = """
name = "us"
public_url = "https://us.example"
[keys]
assertion = "memory:"
authentication = "memory:"
id_key = "memory:"
[listen]
port = 8080
management_port = 8081
"""


def read(folder: Path, text: str) -> Config:
    file = folder / "connector.toml"
    file.write_text(HEAD + text, "utf-8")
    return load(file)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://Us.example", "lower-case"), ("https://10.1.2.3", "name"), ("https://us.example:443", "is left out"),
        ("https://b\u00fcro.example", "not ASCII"), ("https://us.example/a%20b", "path segment"),
        ("https://us.example//a", "lead to https://us.example/a"),
    ],
)  # fmt: skip
def test_an_address_that_peers_would_refuse_is_no_address_of_ours(tmp_path: Path, address: str, told: str) -> None:
    """The DID is frozen, and no strict peer would look up one that is made of it; nor do we look such a peer up."""
    file = tmp_path / "connector.toml"
    file.write_text(HEAD.replace("https://us.example", address), "utf-8")
    with pytest.raises(BadConfig, match=f"public_url.*{told}"):
        load(file)
    with pytest.raises(BadConfig, match=told):
        read(tmp_path, "").peer(address)


def test_a_peer_is_a_did_or_a_table(tmp_path: Path) -> None:
    """Its name, its id and, of a DID, its address stand for it."""
    config = read(
        tmp_path,
        '[peers]\nrefiner = "did:web:refiner.example"\n'
        '[peers.edc]\nid = "provider"\naddress = "https://edc.example/protocol/2025-1/"\n'
        "retryable_statuses = [404, 409]\n",
    )
    assert config.peers["refiner"].address == ""
    edc = config.peers["edc"]
    assert (edc.address, edc.retryable_statuses) == ("https://edc.example/protocol/2025-1", (404, 409))
    assert [config.peer(name) for name in ("edc", "provider")] == ["provider"] * 2
    names = ("refiner", "did:web:refiner.example", "https://refiner.example")
    assert {config.peer(name) for name in names} == {"did:web:refiner.example"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[peers.edc]\naddress = "https://edc.example"\n', "peers.edc.id"),
        ('[peers.edc]\nid = "x"\naddress = "edc.example"\n', "peers.edc.address"),
        ('[peers.edc]\nid = "x"\nretryable_statuses = [503]\n', "retryable_statuses"),
        ('[peers.edc]\nid = "x"\nadress = "https://edc.example"\n', "did you mean 'address'"),
        ("[peers]\nedc = 7\n", "peers.edc"),
        ('[trusted_issuers]\nMinePermit = "did:web:x.example"\n', "MinePermit: it should be a list"),
        ("[limits]\nretry_cap_seconds = inf\n", "limits.retry_cap_seconds"),
        ("[limits]\nretry_first_seconds = nan\n", "limits.retry_first_seconds"),
        ("[approvals]\nlimit_seconds = 1000000000000\n", "ten years"),
        ("[limits]\nkeep_ended_days = 30\nretry_budget_seconds = 1296001\n", "keep_ended_days"),
    ],
)
def test_an_odd_value_is_named(tmp_path: Path, text: str, told: str) -> None:
    """By its key."""
    with pytest.raises(BadConfig) as error:
        read(tmp_path, text)
    assert told in f"{error.value.detail} {error.value.hint}"
