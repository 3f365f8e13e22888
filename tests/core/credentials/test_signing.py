"""Public keys: two kinds, in their JWK form, and nothing that only looks like a key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connector.credentials import base64url
from connector.credentials.refused import Refused
from connector.credentials.signing import key_from_jwk
from connector.keys.memory import MemorySigner
from connector.model import JsonObject

FIELD = 2**255 - 19
D = -121665 * pow(121666, -1, FIELD) % FIELD


def refusal(jwk: JsonObject) -> str:
    with pytest.raises(Refused) as caught:
        key_from_jwk(jwk)
    return caught.value.reason


def test_a_jwk_comes_back_as_it_was(signer: MemorySigner) -> None:
    """Only the members that make the key are kept."""
    assert key_from_jwk({**signer.public_jwk, "kid": "a", "use": "sig"}).as_jwk() == signer.public_jwk


def test_a_private_key_is_refused(signer: MemorySigner) -> None:
    """A published private key belongs to everybody."""
    assert refusal({**signer.public_jwk, "d": "AAAA"}) == "private-key-published"


def text(number: int, size: int) -> str:
    return base64url.encode(number.to_bytes(size, "big")).decode()


def test_other_kinds_of_keys_are_refused() -> None:
    """P-521, RSA, X25519, symmetric keys, and members that are missing or no texts."""
    large = ec.generate_private_key(ec.SECP521R1()).public_key().public_numbers()
    assert refusal({"kty": "EC", "crv": "P-521", "x": text(large.x, 66), "y": text(large.y, 66)}) == "key-unsupported"
    weak = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    assert refusal({"kty": "RSA", "n": text(weak.n, 128), "e": "AQAB"}) == "key-unsupported"
    others: list[JsonObject] = [
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "oct", "k": "AAAA"},
        {},
        {"kty": 1, "crv": []},
    ]
    for jwk in others:
        assert refusal(jwk) == "key-unsupported"
    for x in (None, 1, "", "AAAA", "ä"):
        assert refusal({"kty": "OKP", "crv": "Ed25519", "x": x}) == "key-unsupported"


def test_a_point_off_the_curve_is_refused() -> None:
    """An invalid point would leak or forge in other uses; here it is just no key."""
    assert refusal({"kty": "EC", "crv": "P-256", "x": text(5, 32), "y": text(5, 32)}) == "key-unsupported"


def points_of_small_order() -> list[tuple[int, int]]:
    """All points P of Ed25519 with 8P = 0, from the curve's equation: multiples of one of order 8."""
    for y in range(2, 200):
        u, v = (y * y - 1) % FIELD, (D * y * y + 1) % FIELD
        square = u * pow(v, -1, FIELD) % FIELD
        x = pow(square, (FIELD + 3) // 8, FIELD)
        if (x * x - square) % FIELD:
            x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
        if (x * x - square) % FIELD:
            continue
        order = 2**252 + 27742317777372353535851937790883648493
        torsion = times(order, (x, y))
        multiples = [times(n, torsion) for n in range(8)]
        if len(set(multiples)) == 8:
            return multiples
    raise AssertionError("no point of order 8 found")


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    product = D * a[0] * b[0] * a[1] * b[1] % FIELD
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, FIELD) % FIELD
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, FIELD) % FIELD
    return x, y


def times(number: int, point: tuple[int, int]) -> tuple[int, int]:
    result = (0, 1)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def test_points_of_small_order_are_refused() -> None:
    """All eight, computed here, with either sign and in the forms that are not reduced: they verify forgeries."""
    for x, y in points_of_small_order():
        for sign in {x & 1, 0, 1}:
            for number in {y, y + FIELD} if y + FIELD < 1 << 255 else {y}:
                octets = (number | sign << 255).to_bytes(32, "little")
                jwk: JsonObject = {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(octets).decode()}
                assert refusal(jwk) == "key-unsupported"
