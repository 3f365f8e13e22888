"""A file comes whole whatever happens to the connection, or it is told why not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connector.credentials.digest import digest_multibase
from connector.errors import NotAllowed, PeerUnreachable, TooLarge, Unavailable
from connector.exchange import download, room
from connector.exchange.download import Download, Wanted
from connector.exchange.ports import HttpAnswer
from connector.exchange.room import Room
from connector.exchange.streams import HttpStream
from connector.model import Did
from connector.stores.files import FileStore
from connector.stores.memory import MemoryStore

OCTETS = b"".join(number.to_bytes(4, "big") for number in range(700_000))
DIGEST = digest_multibase(OCTETS)
PEER = Did("did:web:data.example")
URL = "https://data.example/data/x"


@dataclass
class Peer:
    """Gives a file; each answer says how: after how many bytes it is cut, or which status it is."""

    script: list[int | str] = field(default_factory=list)
    octets: bytes = OCTETS
    etag: str = f'"{DIGEST}"'
    media_type: str = "application/pdf"
    asked: list[Mapping[str, str]] = field(default_factory=list)
    good: str = "Bearer t"

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, idle_seconds: float = 30.0
    ) -> AsyncIterator[HttpStream]:
        """GET."""
        assert (url, headers is not None) == (URL, True)
        said = dict(headers or {})
        self.asked.append(said)
        step = self.script.pop(0) if self.script else len(self.octets)
        if said["Authorization"] != self.good:
            yield HttpStream(status=401, headers={}, chunks=_chunks(b"", 0))
            return
        if isinstance(step, str):
            yield HttpStream(status=int(step), headers={}, chunks=_chunks(b"", 0))
            return
        start = 0
        if "Range" in said and said.get("If-Range") == self.etag:
            start = int(said["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.octets):
                yield HttpStream(status=416, headers={}, chunks=_chunks(b"", 0))
                return
        told = {"etag": self.etag, "content-type": self.media_type}
        if start:
            told["content-range"] = f"bytes {start}-{len(self.octets) - 1}/{len(self.octets)}"
        rest = self.octets[start:]
        yield HttpStream(status=206 if start else 200, headers=told, chunks=_chunks(rest, step))

    async def upload(self, url: str, chunks: AsyncIterator[bytes], **_: object) -> HttpAnswer:
        """Not used."""
        raise NotImplementedError


async def _chunks(octets: bytes, cut: int) -> AsyncIterator[bytes]:
    for at in range(0, min(cut, len(octets)), 50_000):
        yield octets[at : min(at + 50_000, cut)]
    if cut < len(octets):
        raise PeerUnreachable("cut")


@dataclass
class Desk:
    """Our end."""

    folder: Path
    peer: Peer
    max_file_bytes: int = 1 << 30
    max_peer_bytes: int = 1 << 30
    min_free_bytes: int = 0
    tokens: list[str] = field(default_factory=lambda: ["Bearer t"])
    told: list[int] = field(default_factory=list)

    @property
    def files(self) -> FileStore:
        """A new process each time."""
        return FileStore(self.folder)

    async def fetch(self, digest: str = DIGEST, size: int = len(OCTETS)) -> download.Came:
        """One fetch."""
        room = Room(tenant="", store=MemoryStore(), files=self.files, min_free_bytes=self.min_free_bytes,
                    max_peer_bytes=self.max_peer_bytes)  # fmt: skip
        way = Download(files=self.files, carrier=self.peer, room=room, max_file_bytes=self.max_file_bytes)
        wanted = Wanted(url=URL, holder=PEER, key="k", digest=digest, size=size)
        return await way.fetch(wanted, self._shown, self.told.append)

    async def _shown(self, refused: str) -> str:
        if refused:
            self.tokens.remove(refused)
        return self.tokens[0]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PAUSES_SECONDS", (0.0, 0.0))


def desk(folder: Path, *script: int | str, **peer: object) -> Desk:
    """Our end, and a peer that follows a script."""
    return Desk(folder, Peer(script=list(script), **peer))  # type: ignore[arg-type]  # names of its fields


async def test_a_cut_costs_only_what_did_not_come(tmp_path: Path) -> None:
    """Each try asks for the rest, if it is still the same file; the octets are whole."""
    here = desk(tmp_path, 1_500_000, 60_000, 0, 1)
    assert await here.fetch() == download.Came(digest=DIGEST, size=len(OCTETS), media_type="application/pdf")
    assert here.files.path(DIGEST).read_bytes() == OCTETS
    assert [one.get("Range") for one in here.peer.asked] == [
        None, "bytes=1500000-", "bytes=1560000-", "bytes=1560000-", "bytes=1560001-"
    ]  # fmt: skip
    assert {one["If-Range"] for one in here.peer.asked[1:]} == {f'"{DIGEST}"'}
    assert here.told[-1] == len(OCTETS)


async def test_a_peer_that_stays_away_ends_it_for_now(tmp_path: Path) -> None:
    """The next command goes on behind what came, also from another process."""
    here = desk(tmp_path, 1_200_000, 0, 0)
    with pytest.raises(PeerUnreachable):
        await here.fetch()
    assert len(here.peer.asked) == 3
    assert (await here.fetch()).digest == DIGEST
    assert here.peer.asked[-1]["Range"] == "bytes=1200000-"


async def test_what_is_whole_already_is_not_asked_for(tmp_path: Path) -> None:
    """We died between the last byte and its keeping."""
    here = desk(tmp_path)
    async with here.files.part("k") as part:
        await part.write(OCTETS)
    assert (await here.fetch()).digest == DIGEST
    assert here.peer.asked == []


async def test_another_version_is_not_put_behind_the_first(tmp_path: Path) -> None:
    """The peer gives the whole then; that it is not what was promised is told, and nothing of it is kept."""
    here = desk(tmp_path, 1_200_000, etag='"other"')
    came = await here.fetch()
    assert (came.digest, here.peer.asked[-1]["Range"]) == (DIGEST, "bytes=1200000-")
    swapped = desk(tmp_path / "2", octets=OCTETS[:-1] + b"?")
    assert (await swapped.fetch()).digest != DIGEST
    assert [path.stat().st_size for path in swapped.folder.iterdir()] == [0]


@pytest.mark.parametrize("longer", [1, 5_000_000])
async def test_a_part_that_is_too_long_is_begun_anew(tmp_path: Path, longer: int) -> None:
    """Whether we know the size, or the peer says that there is no such range."""
    here = desk(tmp_path)
    async with here.files.part("k") as part:
        await part.write(OCTETS + b"x" * longer)
    assert (await here.fetch()).digest == DIGEST
    async with here.files.part("k") as part:
        await part.write(OCTETS + b"x" * longer)
    here.peer.asked.clear()
    assert (await here.fetch(size=-1)).digest == DIGEST
    assert len(here.peer.asked) == 2


async def test_a_refused_token_is_renewed_once(tmp_path: Path) -> None:
    """In the middle of a file too; one that is refused when fresh ends it."""
    here = desk(tmp_path, 0, 1_200_000)
    here.tokens.insert(0, "Bearer old")
    assert (await here.fetch()).digest == DIGEST
    assert [one["Authorization"] for one in here.peer.asked] == ["Bearer old", "Bearer t", "Bearer t"]
    refused = desk(tmp_path / "2", good="Bearer other")
    refused.tokens.append("Bearer u")
    with pytest.raises(NotAllowed):
        await refused.fetch()
    assert len(refused.peer.asked) == 2


@pytest.mark.parametrize(("status", "tries"), [("404", 1), ("403", 1), ("302", 1), ("503", 3), ("429", 3)])
async def test_a_refusal_is_told_from_not_now(tmp_path: Path, status: str, tries: int) -> None:
    """What the peer does not give is not asked for again; what it can't give now is."""
    here = desk(tmp_path, *[status] * tries)
    with pytest.raises(NotAllowed if tries == 1 else PeerUnreachable):
        await here.fetch()
    assert len(here.peer.asked) == tries


