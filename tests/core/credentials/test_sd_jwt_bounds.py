"""How far an SD-JWT is read: each bound let through where it lies and refused one beyond, however it is reached."""

from __future__ import annotations

import orjson
import pytest

from connector.credentials import base64url, jose
from connector.credentials.datamodel import VC_CONTEXT, context_problem
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import MAX_DISCLOSURES, SdJwt, digest_of, parse
from connector.model import Json, JsonObject
from connector.vocabulary.admission import MAX_DEPTH, MAX_MESSAGE_VALUES

LIMIT = 1 << 20


def text(*members: Json) -> bytes:
    """A disclosure."""
    return base64url.encode(orjson.dumps(members))


def shown(claims: JsonObject, *texts: bytes, limit: int = LIMIT) -> SdJwt:
    """As it is read, whoever signed it."""
    signed = jose.signing_input({"alg": "ES256", "typ": "vc+sd-jwt"}, orjson.dumps(claims))
    return parse(b"~".join([jose.attach(signed, bytes(64)), *texts, b""]), limit)


def refusal(claims: JsonObject, *texts: bytes, limit: int = LIMIT) -> str:
    """The word with which it is refused; empty: it is read."""
    try:
        shown(claims, *texts, limit=limit)
    except Refused as error:
        return error.reason
    return ""


def nested(layers: str) -> tuple[JsonObject, list[bytes]]:
    """A leaf below these layers, from outside in: of an object, an array, or disclosed as a Member or an Element."""
    below: Json = "leaf"
    texts: list[bytes] = []
    for number, layer in enumerate(reversed(layers)):
        if layer == "M":
            texts.append(text(str(number), "a", below))
            below = {"_sd": [digest_of(texts[-1])]}
        elif layer == "E":
            texts.append(text(str(number), below))
            below = [{"...": digest_of(texts[-1])}]
        else:
            below = {"a": below} if layer == "o" else [below]
    assert isinstance(below, dict)
    return below, texts


@pytest.mark.parametrize("layers", ["M", "Mo", "Ma", "oE", "oEao", "MoaE"])
def test_each_layer_counts_once(layers: str) -> None:
    """Disclosed or in the clear: each disclosure is flat enough, and put together they would go on for ever."""
    endless = layers * (MAX_DEPTH + 1)
    claims, texts = nested(endless[:MAX_DEPTH])
    assert refusal(claims, *texts) == ""
    claims, texts = nested(endless[: MAX_DEPTH + 1])
    assert refusal(claims, *texts) == "too-deep"


def test_names_are_read_up_to_their_bound() -> None:
    """A pointer has 2000 characters at most, its slash among them."""
    assert refusal({"n" * 1999: 1}) == ""
    assert refusal({"n" * 2000: 1}) == "too-deep"


@pytest.mark.parametrize(
    ("one", "each"), [(0, 1), ([], 2), ({}, 2)], ids=["numbers", "arrays", "objects"]
)  # each value brings a comma, and a bracket where it has one
def test_all_values_count_together(one: Json, each: int) -> None:
    """In the clear and in all disclosures: half of them here and half there are as many."""
    half = MAX_MESSAGE_VALUES // 2 // each
    for here, there, refused in (
        (half, half - 10, ""),
        (half, half + 10, "too-large"),
        (0, 2 * half + 10, "too-large"),
    ):
        below = text("s", "a", [one] * there)
        assert refusal({"_sd": [digest_of(below)], "b": [one] * here}, below) == refused


def test_exactly_as_many_values_as_a_message_has_are_read() -> None:
    """The bound itself is let through."""
    brackets_and_commas = 5  # {"_sd":["..."]} and ["s","a",[0]]
    for more, refused in ((0, ""), (1, "too-large")):
        below = text("s", "a", [0] * (MAX_MESSAGE_VALUES - brackets_and_commas + more))
        assert refusal({"_sd": [digest_of(below)]}, below) == refused


def test_disclosures_are_read_up_to_their_number() -> None:
    """A thousand, and not one more."""
    texts = [text(str(number), f"n{number}", 0) for number in range(MAX_DISCLOSURES + 1)]
    assert len(shown({"_sd": [digest_of(one) for one in texts[:-1]]}, *texts[:-1]).places) == MAX_DISCLOSURES
    assert refusal({"_sd": [digest_of(one) for one in texts]}, *texts) == "too-many-disclosures"


def test_its_octets_are_counted_with_the_disclosures() -> None:
    """Also where the token before them is short."""
    one = text("s", "a", "x" * 1000)
    claims: JsonObject = {"_sd": [digest_of(one)]}
    whole = len(shown(claims, one).presented)
    assert (refusal(claims, one, limit=whole), refusal(claims, one, limit=whole - 1)) == ("", "too-large")


def test_a_key_binding_is_small() -> None:
    """Eight kilobytes, however much may stand before it."""
    presented = shown({"a": 1}).presented
    for size, refused in ((6000, ""), (6200, "too-large")):
        signed = jose.signing_input({"alg": "ES256", "typ": "kb+jwt"}, orjson.dumps({"nonce": "x" * size}))
        try:
            found = "" if parse(presented + jose.attach(signed, bytes(64)), LIMIT).binding else "none"
        except Refused as error:
            found = error.reason
        assert found == refused


def test_a_context_is_found_in_the_clear_and_in_what_is_disclosed() -> None:
    """One further inside gives words another meaning, wherever it stands."""
    plain = text("s", "name", "x")
    bent = text("s", "part", {"@context": {"name": "https://evil.example/name"}})
    top: JsonObject = {"@context": [VC_CONTEXT]}
    cases: list[tuple[JsonObject, bytes, bool]] = [
        ({**top, "_sd": [digest_of(plain)]}, plain, False),
        ({**top, "_sd": [digest_of(bent)]}, bent, True),
        ({**top, "_sd": [digest_of(plain)], "part": {"@context": {}}}, plain, True),
    ]
    for claims, one, found in cases:
        read = shown(claims, one)
        assert bool(context_problem(read.claims(), read, [VC_CONTEXT])) is found


def test_what_is_told_of_it_stays_short() -> None:
    """Twenty places by name; of more that there are more."""
    texts = [text(str(number), f"n{number}", 0) for number in range(21)]
    for count, told in ((0, "0 disclosed; "), (20, "/n18, /n19; 0 digests"), (21, "/n18, /n19, ...; 0 digests")):
        chosen = texts[:count]
        read = shown({"_sd": [digest_of(one) for one in chosen]}, *chosen)
        assert told in read.told()
        assert read.alg == "ES256"


@pytest.mark.parametrize("name", ["status", "issuer", "validUntil", "record"])
def test_the_issuers_words_are_words_as_any_other_further_inside(name: str) -> None:
    """A subject may have a status of its own, and hide it."""
    one = text("s", name, "x")
    assert shown({"credentialSubject": {"_sd": [digest_of(one)]}}, one).claims() == {"credentialSubject": {name: "x"}}
