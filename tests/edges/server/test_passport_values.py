"""The JSON of a passport's page against the credentials in it."""

from __future__ import annotations

import pytest

from connector.model import Json, JsonObject
from connector.server.passport_values import held_against

SAID: JsonObject = {
    "record": "urn:r", "version": 1, "holder": "did:web:car.example", "withdrawn": False, "batteryMass": "512",
    "passportStatus": "active",
}  # fmt: skip


def credential(version: str = "1", issuer: Json = "did:web:car.example", **subject: Json) -> JsonObject:
    """A part of the record; the model is another thing than the battery."""
    record: JsonObject = {"id": "urn:r", "version": version}
    return {"issuer": issuer, "record": record, "credentialSubject": {"id": f"urn:{len(subject)}", **subject}}


MASS, STATE = credential(batteryMass="512"), credential(passportStatus="active", issuer={"id": "did:web:car.example"})


def test_the_values_are_those_of_the_credentials() -> None:
    """Merged, each beside the others."""
    assert held_against(SAID, [MASS, STATE]) == []


@pytest.mark.parametrize(
    ("said", "credentials", "codes"),
    [
        ({"batteryMass": "511"}, [MASS, STATE], {"differs": "batteryMass"}),
        ({"batteryMass": 512}, [MASS, STATE], {"differs": "batteryMass"}),
        ({"warranty": None}, [MASS, STATE], {"not-signed": "warranty"}),
        ({"id": "urn:1"}, [MASS, STATE], {"not-signed": "id"}),
        ({"withdrawn": {"batteryMass": "511"}}, [MASS, STATE], {"not-signed": "withdrawn"}),
        ({}, [STATE], {"not-signed": "batteryMass"}),
        ({}, [], {"not-signed": "passportStatus"}),
        ({}, [MASS, STATE, credential(name="x")], {"left-out": "name"}),
        ({}, [MASS, STATE, credential(batteryMass="9")], {"differs": "batteryMass"}),
        ({"record": "urn:s"}, [MASS, STATE], {"of-another": "record"}),
        ({"version": 2}, [MASS, STATE], {"of-another": "version"}),
        ({"holder": "did:web:b.example"}, [MASS, STATE], {"of-another": "holder"}),
        ({}, [MASS, credential(version="2", passportStatus="active")], {"of-another": "version"}),
        ({}, [MASS, credential(issuer="did:web:b.example", passportStatus="active")], {"of-another": "holder"}),
    ],
)
def test_what_is_otherwise_is_found(said: JsonObject, credentials: list[JsonObject], codes: dict[str, str]) -> None:
    """A value that nobody signed, one that is kept back, parts of two records, versions or holders."""
    assert {one.code: one.term for one in held_against(SAID | said, credentials)} == codes


def test_without_a_header_all_are_of_one() -> None:
    """Who leaves the record out does not get around it, nor with credentials that name none."""
    values: JsonObject = {"batteryMass": "512", "passportStatus": "active"}
    other = credential(version="2", passportStatus="active")
    assert [one.term for one in held_against(values, [MASS, other])] == ["version"]
    bare: list[JsonObject] = [
        {"issuer": "did:web:a.example", "credentialSubject": {"id": f"urn:{name}", name: value}}
        for name, value in values.items()
    ]
    assert [one.term for one in held_against(values, bare)] == ["id"]


def test_of_an_ended_passport_nobody_signed_a_word() -> None:
    """That is neither right nor wrong; with one value more it is wrong."""
    ended: JsonObject = {"record": "urn:r", "passportStatus": "ceased"}
    assert [one.code for one in held_against(ended, [])] == ["unsigned"]
    assert {one.code for one in held_against(ended | {"batteryMass": "1"}, [])} == {"not-signed"}
