"""The folder of our party credentials: a broken file in it takes no other with it, and is named."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from connector.credentials.datamodel import parse_credential
from connector.credentials.issue import attach_proof, prepare_proof
from connector.keys.held import HeldCredentials
from tests.core.provenance.chains import MAKER, MINE, NOW
from tests.exchange.signing import AUTHORITY, key, sign


def member(did: str) -> bytes:
    """A membership of this party."""
    return sign({
        "type": ["VerifiableCredential", "MembershipCredential"], "issuer": AUTHORITY,
        "validFrom": "2027-01-01T00:00:00Z", "credentialSubject": {"id": did, "type": "Party"},
    }).encode()  # fmt: skip


def proved(did: str) -> bytes:
    """The same with a proof inside, which no peer takes in a presentation."""
    whole = {**parse_credential(member(did)).payload}
    unproved = prepare_proof(whole, key_id=key(AUTHORITY).key_id, alg="EdDSA", created=NOW)
    return attach_proof(unproved, key(AUTHORITY).sign_now(unproved.message)).octets


@pytest.mark.parametrize("broken", [b"", b"aaa.bbb.ccc", b"{}", b"\xff\x00\x01", member(MINE)[:-40], proved(MINE)])
def test_what_is_no_credential_is_passed_over_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    """Until it is whole; then it counts at once."""
    held = HeldCredentials(tmp_path, MINE)
    (tmp_path / "member.jwt").write_bytes(member(MINE) + b"\n")
    half = tmp_path / "half.jwt"
    half.write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        shown = [held(), held()]
    assert shown == [(member(MINE),)] * 2
    assert [str(half) in one.getMessage() for one in caplog.records] == [True]
    half.write_bytes(member(MINE))
    assert held() == (member(MINE), member(MINE))


def test_a_stranger_s_credential_and_a_missing_folder_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first is shown all the same: whom it is shown to judges it."""
    (tmp_path / "theirs.jwt").write_bytes(member(MAKER))
    with caplog.at_level(logging.WARNING):
        assert HeldCredentials(tmp_path, MINE)() == (member(MAKER),)
        assert HeldCredentials(tmp_path / "none", MINE)() == ()
    theirs, none = (one.getMessage() for one in caplog.records)
    assert f"is about {MAKER}, not about us ({MINE})" in theirs
    assert "is no folder" in none


def test_two_that_write_the_same_files_at_once_both_end_with_whole_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes may share the folder: while one writes, another brings the same."""
    held, fsync = HeldCredentials(tmp_path, MINE), os.fsync

    def meanwhile(handle: int) -> None:
        monkeypatch.setattr("os.fsync", fsync)
        fsync(handle)
        held._keep("aa", [member(MAKER)])

    monkeypatch.setattr("os.fsync", meanwhile)
    held._keep("aa", [member(MINE)])
    assert held() == (member(MINE),)
    assert {path.suffix for path in tmp_path.iterdir()} == {".jwt"}


async def test_what_an_issuer_brings_takes_the_place_of_what_it_brought(tmp_path: Path) -> None:
    """Of the same request only; whole files, no leftovers, in a folder that is made where there was none."""
    held = HeldCredentials(tmp_path / "held", MINE)
    one, two, three = member(MINE), member(MAKER), member(f"{MINE}x")
    await held.keep("aa", [one, two])
    await held.keep("bb", [three])
    assert set(held()) == {one, two, three}
    assert held.types() == {"MembershipCredential"}
    await held.keep("aa", [two])
    assert set(held()) == {two, three}
    assert {path.suffix for path in (tmp_path / "held").iterdir()} == {".jwt"}
