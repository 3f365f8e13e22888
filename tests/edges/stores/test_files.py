"""Files on the disk, each under its digest, and what both stores know of them."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from connector.credentials.digest import digest_multibase
from connector.errors import BadInput, NotFound, Unavailable
from connector.exchange.ports import Store
from connector.exchange.rows import FileRow
from connector.stores.files import FileStore
from tests.edges.stores.rows import T, entry

OCTETS = bytes(range(256)) * 9_000
DIGEST = digest_multibase(OCTETS)


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    """An empty folder that is not there yet."""
    return FileStore(tmp_path / "store" / "files")


async def test_a_file_is_found_under_its_digest(files: FileStore, tmp_path: Path) -> None:
    """In its exact octets, from any place; a second copy changes nothing; what is dropped is not gone for readers."""
    source = tmp_path / "report.pdf"
    source.write_bytes(OCTETS)
    told: list[int] = []
    assert await files.add(source, told.append) == (DIGEST, len(OCTETS))
    assert await files.add(source, told.append) == (DIGEST, len(OCTETS))
    assert told[-1] == len(OCTETS)
    assert len(told) > 2
    assert files.path(DIGEST).read_bytes() == OCTETS
    assert [path.name for path in files.folder.iterdir()] == [DIGEST]
    async with files.open(DIGEST) as file:
        assert (file.size, await file.read(256, 3)) == (len(OCTETS), b"\0\1\2")
        await files.drop(DIGEST)
        assert await file.read(len(OCTETS) - 2, 10) == b"\xfe\xff"
    await files.drop(DIGEST)
    assert await files.size(DIGEST) is None
    with pytest.raises(NotFound):
        async with files.open(DIGEST):
            pass


@pytest.mark.parametrize(
    "name", ["", "u", "../secrets.env", "uAAAAAAAAAAAAAAAAAAAAAAAA/../x", "x" + DIGEST[1:], "u" * 200]
)
async def test_only_digests_are_names(files: FileStore, name: str) -> None:
    """Nothing outside of the folder can be asked for."""
    with pytest.raises(NotFound):
        files.path(name)
    with pytest.raises(NotFound):
        await files.size(name)


async def test_a_file_that_changes_or_is_not_there_is_not_taken(files: FileStore, tmp_path: Path) -> None:
    """A half-written export would be offered under a digest of its own."""
    source = tmp_path / "report.pdf"
    with pytest.raises(BadInput):
        await files.add(source, lambda _: None)
    source.write_bytes(OCTETS)
    with pytest.raises(BadInput, match="changed"):
        await files.add(source, lambda _: shorten(source))
    assert await files.size(DIGEST) is None


def shorten(path: Path) -> None:
    """Somebody writes to it."""
    path.write_bytes(b"other")


async def test_a_part_goes_on_where_it_was_cut(files: FileStore) -> None:
    """Also in another process: what was written is hashed again, and kept under the digest of the whole."""
    async with files.part("k") as part:
        await part.write(OCTETS[:1_000_000])
    async with FileStore(files.folder).part("k") as part:
        assert part.size == 1_000_000
        await part.write(OCTETS[1_000_000:])
        assert await part.digest() == DIGEST
        await part.keep()
    assert files.path(DIGEST).read_bytes() == OCTETS
    async with files.part("k") as part:
        assert part.size == 0
        await part.write(b"x")
        await part.restart()
        await part.write(b"y")
        assert (part.size, await part.digest()) == (1, digest_multibase(b"y"))


async def test_two_do_not_write_into_one_part(files: FileStore) -> None:
    """The second one waits, and finds what the first one left; also in another process, and when it got its name."""
    order: list[str] = []

    async def write(folder: FileStore, *, keep: bool = False) -> None:
        async with folder.part("k") as part:
            order.append(f"{part.size}")
            await asyncio.sleep(0.01)
            await part.write(b"1")
            if keep:
                await part.keep()

    other = FileStore(files.folder)
    await asyncio.gather(write(files), write(files))
    assert order == ["0", "1"]
    await asyncio.gather(write(files, keep=True), write(other, keep=True), write(files, keep=True))
    assert sorted(order[2:]) == ["0", "0", "2"]
    assert files.path(digest_multibase(b"111")).read_bytes() == b"111"
    assert files.path(digest_multibase(b"1")).read_bytes() == b"1"


async def test_a_full_disk_is_told(files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is about the moment; what was written before stays, and its digest is that of what is there."""
    async with files.part("k") as part:
        await part.write(b"1")

        class Full:
            def write(self, _: object) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(part, "_stream", Full())
            with pytest.raises(Unavailable):
                await part.write(b"2")
        assert (part.size, await part.digest()) == (1, digest_multibase(b"1"))
    assert await files.room() > 0


