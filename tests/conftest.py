"""For all tests: random examples for a gate, the order, and how often memory is looked through for garbage.

Examples are the same ones in each run, and there is no time limit on one of them, because a busy machine stops a
process for longer than an example takes.
"""

import gc

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "gate",
    settings.get_profile("ci"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],  # examples change no fixture
)
settings.load_profile("gate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys take longest: they come first, so that processes that share the tests end together."""
    items.sort(key=lambda item: "journeys" not in item.path.parts)


def pytest_collection_finish() -> None:
    """Thousands of tests and what they import stay to the end: to look at them anew and anew took a fifth of the time.
    `connector.cli` does as much for each command.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
