"""What every custody promises of a signer, over files and over tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from connector.credentials.signing import Signer, key_from_jwk
from connector.errors import BadConfig, ConnectorError
from connector.keys.custody import open_signer, take
from connector.keys.file import create_key
from connector.model import JsonObject
from tests.edges.keys.softhsm import PIN, needs_token, soft_token

KEY_ID = "did:web:refiner.example#assertion-1"
Make = Callable[[str, str], tuple[str, JsonObject]]
"""(alg, name) -> (custody URI, public JWK)."""


def secrets(_: str) -> str:
    """Passphrase and PIN."""
    return PIN


@pytest.fixture(params=["file", pytest.param("token", marks=needs_token)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a key in this custody."""
    if request.param == "file":
        yield lambda alg, name: (f"file:{tmp_path}/{name}", create_key(tmp_path / name, alg, PIN))
        return
    with soft_token(tmp_path) as token:
        yield lambda alg, name: take(token.uri, alg=alg, key_id=name, secrets=secrets)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
async def test_a_signer_signs_with_the_key_that_was_made(make: Make, alg: str) -> None:
    """64 bytes that hold under the public half that was told, over exactly that message, of any length."""
    uri, jwk = make(alg, "one")
    learnt: Signer = open_signer(uri, key_id=KEY_ID, secrets=secrets)
    known: Signer = open_signer(uri, key_id=KEY_ID, secrets=secrets, public_jwk=jwk)
    for signer in (learnt, known):
        assert (signer.alg, signer.key_id, signer.public_jwk) == (alg, KEY_ID, jwk)
        for message in (b"", b"message", bytes(100_000)):
            signature = await signer.sign(message)
            assert len(signature) == 64
            assert key_from_jwk(jwk).holds(signature, message)
            assert not key_from_jwk(jwk).holds(signature, message + b"!")


async def test_two_keys_are_two_keys(make: Make) -> None:
    """Each signs for itself, in turns."""
    (one, first), (two, second) = make("ES256", "one"), make("ES256", "two")
    for uri, own, other in ((one, first, second), (two, second, first), (one, first, second)):
        signature = await open_signer(uri, key_id=KEY_ID, secrets=secrets).sign(b"m")
        assert key_from_jwk(own).holds(signature, b"m")
        assert not key_from_jwk(other).holds(signature, b"m")


async def test_another_key_than_peers_know_signs_nothing(make: Make) -> None:
    """Opened, or asked to sign: refused."""
    (uri, _), (_, other) = make("ES256", "one"), make("ES256", "two")
    with pytest.raises(ConnectorError):
        await open_signer(uri, key_id=KEY_ID, secrets=secrets, public_jwk=other).sign(b"m")


def test_no_secret_shows_in_a_text(make: Make) -> None:
    """Neither what opens it nor the private half."""
    uri, _ = make("ES256", "one")
    told = f"{open_signer(uri, key_id=KEY_ID, secrets=secrets)!r}"
    assert PIN not in told
    assert "PrivateKey" not in told


def test_an_unknown_algorithm_makes_no_key(make: Make) -> None:
    """Nothing but the two."""
    with pytest.raises(BadConfig, match="RS256"):
        partial(make, "RS256", "one")()