async def test_nobody_else_on_the_machine_reads_a_file(files: FileStore) -> None:
    """Neither while it comes nor afterwards, whatever the mask of the process."""
    before = os.umask(0)
    try:
        async with files.part("key") as part:
            await part.write(b"secret")
            assert {path.stat().st_mode & 0o777 for path in files.folder.iterdir()} == {0o600}
            await part.keep()
        assert files.path(await part.digest()).stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


async def test_given_up_parts_are_forgotten(files: FileStore) -> None:
    """Those that nobody wrote to for long; kept files stay."""
    files.forget_parts(time.time())
    async with files.part("old") as part:
        await part.write(b"1")
    async with files.part("kept") as part:
        await part.write(OCTETS)
        await part.keep()
    files.forget_parts(time.time() - 60)
    assert len(list(files.folder.iterdir())) == 2
    files.forget_parts(time.time() + 60)
    assert [path.name for path in files.folder.iterdir()] == [DIGEST]


# --- rows ------------------------------------------------------------------------------------------------------------


def row(digest: str, name: str = "a.pdf", dataset: str = "d", agreement: str = "") -> FileRow:
    """A file."""
    return FileRow(
        tenant=T, dataset_id=dataset, agreement_id=agreement, digest=digest, holder="did:web:us", name=name,
        media_type="application/pdf", size=1 << 40, access_class="B2B", at=1,
    )  # fmt: skip


async def test_a_name_of_a_dataset_stands_for_its_newest_file(store: Store) -> None:
    """The former one is told as named by nobody, unless another dataset names it; every change is on record."""
    assert await store.commit_file(row("u1"), None, entry()) == []
    assert await store.commit_file(row("u1", dataset="e"), None, entry()) == []
    assert await store.commit_file(row("u2"), None, entry()) == []
    assert await store.commit_file(row("u3"), None, entry()) == ["u2"]
    assert await store.commit_file(row("u3"), None, entry()) == []
    assert await store.find_file(T, "d", "", "u1") is None
    assert await store.find_file(T, "d", "", "u3") == row("u3")
    assert await store.find_file("other", "d", "", "u3") is None
    assert await store.list_files(T, "e", "") == [row("u1", dataset="e")]
    assert len(await store.evidence(T)) == 5


async def test_what_came_under_an_agreement_stays(store: Store) -> None:
    """A provider that gives another file under the same name does not undo the first; pages go by digest."""
    for digest in ("u2", "u1", "u3"):
        assert await store.commit_file(row(digest, dataset="", agreement="a"), None, entry()) == []
    first = await store.list_files(T, "", "a", limit=2)
    rest = await store.list_files(T, "", "a", after="u2")
    assert [one.digest for one in (*first, *rest)] == ["u1", "u2", "u3"]
    assert await store.list_files(T, "", "b") == []
    other, ours = row("u1", dataset="", agreement="b"), row("u9")
    for one in (other, ours):
        await store.commit_file(one, None, entry())
    assert [one.digest for one in await store.received_files(T, limit=2)] == ["u1", "u2"]
    assert await store.received_files(T, after=("a", "u2")) == [row("u3", dataset="", agreement="a"), other]
    renamed = replace(row("u1", dataset="", agreement="a"), name="b.pdf")
    await store.commit_file(renamed, None, entry())
    assert await store.find_file(T, "", "a", "u1") == renamed
