"""What a lying auditor could sign that no walk gives, what others could in his name, and what is no bundle at all."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from connector.credentials.datamodel import time_text
from connector.errors import BadInput
from connector.exchange.bundle import FORMAT, VERSION
from connector.exchange.bundled import MOST_VALUES, files_of, json_octets, read_recording
from connector.exchange.obtained import Given
from connector.model import JsonObject
from connector.provenance.archive import pack, unpack
from tests.core.provenance.chains import MINE, NOW, World, chain
from tests.exchange.audited import AUDITOR
from tests.exchange.bundling import Bundled, check, failed, record, seal, signed_again
from tests.exchange.signing import digest, document, key

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """The audit of a chain that holds."""
    claim: JsonObject = {"type": "SocialClaim", "scheme": "Mining Standard", "schemeVersion": "2", "scope": "site"}
    claim["assurance"] = {"type": "Assurance", "party": "first"}
    world = chain(world=World(seal=seal, digest=digest), claims={"L1": {"socialClaim": [claim]}})
    return asyncio.run(record(tmp_path_factory.mktemp("whole"), world))


async def test_what_a_report_calls_itself_excuses_nothing(whole: Bundled) -> None:
    """Only reasons may be worded otherwise, of a record that is in both reports; not whatever is named like them."""
    files = whole.files
    report = orjson.loads(files["report.json"])
    report["nodes"].append({**report["nodes"][0], "key": "x reasons"})
    files["report.json"] = json_octets(report)
    assert set(failed(await check(signed_again(files), product="battery-connector of later"))) == {"records"}
    del report["nodes"][-1]
    report["chain"][0]["reasons"] = ["all is well"]
    files["report.json"] = json_octets(report)
    assert set(failed(await check(signed_again(files), product="battery-connector of later"))) == {"records"}


@pytest.mark.parametrize(
    ("ended", "codes"),
    [
        ({"expires": NOW - DAY}, {"signature": "method-ended"}),
        ({"expires": NOW + DAY}, {}),  # it was good when the bundle was made
        ({"revoked": NOW - DAY}, {"signature": "method-ended"}),
        ({"revoked": NOW + DAY}, {"signature": "method-ended"}),  # whoever stole it since may say that it was then
        ({"revoked": NOW + 3 * DAY}, {}),
    ],
)
async def test_a_key_counts_that_was_good_then_and_is_not_revoked_now(
    whole: Bundled, ended: dict[str, datetime], codes: dict[str, str]
) -> None:
    """Two days later, by the document that is given and by the one in the bundle."""
    said = orjson.loads(document(AUDITOR).octets)
    said["verificationMethod"][0] |= {name: time_text(time) for name, time in ended.items()}
    octets, now = orjson.dumps(said), NOW + 2 * DAY
    assert failed(await check(whole.octets, known=octets, now=now)) == codes
    assert failed(await check(signed_again({**whole.files, "signer.json": octets}), now=now)) == codes


async def test_a_bundle_is_made_on_the_day_of_its_audit(whole: Bundled) -> None:
    """Else its maker picks the time at which his key is to be good."""
    for made in (NOW - 2 * DAY, NOW + 2 * DAY):
        octets = signed_again(whole.files, {"made": made.isoformat()})
        assert failed(await check(octets)) == {"manifest": "other-time"}


@pytest.mark.parametrize("more", [{"remark": "all is well"}, {"made": "2026-11-01T00:00:00"}, {"made": "then"}])
async def test_a_manifest_says_what_a_manifest_says(whole: Bundled, more: JsonObject) -> None:
    """No more, and no file twice."""
    with pytest.raises(BadInput, match=r"manifest\.json"):
        await check(signed_again(whole.files, more))
    listed = orjson.loads(whole.files["manifest.json"])["files"]
    with pytest.raises(BadInput, match="twice"):
        await check(signed_again(whole.files, {"files": [{**listed[0], "size": 1}, *listed]}))


@pytest.mark.parametrize("status", [100, 599, 600, 999])
def test_whatever_status_a_company_answers_with_can_be_read_again(whole: Bundled, status: int) -> None:
    """It is not the company that decides whether the auditor's file is one."""
    place = next(place for place in whole.recording.obtained if place.kind == "read")
    obtained = {**whole.recording.obtained, place: Given(at=NOW, status=status)}
    assert read_recording(files_of(replace(whole.recording, obtained=obtained))).obtained == obtained


