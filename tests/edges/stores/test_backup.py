"""What a backup may not pass over in silence, and may not touch. That it can be served: `journeys/test_backup`."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import apsw
import pytest

from connector.cli.init import Company, make
from connector.config import Config, load
from connector.errors import BadInput, Unavailable
from connector.stores import backup
from connector.stores.backup import check_store, copy_company
from connector.stores.sqlite import SqliteStore
from tests.edges.stores.rows import T, entry


def company(folder: Path) -> Config:
    """A company whose store has been opened once."""
    wish = Company(
        name="x", address="https://connector.x.example", port=8080, management_port=8081, algorithm="ES256",
        loopback=False, offset=0,
    )  # fmt: skip
    config = load(make(folder, wish))

    async def work() -> None:
        store = SqliteStore(config.path("store/connector.db"))
        await store.append_evidence([entry(str(number), tenant="") for number in range(500)])
        await store.close()

    asyncio.run(work())
    return config


def codes(config: Config, target: Path) -> list[str]:
    """What is found in a copy."""
    return [one.code for one in copy_company(config, target, lambda _: None).findings]


def test_a_whole_company_is_copied_for_its_owner_alone(tmp_path: Path) -> None:
    """Nothing is found, nothing lies outside, and nobody else may enter."""
    made = copy_company(company(tmp_path / "x"), tmp_path / "copy", lambda _: None)
    assert (made.findings, made.outside, made.entries) == ((), (), 500)
    for folder in (tmp_path / "copy", tmp_path / "copy" / "keys", tmp_path / "copy" / "store"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    copied = load(tmp_path / "copy" / "connector.toml")
    assert copied.did == "did:web:connector.x.example"
    assert copied.path(copied.held).is_dir()  # empty; without it `doctor` would find a fault in a good copy


def test_a_database_is_not_copied_as_a_file(tmp_path: Path) -> None:
    """Who has one is told by what it is copied."""
    config = company(tmp_path / "x").model_copy(update={"store": "postgresql://x@db/x"})
    with pytest.raises(BadInput) as raised:
        copy_company(config, tmp_path / "copy", lambda _: None)
    assert "pg_dump" in raised.value.hint
    assert not (tmp_path / "copy").exists()


def test_keys_that_lie_elsewhere_are_missed(tmp_path: Path) -> None:
    """By a link or by their address; a copy without them cannot be served."""
    config = company(tmp_path / "x")
    (config.folder / "keys").rename(tmp_path / "vault")
    (config.folder / "keys").symlink_to(tmp_path / "vault")
    made = copy_company(config, tmp_path / "copy", lambda _: None)
    assert {one.code for one in made.findings} == {"not-copied"}
    assert made.outside == (config.folder.resolve() / "keys",)
    file = config.folder / "connector.toml"
    (config.folder / "keys").unlink()
    (tmp_path / "vault").rename(config.folder / "keys")
    text = file.read_text("utf-8").replace('"file:keys/assertion.pem"', f'"file:{tmp_path}/assertion.pem"')
    file.write_text(f'held = "../held"\nexports = ["exports", "../erp"]\n{text}', "utf-8")
    made = copy_company(load(file), tmp_path / "second", lambda _: None)
    assert [Path(one.place.source).name for one in made.findings] == ["assertion.pem", "held"]
    assert made.outside == (tmp_path / "erp",)


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    """In a copy as a finding; where it cannot even be copied, in a sentence. Nothing half made is left."""
    config = company(tmp_path / "x")
    path = config.path("store/connector.db")
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2 // 4096 * 4096 :] = b"\xff" * (len(octets) - len(octets) // 2 // 4096 * 4096)
    path.write_bytes(octets)
    assert [one.code for one in check_store(path, T)[2]] == ["store-damaged"]
    with pytest.raises(Unavailable, match="cannot be copied"):
        copy_company(config, tmp_path / "copy", lambda _: None)
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_a_full_place_for_the_copy_says_nothing_ill_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is told to bring a backup back would lose a good store."""

    def full(_: Path) -> apsw.Connection:
        raise apsw.FullError("database or disk is full")

    config = company(tmp_path / "x")
    monkeypatch.setattr(backup, "reading", full)
    with pytest.raises(Unavailable, match="is full") as told:
        copy_company(config, tmp_path / "copy", lambda _: None)
    assert "nothing is wrong with the store" in told.value.hint


@pytest.mark.parametrize("name", ["x", "x/inside"])
def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    """Neither the company nor what lies beside it, whatever it is called."""
    config = company(tmp_path / "x")
    with pytest.raises(BadInput):
        copy_company(config, tmp_path / name, lambda _: None)
    with pytest.raises(BadInput, match=f"there is no folder {tmp_path / 'away'}$"):
        copy_company(config, tmp_path / "away" / "copy", lambda _: None)
    (tmp_path / "y.partial").mkdir()
    (tmp_path / "y.partial" / "kept").write_text("")
    assert codes(config, tmp_path / "y") == []
    assert (tmp_path / "y.partial" / "kept").exists()
