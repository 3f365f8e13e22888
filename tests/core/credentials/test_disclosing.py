"""An SD-JWT of our own, made and shown: whatever is left out, the rest is what was signed, and nothing else is said."""

from __future__ import annotations

import copy
from datetime import datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.credentials import jose
from connector.credentials.disclosing import (
    SUBJECT,
    attach,
    attach_binding,
    binding_input,
    conceal,
    may_be_left_out,
    prepare,
    show,
    value_at,
)
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import Challenge, SdJwt, check_binding, parse
from connector.credentials.signing import key_from_jwk
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Json, JsonObject
from tests.core.credentials.conftest import REFINER

LIMIT = 1 << 20
SIGNER = signer_from_seed(b"assertion", "EdDSA", f"{REFINER}#assertion-1")
NAMES = st.sampled_from(["name", "grade", "a/b", "~", "Größe", "list", "inner", "0"])
LEAVES: st.SearchStrategy[Json] = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.integers(-9, 9),
    st.booleans(),
    st.none(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)


def salts(count: int, start: int = 0) -> list[str]:
    """As many texts that are long enough and differ."""
    return [f"{number:043d}" for number in range(start, start + count)]


def issued(credential: JsonObject, *places: str, decoys: int = 0, signer: MemorySigner = SIGNER) -> SdJwt:
    """Signed with these places left to the holder, as it is read again."""
    claims, texts = conceal(credential, places, salts(len(places)), salts(decoys, 500))
    signed = prepare(claims, key_id=signer.key_id, alg=signer.alg)
    return parse(attach(signed, signer.sign_now(signed), texts), LIMIT)


def places_in(value: Json, place: str = SUBJECT) -> list[str]:
    """Every place below."""
    inner: list[tuple[str, Json]] = []
    if isinstance(value, dict):
        inner = [(name.replace("~", "~0").replace("/", "~1"), one) for name, one in value.items()]
    if isinstance(value, list):
        inner = [(str(number), one) for number, one in enumerate(value)]
    return [found for name, one in inner for found in (f"{place}/{name}", *places_in(one, f"{place}/{name}"))]


@settings(deadline=None)  # no test rests on time
@given(subject=st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), data=st.data())
def test_whatever_is_chosen_comes_back(subject: JsonObject, data: st.DataObject) -> None:
    """All shown is the credential; some shown has only that, each at its value; none shown has none of it."""
    credential: JsonObject = {"issuer": REFINER, "credentialSubject": subject}
    places = places_in(subject)
    chosen = data.draw(st.lists(st.sampled_from(places), unique=True, max_size=8))
    before = copy.deepcopy(credential)
    whole = issued(credential, *chosen, decoys=data.draw(st.integers(0, 3)))
    assert credential == before
    assert whole.claims() == credential
    assert {*whole.places} == {*chosen}
    shown = data.draw(st.lists(st.sampled_from(chosen), unique=True)) if chosen else []
    part = parse(show(whole, shown), LIMIT)
    needed = {one for one in chosen if any(place == one or place.startswith(f"{one}/") for place in shown)}
    assert len(part.disclosures) == len(needed)
    assert parse(show(whole, [*whole.places]), LIMIT) == whole
    nothing = parse(show(part, []), LIMIT)
    assert (nothing.disclosures, len(nothing.places)) == ((), 0)
    for octets in (show(whole, shown), show(whole, [])):
        assert octets.startswith(whole.presented.partition(b"~")[0])
    said = {one.value for one in part.disclosures if isinstance(one.value, str)}
    assert said <= {value_at(credential, one) for one in needed if isinstance(value_at(credential, one), str)}


