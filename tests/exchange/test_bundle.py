"""An audit in one file: the same verdict comes out of it alone, and what was changed in it is found, at its place."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.credentials.status_list import Change
from connector.errors import BadInput
from connector.exchange.bundled import Files, files_of, json_octets, read_recording
from connector.provenance.archive import pack
from connector.provenance.nodes import node_key
from connector.provenance.outcomes import Outcome
from tests.core.provenance.chains import MAKER, MINE, NOW, REFINER, World, chain, words
from tests.exchange.audited import AUDITOR, Companies, Wire
from tests.exchange.bundling import (
    INDEX,
    STATUS,
    Bundled,
    bundle,
    check,
    failed,
    list_status,
    record,
    record_for_client,
    seal,
    signed_again,
)
from tests.exchange.signing import AUTHORITY, Site, digest, document

Prepare = Callable[[Companies, Wire, Site], None]


def _world(refined: str = "148") -> World:
    return chain(refined=refined, world=World(seal=seal, digest=digest))


def _withdrawn(companies: Companies, _wire: Wire, site: Site) -> None:
    """The permit, before the mine's event."""
    permit = companies.world.pages["rec:permit:site:mine", 1].credentials[0].digest
    change = Change(
        digest=permit, index=INDEX, purpose="revocation", effective=NOW.replace(month=1, day=1), reason="closed"
    )
    list_status(site, change)


def _down(_companies: Companies, wire: Wire, _site: Site) -> None:
    wire.down.add(REFINER)


def _silent(_companies: Companies, _wire: Wire, site: Site) -> None:
    """Neither keys of the mine nor the authority's list."""
    site.unreachable.add(MINE)
    site.lists.clear()


