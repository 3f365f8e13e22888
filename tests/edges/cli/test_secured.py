"""What people take for a credential, and is a cover of several, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.cli.secured import credentials_in, octets_in
from connector.cli.several import Several
from connector.credentials.jose import attach, signing_input
from connector.errors import BadInput
from connector.model import Json, JsonObject

ENVELOPED: JsonObject = {"type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,a.b.c"}


def token(kind: str, claims: JsonObject) -> str:
    """A token that nobody signed."""
    header: JsonObject = {"alg": "ES256", "kid": "did:web:a.example#k", "typ": kind}
    return attach(signing_input(header, json.dumps(claims).encode()), bytes(64)).decode()


def read(folder: Path, content: Json) -> bytes | Several:
    """What a file with this is taken for."""
    file = folder / "shown.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), "utf-8")
    return credentials_in(file)


@pytest.mark.parametrize(
    ("content", "credentials", "beside"),
    [
        ({"record": "urn:x", "credentials": ["a.b.c", "d.e.f"]}, [b"a.b.c", b"d.e.f"], {"record": "urn:x"}),
        (ENVELOPED | {"mass": "9"}, [b"a.b.c"], {"mass": "9"}),
        (["a.b.c", {"proof": {}, "a": 1}], [b"a.b.c", b'{"a":1,"proof":{}}'], {}),
        ({"type": "VerifiablePresentation", "verifiableCredential": ENVELOPED, "name": "x"}, [b"a.b.c"], {"name": "x"}),
        (token("vp+jwt", {"iss": "a", "verifiableCredential": [ENVELOPED], "mass": "9"}), [b"a.b.c"], {"mass": "9"}),
        (token("JWT", {"iss": "a", "vp": {"verifiableCredential": ["a.b.c"]}}), [b"a.b.c"], {}),
        (
            {"type": "PresentationResponseMessage", "presentation": [token("vp+jwt", {"verifiableCredential": "a.b"})]},
            [b"a.b"],
            {},
        ),
        (
            {
                "type": "CredentialMessage", "holderPid": "1", "status": "ISSUED",
                "credentials": [{"credentialType": "T", "format": "jwt", "payload": "a.b.c"}],
            },
            [b"a.b.c"],
            {},
        ),
        ({"passportStatus": "ceased", "credentials": []}, [], {"passportStatus": "ceased"}),
    ],
)  # fmt: skip
def test_several_in_one_file(tmp_path: Path, content: Json, credentials: list[bytes], beside: dict[str, Json]) -> None:
    """Their octets, and whatever the cover says that nobody signed for it."""
    found = read(tmp_path, content)
    assert isinstance(found, Several)
    assert ([*found.credentials], found.beside) == (credentials, beside)
    with pytest.raises(BadInput, match="and is none itself") as told:
        octets_in(tmp_path / "shown.json")
    assert "file of its own" in told.value.hint


@pytest.mark.parametrize(
    "content",
    [
        '{"credentials":["a"],"proof":{}}',
        '{"credentials": [',
        "a.b.c",
        token("vc+jwt", {"verifiableCredential": []}),
    ],
)
def test_one_credential_is_no_cover(tmp_path: Path, content: str) -> None:
    """Also where verification will say that it is none."""
    assert read(tmp_path, content) == content.encode() == octets_in(tmp_path / "shown.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<!doctype html>", "web page"),
        ({"title": "not-found", "status": 404, "detail": "no such passport"}, "no such passport"),
        ([], "no credential"),
        ([7], "7 stands where"),
        ([{"mass": "1", "credentials": ["a.b.c"]}], "within another"),
        (["a.b.c"] * 101, "more than 100"),
        ([[[[[["a.b.c"]]]]]], "more than 4 covers"),
    ],
)
def test_what_is_none_is_told_as_what_it_is(tmp_path: Path, content: Json, said: str) -> None:
    """Each with what to do."""
    with pytest.raises(BadInput, match=said) as told:
        read(tmp_path, content)
    assert told.value.hint
