"""Who made a bundle with what: whose connector walked, with which version, and by what the page was laid out."""

from __future__ import annotations

import asyncio

import pytest

from tests.core.provenance.chains import World, chain
from tests.exchange.bundling import Bundled, check, failed, record, seal, signed_again
from tests.exchange.signing import digest


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    """The audit of a chain that holds."""
    return asyncio.run(record(tmp_path_factory.mktemp("whole"), chain(world=World(seal=seal, digest=digest))))


async def test_the_report_says_who_walked(whole: Bundled) -> None:
    """The manifest says it too, and is signed: another one in the report is another report."""
    files = whole.files
    assert (
        b"Walked by Auditor (<code>did:web:auditor.example</code>) with battery-connector of the tests."
        in files["report.html"]
    )
    files["report.json"] = files["report.json"].replace(b'"name": "Auditor"', b'"name": "Notary"')
    result = await check(signed_again(files))
    assert failed(result) == {"manifest": "other-report", "page": "other-page"}
    files["report.json"] = files["report.json"].replace(b'"walkedBy"', b'"remark"')
    assert "records" in failed(await check(signed_again(files)))


async def test_another_build_of_a_version_may_lay_out_otherwise(whole: Bundled) -> None:
    """A page that the same build would have made otherwise is another one. Of another build it proves nothing."""
    files = whole.files
    files["report.html"] = b"<p>as it was then</p>"
    octets = signed_again(files)
    assert failed(await check(octets)) == {"page": "other-page"}
    other = await check(octets, page="uEiAnother")
    assert (other.verdict, {one.name: one.code for one in other.checks if one.code}) == (
        "indeterminate",
        {"page": "other-build"},
    ), "whoever lies on the page, which is what people read, names another build as well"
    assert any("laid out by another build" in one for one in other.unknowable)
    kept = await check(whole.octets, page="uEiAnother")
    assert next(one for one in kept.checks if one.name == "page").outcome == "passed"
