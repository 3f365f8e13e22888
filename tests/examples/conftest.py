"""The story played once for all tests of this folder."""

from pathlib import Path

import pytest

from connector.vocabulary.bundle import Bundle, load_bundle
from tests.examples.rehearsal import Rehearsal, rehearsal


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The vocabulary of the checkout."""
    return load_bundle(Path("vocab"))


@pytest.fixture(scope="session")
def played(bundle: Bundle) -> Rehearsal:
    """The clean story, played to its end."""
    return rehearsal(bundle).play()