@settings(deadline=None)  # no test rests on time
@given(place=st.integers(0, 10_000), put=st.characters(codec="ascii"))
def test_no_character_can_be_changed(place: int, put: str) -> None:
    """Of the token, of a disclosure, of what parts them: it is refused, or its signature does not hold."""
    subject: JsonObject = {"id": "urn:uuid:1", "name": "one", "list": ["two", {"deep": "three"}]}
    credential: JsonObject = {"issuer": REFINER, "credentialSubject": subject}
    octets = issued(credential, *(f"{SUBJECT}/{one}" for one in ("name", "list/0", "list/1", "list/1/deep"))).presented
    place %= len(octets)
    changed = octets[:place] + put.encode() + octets[place + 1 :]
    if changed == octets:
        return
    with pytest.raises(Refused):
        jose.verify(parse(changed, LIMIT).jws, key_from_jwk(SIGNER.public_jwk))


def test_what_could_not_be_read_is_not_given_out(credential: JsonObject) -> None:
    """A disclosure of which nobody signed a digest, or one too few octets of a signature."""
    claims, texts = conceal(credential, [f"{SUBJECT}/materialType"], salts(1))
    signed = prepare(claims, key_id=SIGNER.key_id, alg=SIGNER.alg)
    signature = SIGNER.sign_now(signed)
    assert parse(attach(signed, signature, texts), LIMIT).claims() == credential
    for wrong, beside in ((signature, (*texts, b"WyJzIiwibiIsMV0")), (signature[:-1], texts)):
        with pytest.raises(Refused):
            attach(signed, wrong, beside)


def test_the_signed_part_tells_nothing(credential: JsonObject) -> None:
    """Digests in an order of their own, a decoy like the others, no value and no name among them."""
    subject: JsonObject = {"id": "urn:uuid:1", "type": "MaterialLot", "zebra": "striped", "ant": "black"}
    whole = issued({**credential, "credentialSubject": subject}, f"{SUBJECT}/zebra", f"{SUBJECT}/ant", decoys=1)
    assert whole.jws.header == {"alg": SIGNER.alg, "kid": SIGNER.key_id, "typ": "vc+sd-jwt", "cty": "vc"}
    assert whole.jws.claims()["_sd_alg"] == "sha-256"
    signed = whole.jws.claims()["credentialSubject"]
    assert isinstance(signed, dict)
    digests = signed["_sd"]
    assert isinstance(digests, list)
    assert (len(digests), digests) == (3, sorted(map(str, digests)))
    assert {len(str(one)) for one in digests} == {43}
    for word in (b"zebra", b"striped", b"ant", b"black"):
        assert word not in whole.jws.payload.partition(b'"credentialSubject"')[2]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("/issuer", "not-disclosable"),
        ("/validFrom", "not-disclosable"),
        ("/credentialStatus", "not-disclosable"),
        ("/credentialStatus/statusListIndex", "not-disclosable"),
        ("/@context/0", "not-disclosable"),
        ("/type/1", "not-disclosable"),
        (f"{SUBJECT}/type", "not-disclosable"),
        (f"{SUBJECT}/nothing", "no-such-place"),
        (f"{SUBJECT}/materialType/0", "no-such-place"),
        (f"{SUBJECT}/materialType/0/x", "no-such-place"),
        (f"{SUBJECT}/nothing/x", "no-such-place"),
        (SUBJECT[1:], "no-such-place"),
        ("", "no-such-place"),
    ],
)
def test_what_is_no_choice_is_not_made_one(credential: JsonObject, place: str, reason: str) -> None:
    """What the verifier refuses is not signed."""
    with pytest.raises(Refused, match=reason):
        issued(credential, place)
    assert may_be_left_out(place) == (reason != "not-disclosable")


def test_salts_are_fresh_and_names_are_free(credential: JsonObject) -> None:
    """A short, doubled or missing salt; a credential that says `_sd` itself; another issuer's key."""
    subject: JsonObject = {"id": "urn:uuid:1", "type": "MaterialLot", "a": "1", "b": "2"}
    body, places = {**credential, "credentialSubject": subject}, [f"{SUBJECT}/a", f"{SUBJECT}/b"]
    for bad in (["short", salts(1)[0]], salts(1) * 2, salts(1)):
        with pytest.raises(Refused, match="bad-salt"):
            conceal(body, places, bad)
    with pytest.raises(Refused, match="bad-salt"):
        conceal(body, places, salts(2), salts(1))
    for name in ("_sd", "...", "_sd_alg"):
        with pytest.raises(Refused, match="reserved-name"):
            conceal({**body, "credentialSubject": {**subject, "deep": [{name: []}]}}, places, salts(2))
    with pytest.raises(Refused, match="foreign-key"):
        prepare(conceal(body, places, salts(2))[0], key_id="did:web:other.example#key-1", alg="EdDSA")


