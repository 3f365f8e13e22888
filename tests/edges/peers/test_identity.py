"""The unsafe identity: everybody is who it claims to be, on loopback and nowhere else. The safe one: `test_token`."""

from __future__ import annotations

import pytest

from connector.app import compose
from connector.config import Config, Listen, Unsafe
from connector.config import Keys as KeyNames
from connector.errors import BadMessage, NotAuthenticated
from connector.keys.memory import keys_from_seed
from connector.keys.ring import Keys
from connector.model import Did
from connector.peers.identity import Claimed
from connector.peers.nowhere import NoNetwork
from connector.stores.memory import MemoryStore

EDC = '{"region":"eu","audience":"http://localhost:19294/protocol/2025-1","clientId":"consumer"}'
"""As an Eclipse EDC with its mock identity sends it."""


def config(
    public_url: str = "http://localhost:8080", host: str = "127.0.0.1", choice: str = "claimed_identity"
) -> Config:
    return Config(
        name="us", public_url=public_url,
        keys=KeyNames(assertion="memory:", authentication="memory:", id_key="memory:"),
        listen=Listen(host=host, port=8080, management_port=8081),
        unsafe=Unsafe.model_validate({"allow_loopback_http": True, choice: True}),
    )  # fmt: skip


async def test_a_claim_is_believed() -> None:
    """Ours is read as theirs is."""
    us = Claimed(did=Did("did:web:us.example"))
    assert (await us.check(EDC)).party == "consumer"
    shown = await us.show(Did("consumer"), "secret")
    assert (await us.check(shown)).party == us.did
    assert "secret" not in shown


@pytest.mark.parametrize(
    "header", ["", "Bearer x", EDC.replace("consumer", ""), '{"clientId": 1}', '"consumer"', "[1]"]
)
async def test_what_claims_nothing_is_refused(header: str) -> None:
    """Nothing, a token, no name, no object."""
    with pytest.raises(NotAuthenticated):
        await Claimed(did=Did("did:web:us.example")).check(header)


@pytest.mark.parametrize("choice", ["claimed_identity", "nonconforming_credentials"])
@pytest.mark.parametrize(
    ("public_url", "host"), [("https://us.example", "127.0.0.1"), ("http://localhost:8080", "0.0.0.0")]
)
def test_it_is_refused_outside_loopback(public_url: str, host: str, choice: str) -> None:
    """Whether others could reach it, or it says that they can."""
    config(choice=choice)
    with pytest.raises(ValueError, match=choice):
        config(public_url, host, choice)


async def test_a_claim_is_good_any_number_of_times_and_proves_nothing_else() -> None:
    """No claims for policies, and no memory of tokens."""
    keys = Keys(own=keys_from_seed("us", "x"), id_key=b"x" * 32)
    services = compose(config(), MemoryStore(), NoNetwork(), keys)
    for _ in range(2):
        caller = await services.authenticate.caller(EDC, method="POST", path="/x", body=b"{}", once=True)
        assert caller.facts.party == "consumer"
        assert caller.facts.claims == ()
        assert not caller.repeat


async def test_a_doubled_name_is_refused() -> None:
    """Which of the two would it be?"""
    with pytest.raises((BadMessage, NotAuthenticated)):
        await Claimed(did=Did("did:web:us.example")).check('{"clientId": "a", "clientId": "b"}')
