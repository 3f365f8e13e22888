"""The bundle of the repository, and the example subjects that all tests share."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.model import JsonObject
from connector.vocabulary.bundle import Bundle, load_bundle

DOCUMENTS = Path("tests/vectors/documents")


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The vocabulary of the checkout."""
    return load_bundle(Path("vocab"))


@pytest.fixture
def documents() -> dict[str, JsonObject]:
    """A fresh copy of each example subject, by record type."""
    return dict(_documents())


def _documents() -> Iterator[tuple[str, JsonObject]]:
    """Name and content of each file."""
    for path in sorted(DOCUMENTS.glob("*.json")):
        yield path.stem, json.loads(path.read_bytes())