@pytest.mark.parametrize("places", [["a", "a"], ["a", "_sd"], ["list/2"], ["list/x"], ["list/0/b"], ["list", "list/0"]])
def test_a_place_is_left_out_once_and_where_it_is(credential: JsonObject, places: list[str]) -> None:
    """Nor are digests themselves a place; what lies deeper goes with what it lies in, in whichever order."""
    subject: JsonObject = {"id": "urn:uuid:1", "type": "MaterialLot", "a": "1", "list": ["2", "3"]}
    body, below = {**credential, "credentialSubject": subject}, [f"{SUBJECT}/{one}" for one in places]
    if places == ["list", "list/0"]:
        assert [*issued(body, *below).places] == below
        return
    with pytest.raises(Refused, match="no-such-place"):
        issued(body, *below)
    assert [value_at(body, f"{SUBJECT}/{one}") for one in ("list/1", "list/2", "list/x")] == ["3", None, None]


def test_a_salt_has_128_bits_and_decoys_need_a_subject(credential: JsonObject) -> None:
    """22 letters of base64url; of several subjects none is the one beside whose digests they could hide."""
    place = [f"{SUBJECT}/materialType"]
    assert conceal(credential, place, ["a" * 22])[1]
    for short in (["a" * 21], []):
        with pytest.raises(Refused, match="bad-salt"):
            conceal(credential, place, short)
    with pytest.raises(Refused, match="bad-salt"):
        conceal(credential, place, salts(1, 1), ["a" * 21])
    with pytest.raises(Refused, match="not one subject"):
        conceal({**credential, "credentialSubject": [{"id": "urn:uuid:1"}]}, [], [], salts(1))


def test_only_what_there_is_can_be_shown(credential: JsonObject) -> None:
    """Not what stands in the clear, nor what an earlier holder left out."""
    subject: JsonObject = {"id": "urn:uuid:1", "type": "MaterialLot", "a": {"deep": "1"}, "b": "2"}
    whole = issued({**credential, "credentialSubject": subject}, f"{SUBJECT}/a", f"{SUBJECT}/a/deep", f"{SUBJECT}/b")
    deep = parse(show(whole, [f"{SUBJECT}/a/deep"]), LIMIT)
    assert [*deep.places] == [f"{SUBJECT}/a", f"{SUBJECT}/a/deep"]
    alone = parse(show(whole, [f"{SUBJECT}/a"]), LIMIT)
    assert value_at(alone.claims(), f"{SUBJECT}/a") == {}
    for place in (f"{SUBJECT}/b", f"{SUBJECT}/id", f"{SUBJECT}/c"):
        with pytest.raises(Refused, match="no-such-disclosure"):
            show(deep, [place])


def test_a_presentation_is_bound_and_shown_anew_without_it(credential: JsonObject, now: datetime) -> None:
    """The binding is of one presentation; showing less of it takes it off."""
    holder = signer_from_seed(b"holder", "ES256", "did:web:holder.example#key-1")
    challenge = Challenge(audience="https://buyer.example", nonce="n")
    bound: JsonObject = {**credential, "cnf": {"jwk": holder.public_jwk}}
    whole = issued(bound, f"{SUBJECT}/materialType")
    presented = show(whole, whole.places)
    signed = binding_input(presented, challenge, alg=holder.alg, now=now)
    shown = parse(attach_binding(presented, signed, holder.sign_now(signed)), LIMIT)
    assert check_binding(shown, challenge, now) == ""
    less = parse(show(shown, []), LIMIT)
    assert (less.binding, orjson.dumps(less.shown).count(b"NiSO4")) == (None, 0)
    assert key_from_jwk(holder.public_jwk).as_jwk() == holder.public_jwk
