"""The tables of the vocabulary as committed, for tests that change a place in them."""

from pathlib import Path

from connector.vocabulary.build import SOURCES

VOCAB = Path("vocab")


def sources() -> dict[str, bytes]:
    """The tables as committed."""
    return {name: (VOCAB / name).read_bytes() for name in SOURCES}


def changed(tables: dict[str, bytes], name: str, old: bytes, new: bytes) -> dict[str, bytes]:
    """The tables with one place changed."""
    assert tables[name].count(old) == 1, (name, old)
    return {**tables, name: tables[name].replace(old, new)}
