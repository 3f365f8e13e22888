"""Policies in the store that an older version took and this one refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from connector.errors import BadPolicy, NotFound
from connector.exchange.offer import Offer
from connector.exchange.policies import Policies
from connector.exchange.rows import DatasetRow
from connector.model import Did, Facts, Json, JsonObject
from connector.policy.evaluate import evaluate
from connector.policy.operands import Stage
from connector.policy.reading import load
from connector.stores.memory import MemoryStore

US = Did("did:web:us.example")
NOW = datetime(2027, 3, 15, tzinfo=UTC)
USE: Json = {"action": "use"}
PURPOSE: Json = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "audit"}
OLDER: JsonObject = {"permission": [USE, {"action": "audit", "constraint": PURPOSE}]}
ANYBODY = Facts(party=Did("did:web:caller.example"), claims=())


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


def dataset(name: str, *rules: Json) -> DatasetRow:
    return DatasetRow(
        tenant="", dataset_id=name, title=name, plan="", record_types=("Lot",), at=1, policy_digest=name,
        policy=orjson.dumps({"@type": "Set", "permission": [*rules]}),
    )  # fmt: skip


async def test_one_closes_nothing_but_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads the catalogue sees the rest; of this one there is nothing for anybody, and the log says why."""
    store, policies = MemoryStore(), Policies()
    older = dataset("older", USE, {"action": "audit", "constraint": PURPOSE})
    with pytest.raises(BadPolicy):
        load(older.policy)
    for row in (dataset("good", USE), older):
        await store.commit_dataset(row)
    offer = Offer(tenant="", did=US, base="https://us.example", store=store, clock=Still(), policies=policies,
                  link_key=bytes(32))  # fmt: skip
    listed = (await offer.catalog(ANYBODY, [], None)).body["dataset"]
    assert isinstance(listed, list)
    assert [one["@id"] for one in listed if isinstance(one, dict)] == ["good"]
    with pytest.raises(NotFound):
        await offer.dataset(ANYBODY, "older")
    assert not any(evaluate(policies.of(older), ANYBODY, NOW, stage=stage).permit for stage in Stage)
    assert "purpose is not known where it is decided" in caplog.text


def test_agreed_terms_that_are_not_understood_open_nothing() -> None:
    """Beside a policy that is, as well."""
    policies, row = Policies(), dataset("good", USE)
    assert evaluate(policies.under(row, {"permission": [USE]}), ANYBODY, NOW, stage=Stage.DATA).permit
    assert not evaluate(policies.under(row, OLDER), ANYBODY, NOW, stage=Stage.DATA).permit