def test_an_answer_full_of_commas_can_be_read_again(whole: Bundled) -> None:
    """They stand in a string; the same number of values does not pass."""
    place = next(place for place in whole.recording.obtained if place.kind == "read")
    body = orjson.dumps({"a": ',"\\' * (MOST_VALUES // 4), "b": "," * MOST_VALUES})
    obtained = {**whole.recording.obtained, place: Given(at=NOW, octets=body)}
    files = files_of(replace(whole.recording, obtained=obtained))
    assert read_recording(files).obtained == obtained
    with pytest.raises(BadInput, match="values"):
        read_recording({**files, "evidence.json": b'{"obtained":[' + b"0," * MOST_VALUES + b"0]}"})


async def test_only_the_walkers_own_key_signs(whole: Bundled) -> None:
    """A good signature of somebody else proves nothing."""
    assert failed(await check(signed_again(whole.files, signer=key(MINE))))["signature"] == "foreign-key"
    forger = replace(key(MINE), key_id=key(AUDITOR).key_id)
    assert failed(await check(signed_again(whole.files, signer=forger)))["signature"] == "bad-signature"


def _zipped(compression: int, *names: str) -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", compression) as made:
        for name in names:
            made.writestr(name, b"\0" * 100_000)
    return octets.getvalue()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"PK\x03\x04",
        b"PK\x05\x06" + bytes(18),
        _zipped(zipfile.ZIP_DEFLATED, "manifest.json"),
        _zipped(zipfile.ZIP_STORED, "manifest.json"),
        pack({"manifest.json": b"{}"}) + b"x",
        b"x" + pack({"manifest.json": b"{}"}),
        pack({"manifest.json": b"{}"}) * 2,
        pack({"manifest.json": b"[" * 100_000}),
        pack({"manifest.json": b'{"format":1,"format":2}'}),
        pack({"manifest.json": orjson.dumps({"format": FORMAT, "version": VERSION, "kind": ["full"]})}),
        pack({"report.json": b"{}"}),
        *(pack({name: b""}) for name in ("../x.json", "/x.json", "a/b/c.json", "a\\b.json", "x.py", "a/.json", "")),
    ],
)
async def test_what_is_no_bundle_is_refused_with_a_sentence(octets: bytes) -> None:
    """Bombs, doubles, paths that lead elsewhere, ends that are cut off: nothing is unpacked, nothing is a bug."""
    with pytest.raises(BadInput):
        await check(octets)


def test_a_name_that_stands_twice_is_no_bundle() -> None:
    """Two readers of zip would take different ones."""
    one = pack({"a.json": b"1", "b.json": b"2"})
    with pytest.raises(BadInput, match="not in its place"):
        unpack(one.replace(b"b.json", b"a.json"))


async def test_a_bundle_of_a_walk_that_did_not_ask_for_newest_versions_holds(whole: Bundled) -> None:
    """It is made once more as it was, and says what nobody asked. Who asked can't leave it unsaid."""
    files = whole.files
    walk, evidence = orjson.loads(files["walk.json"]), orjson.loads(files["evidence.json"])
    del walk["limits"]["newest"]
    files["walk.json"] = json_octets(walk)
    assert set(failed(await check(signed_again(files)))) == {"walk"}
    steps, obtained = walk["steps"], evidence["obtained"]
    walk["steps"] = [one for one in steps if (one.get("version"), one.get("id")) != ("latest", "rec:L1")]
    evidence["obtained"] = [one for one in obtained if one.get("path") != "records/rec:L1/latest"]
    assert (len(walk["steps"]), len(evidence["obtained"])) == (len(steps) - 1, len(obtained) - 1)
    files |= {"walk.json": json_octets(walk), "evidence.json": json_octets(evidence)}
    result = await check(signed_again(files))
    assert (result.verdict, failed(result)) == ("same", {})
    assert any(one.startswith("whether newer versions of records") for one in result.unknowable)
