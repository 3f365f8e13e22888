"""What the journeys share: one clean demo, also between processes that share the tests."""

import os

import pytest

from tests.journeys.demo import Played, play_once


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The story as it is meant. Its files are read, never changed."""
    place = tmp_path_factory.getbasetemp()
    return play_once((place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / "clean")
