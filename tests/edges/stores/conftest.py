"""The stores in turn, for what every one of them promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.exchange.ports import Store
from connector.stores import open_store
from tests import postgres
from tests.edges.stores.rows import US


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each store in turn, empty."""
    if request.param == "postgres":
        async with postgres.database() as url:
            opened = await open_store(url, company=US)
            yield opened
            await opened.close()
        return
    opened = await open_store("memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'store.db'}", company=US)
    yield opened
    await opened.close()