def _rotated(_companies: Companies, _wire: Wire, site: Site) -> None:
    """The mine signs with a key that came after the document that is kept of it."""
    site.rotated.add(MINE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """The audit of a chain that holds."""
    return asyncio.run(record(tmp_path_factory.mktemp("whole"), _world()))


@pytest.fixture(scope="module")
def revoked(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """The same with the mine's permit withdrawn before the event that leans on it."""
    return asyncio.run(record(tmp_path_factory.mktemp("revoked"), _world(), prepare_it=_withdrawn))


@pytest.fixture(scope="module")
def for_client(tmp_path_factory: pytest.TempPathFactory, whole: Bundled) -> Bundled:
    """The same for the battery's maker, for whom the mine is sealed."""
    return asyncio.run(record_for_client(tmp_path_factory.mktemp("client"), whole))


# --- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prepare_it", "refined", "verdict", "words_found"),
    [
        (_down, "148", "qualified", {"rec:L2": "missing"}),
        (_rotated, "148", "verified", {"rec:L1": "verified"}),
        (_silent, "148", "qualified", {"rec:L1": "unchecked", "rec:permit:site:mine": "unchecked"}),
        (lambda *_: None, "160", "qualified", {}),
    ],
)
async def test_the_same_verdict_comes_out_of_the_file_alone(
    tmp_path: Path, prepare_it: Prepare, refined: str, verdict: str, words_found: dict[str, str]
) -> None:
    """With every word and reason: unreachable, with a new key, unchecked, out of balance."""
    made = await record(tmp_path, _world(refined), prepare_it=prepare_it)
    await _holds(made, verdict, words_found)


async def test_good_and_bad_come_out_as_they_were(whole: Bundled, revoked: Bundled) -> None:
    """As of the audit's day: the permit was withdrawn before the event that leans on it."""
    await _holds(whole, "verified", {"rec:permit:site:mine": "verified"})
    await _holds(revoked, "failed", {"rec:permit:site:mine": "revoked", "rec:facility:site:mine": "verified"})


async def _holds(made: Bundled, verdict: str, words_found: dict[str, str]) -> None:
    assert made.report.verdict == verdict
    assert words(made.report).items() >= words_found.items()
    result = await check(made.octets)
    assert (result.verdict, failed(result), result.differences) == ("same", {}, ())
    assert result.kept == orjson.loads(orjson.dumps(made.report.as_json()))
    assert len(result.checks) == 11


async def test_what_no_file_can_tell_is_said(tmp_path: Path, whole: Bundled) -> None:
    """Who signed, unless his document is known; that documents lay there; that a refusal was one."""
    told = (await check(whole.octets)).unknowable
    assert any("brings his DID document itself" in one for one in told)
    assert any("4 DID documents" in one for one in told)
    assert not any("audit reads" in one for one in told)
    known = await check(whole.octets, known=document(AUDITOR).octets)
    assert (known.verdict, len(known.unknowable)) == ("same", len(told) - 1)
    foreign = await check(whole.octets, known=document(MINE).octets)
    assert failed(foreign) == {"signature": "document-id-mismatch"}
    down = await record(tmp_path, _world(), prepare_it=_down)
    assert any("audit reads were refused, held or unanswered" in one for one in (await check(down.octets)).unknowable)


async def test_equal_audits_are_equal_octets_that_any_zip_reader_opens(whole: Bundled) -> None:
    """No time of the machine, no order of chance; each credential is a file of its own, in its exact octets."""
    assert await bundle(whole.report, whole.recording) == whole.octets
    with zipfile.ZipFile(io.BytesIO(whole.octets)) as opened:
        assert opened.testzip() is None
        credentials = {opened.read(name).decode() for name in opened.namelist() if name.startswith("credentials/")}
    assert credentials == set(whole.world.payloads)
    assert files_of(read_recording(whole.files)).items() <= whole.files.items()


async def test_a_place_is_asked_once_in_an_audit(tmp_path: Path) -> None:
    """The whole walk is judged by one state of the world."""
    sites: list[Site] = []
    await record(tmp_path, _world(), prepare_it=lambda _companies, _wire, site: sites.append(site))
    asked = sites[0].asked
    assert sorted(asked) == sorted(set(asked))
    assert {AUTHORITY, MINE, STATUS} <= set(asked)


# --- what was changed ------------------------------------------------------------------------------------------------


async def _found(octets: bytes) -> bool:
    """Whether a change is not accepted."""
    try:
        return bool(failed(await check(octets)))
    except BadInput:
        return True


def _each_kind(files: Files) -> list[str]:
    """One file of each folder and ending."""
    return [*{(name.partition("/")[0], name[-4:]): name for name in files}.values()]


async def test_every_file_counts(whole: Bundled) -> None:
    """Taken out, changed, or in another one's place: found, also where the container is made good."""
    files = whole.files
    for name in files:
        assert await _found(pack({other: files[other] for other in files if other != name})), f"{name} taken out"
    for name in _each_kind(files):
        assert await _found(pack({**files, name: files[name] + b" "})), f"{name} changed"
    first, second, *_ = (name for name in files if name.startswith("credentials/"))
    swapped = {**files, first: files[second], second: files[first]}
    assert failed(await check(pack(swapped)))["digests"] == "digest-mismatch"
    assert failed(await check(signed_again(swapped)))["evidence"] == "other-evidence"
    assert await _found(pack({**files, "credentials/more.jwt": b"x"}))
    assert failed(await check(signed_again({**files, "credentials/more.jwt": b"x"})))["evidence"] == "other-evidence"


async def test_a_flipped_bit_is_found_wherever_it_is(whole: Bundled) -> None:
    """In a header, a name, a checksum, the directory, and in the middle of files of each kind."""
    octets, files = whole.octets, whole.files
    inside = [octets.index(files[name]) + len(files[name]) // 2 for name in _each_kind(files)]
    directory = octets.index(b"PK\x01\x02")
    for place in (*range(45), *inside, *range(directory, directory + 46), *range(len(octets) - 22, len(octets))):
        flipped = bytearray(octets)
        flipped[place] ^= 1
        assert await _found(bytes(flipped)), place


def _lies(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    """A change of the JSON files."""

    def change_files(files: dict[str, bytes]) -> None:
        told = {name: orjson.loads(files[name]) for name in ("report.json", "walk.json", "evidence.json", "trust.json")}
        change(told)
        files |= {name: json_octets(value) for name, value in told.items()}

    return change_files


def _better_word(told: dict[str, Any]) -> None:
    told["report.json"]["verdict"] = "verified"
    for node in told["report.json"]["nodes"]:
        node["outcome"], node["reasons"] = "verified", []


def _without_read(told: dict[str, Any]) -> None:
    obtained = told["evidence.json"]["obtained"]
    obtained.remove(next(one for one in obtained if one.get("path") == "records/rec:L1/1"))


def _without_status(told: dict[str, Any]) -> None:
    for one in told["evidence.json"]["obtained"]:
        if one["kind"] in {"list", "changes"}:
            del one["file"]


def _trusting_less(told: dict[str, Any]) -> None:
    told["trust.json"]["MinePermit"] = [MAKER]


def _refused(told: dict[str, Any]) -> None:
    for one in told["evidence.json"]["obtained"]:
        if one.get("path") == "records/rec:L1/1":
            one["status"] = 403
            del one["body"], one["octets"]


def _at_another_time(told: dict[str, Any]) -> None:
    for step in told["walk.json"]["steps"]:
        if "now" in step:
            step["now"] = (NOW + timedelta(days=30)).isoformat()


def _without_steps(told: dict[str, Any]) -> None:
    told["walk.json"]["steps"] = []


def _with_another_root(told: dict[str, Any]) -> None:
    told["walk.json"]["steps"][0]["version"] = "7"


def _long_ago(kind: str) -> Callable[[dict[str, Any]], None]:
    """What the walk obtained of this kind, before a key was revoked say."""

    def change(told: dict[str, Any]) -> None:
        for one in told["evidence.json"]["obtained"]:
            if one["kind"] == kind:
                one["at"] = "1999-01-01T00:00:00+00:00"

    return change


def _twice(told: dict[str, Any]) -> None:
    obtained = told["evidence.json"]["obtained"]
    refusal = {name: obtained[0][name] for name in ("kind", "address", "at", "path", "url") if name in obtained[0]}
    obtained.insert(0, {**refusal, "code": "refused-by-policy", "detail": "no", "open": False})


def _saying_more(name: str, *path: str | int) -> Callable[[dict[str, Any]], None]:
    """A member that nobody reads."""

    def change(told: dict[str, Any]) -> None:
        place = told[name]
        for part in path:
            place = place[part]
        place["remark"] = "all is well"

    return change


def _of_another_walker(told: dict[str, Any]) -> None:
    told["walk.json"]["walker"] = MAKER


def _another_page(files: dict[str, bytes]) -> None:
    files["report.html"] = files["report.html"].replace(b"revoked", b"verified")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (_lies(_better_word), {"records", "verdict", "page"}),
        (_lies(_without_read), {"walk", "records"}),
        (_lies(_without_status), {"evidence", "records"}),
        (_lies(_trusting_less), {"records"}),
        (_lies(_refused), {"walk", "records"}),
        (_lies(_at_another_time), {"walk"}),
        (_lies(_without_steps), {"walk"}),
        (_lies(_with_another_root), {"walk"}),
        (_lies(_long_ago("document")), {"walk"}),
        (_lies(_long_ago("read")), {"walk"}),
        (_lies(_twice), {"evidence"}),
        (_lies(_saying_more("walk.json")), {"evidence"}),
        (_lies(_saying_more("walk.json", "steps", 0)), {"evidence"}),
        (_lies(_saying_more("evidence.json", "obtained", 0)), {"evidence"}),
        (_lies(_of_another_walker), {"walk"}),
        (_another_page, {"page"}),
    ],
)
async def test_a_signature_does_not_make_it_true(
    revoked: Bundled, change: Callable[[dict[str, bytes]], None], names: set[str]
) -> None:
    """An auditor who signs another result than his evidence gives is told where."""
    files = revoked.files
    assert (await check(signed_again(files))).verdict == "same"
    change(files)
    result = await check(signed_again(files))
    found = failed(result)
    assert result.verdict == "differs"
    assert names <= set(found)
    assert "signature" not in found
    assert "digests" not in found


async def test_a_node_that_comes_out_otherwise_is_named(revoked: Bundled) -> None:
    """With the word that was kept and the one that was found."""
    files = revoked.files
    _lies(_better_word)(files)
    result = await check(signed_again(files))
    told = {one.where: (one.kept, one.found) for one in result.differences}
    assert told[f"nodes {node_key('rec:permit:site:mine', 1, MINE)} outcome"] == ("verified", "revoked")
    assert told["verdict"] == ("verified", "failed")


async def test_a_later_version_may_word_and_lay_out_otherwise(revoked: Bundled) -> None:
    """Years later the words of a reason and the page are others: what is judged is not. Whether a reason still says the
    same is for the version that made it: a liar names another one, too.
    """
    files = revoked.files
    files["report.json"] = files["report.json"].replace(b"with effect from", b"from")
    files["report.html"] = b"<p>as it was then</p>"
    octets = signed_again(files)
    assert set(failed(await check(octets))) == {"records", "page"}
    later = await check(octets, product="battery-connector of later")
    assert (later.verdict, failed(later), len(later.differences)) == ("indeterminate", {}, 1)
    assert [one.code for one in later.checks if one.outcome == "unchecked"] == ["other-wording", "other-version"]
    assert any("whether report.html tells" in one for one in later.unknowable)
    _lies(_better_word)(files)
    assert {"records", "verdict"} <= set(failed(await check(signed_again(files), product="battery-connector of later")))


@pytest.mark.parametrize("name", ["walk.json", "evidence.json", "trust.json", "report.json", "signer.json"])
@pytest.mark.parametrize("content", [b"{}", b"[]", b"\xff", b'{"steps":[[]]}', b'{"obtained":[{"kind":"read"}]}'])
async def test_signed_nonsense_is_a_sentence_too(whole: Bundled, name: str, content: bytes) -> None:
    """Whatever stands in a file that is signed as it is."""
    files: Files = {**whole.files, name: content}
    try:
        found = failed(await check(signed_again(files) if name != "report.json" else pack(files)))
    except BadInput as problem:
        found = {problem.code: problem.detail}
    assert all(found.values()), found
    assert found


async def test_a_time_beyond_the_calendar_is_a_sentence_too(whole: Bundled) -> None:
    """One in its own zone only."""
    steps = whole.files["walk.json"].replace(NOW.isoformat().encode(), b"9999-12-31T23:59:59-14:00")
    with pytest.raises(BadInput, match="'at'"):
        await check(signed_again({**whole.files, "walk.json": steps}))


# --- for a client ----------------------------------------------------------------------------------------------------


async def test_a_clients_bundle_names_nobody_who_is_sealed_for_him(whole: Bundled, for_client: Bundled) -> None:
    """Not the mine nor the refinery's insides: no name, DID, id, digest, link or number, in no byte of it."""
    octets, text = for_client.octets, for_client.octets.decode("latin-1")
    assert b"rec:B" in octets
    secret = {MINE, "site:mine", "North pit", "rec:L1", "rec:M1", "rec:R1", "Lot one", "rec:assay", "evt:M1"}
    assert all(one.encode() in whole.octets for one in secret - {"rec:assay"})
    shut = {page.record for page in whole.world.pages.values() if page.holder != MAKER}
    ids = {link for (holder, link) in whole.world.links if holder != MAKER}
    digests = {digest(one) for one in whole.world.payloads}
    assert not {one for one in secret | shut | ids | digests if one in text and one != "rec:L2"}
    assert not [name for name in for_client.files if "/" in name]


async def test_a_clients_bundle_is_the_auditors_word(for_client: Bundled) -> None:
    """Signed, whole and without evidence, which is said; what is put in beside it is found."""
    result = await check(for_client.octets)
    assert (result.verdict, failed(result), result.manifest.prepared_for) == ("indeterminate", {}, "Battery maker")
    assert {one.name for one in result.checks if one.code == "no-evidence"} >= {"walk", "records", "verdict"}
    files = for_client.files
    assert failed(await check(signed_again({**files, "trust.json": b"{}"}))) == {"evidence": "other-evidence"}
    assert "digests" in failed(await check(pack({**files, "report.html": b"x"})))


def test_the_words_of_this_module_are_those_of_an_audit() -> None:
    """A misspelt word would make a comparison empty."""
    assert {"revoked", "missing", "unchecked", "verified"} <= set(Outcome)
