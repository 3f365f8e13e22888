"""The tables of the vocabulary as committed, for tests that change a place in them."""

from pathlib import Path

from connector.vocabulary.build import SOURCES
from connector.vocabulary.versions import Version, read_versions, write_versions

VOCAB = Path("vocab")


def sources() -> dict[str, bytes]:
    """The tables as committed."""
    return {name: (VOCAB / name).read_bytes() for name in SOURCES}


def in_work(tables: dict[str, bytes]) -> dict[str, bytes]:
    """The tables with the current version not published yet, so that it may change."""
    *earlier, current = read_versions(tables["versions.csv"])
    return {**tables, "versions.csv": write_versions((*earlier, Version(number=current.number)))}


def changed(tables: dict[str, bytes], name: str, old: bytes, new: bytes) -> dict[str, bytes]:
    """The tables with one place changed."""
    assert tables[name].count(old) == 1, (name, old)
    return {**tables, name: tables[name].replace(old, new)}