async def test_no_more_is_taken_than_was_promised_or_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked where the size is known; else while it comes."""
    here = desk(tmp_path)
    here.max_file_bytes = 1_000_000
    with pytest.raises(TooLarge):
        await here.fetch()
    assert here.peer.asked == []
    with pytest.raises(TooLarge):
        await here.fetch("", -1)
    here.max_file_bytes = 1 << 30
    with pytest.raises(TooLarge):
        await here.fetch(size=900_000)

    async def free(_: FileStore) -> int:
        return 1_000_000

    monkeypatch.setattr(FileStore, "room", free)
    with pytest.raises(Unavailable):
        await here.fetch()
    assert (await desk(tmp_path / "2").fetch("", -1)).size == len(OCTETS), "nobody promised a size"
    monkeypatch.setattr(room, "_LOOK_BYTES", 1_000_000)
    there = desk(tmp_path / "3")
    there.min_free_bytes = 1_000_001
    with pytest.raises(Unavailable):
        await there.fetch("", -1)


async def test_a_peer_fills_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before where the size is known, else while it comes; what came of it is gone on from when there is room."""
    monkeypatch.setattr(room, "_LOOK_BYTES", 1_000_000)
    here = desk(tmp_path)
    here.max_peer_bytes = len(OCTETS) - 1
    with pytest.raises(TooLarge, match="keeps at most"):
        await here.fetch()
    assert here.peer.asked == []
    with pytest.raises(TooLarge, match="keeps at most"):
        await here.fetch("", -1)
    here.max_peer_bytes = len(OCTETS)
    assert (await here.fetch()).size == len(OCTETS)


async def test_a_file_without_a_promise_is_completed_under_the_peers_tag(tmp_path: Path) -> None:
    """A strong entity tag makes the rest fit; without one, and in the next process, it is begun anew."""
    here = desk(tmp_path, 1_200_000, etag='"v1"')
    assert (await here.fetch("", -1)).digest == DIGEST
    assert here.peer.asked[-1]["If-Range"] == '"v1"'
    weak = desk(tmp_path / "2", 1_200_000, etag='W/"v1"')
    assert (await weak.fetch("", -1)).digest == DIGEST
    assert "Range" not in weak.peer.asked[-1]
    gone = desk(tmp_path / "3", 1_200_000, 0, 0, etag='"v1"')
    with pytest.raises(PeerUnreachable):
        await gone.fetch("", -1)
    assert (await gone.fetch("", -1)).digest == DIGEST
    assert "Range" not in gone.peer.asked[-1]
