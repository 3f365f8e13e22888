"""The policies of datasets, compiled once each, and the offers made of them: where every journey that decides starts.

Reading is `policy.reading`'s, deciding `policy.evaluate`'s; here they are kept by their digest, because a data request
is decided per unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.exchange.rows import DatasetRow
from connector.model import JsonObject
from connector.policy.evaluate import Compiled, compile_policy
from connector.policy.odrl import offer_digest, offer_json
from connector.policy.reading import load
from connector.protocol.catalog import Offered, offer
from connector.protocol.transfer import PULL

_MOST = 1_000


@dataclass(slots=True)
class Policies:
    """Compiled policies by digest."""

    _compiled: dict[str, Compiled] = field(default_factory=dict)
    _offers: dict[tuple[str, str], JsonObject] = field(default_factory=dict)

    def of(self, dataset: DatasetRow) -> Compiled:
        """The policy under which this dataset is offered."""
        known = self._compiled.get(dataset.policy_digest)
        if known is None:
            if len(self._compiled) >= _MOST:
                self._compiled.pop(next(iter(self._compiled)))
            known = self._compiled[dataset.policy_digest] = compile_policy(load(dataset.policy))
        return known

    def offer(self, dataset: DatasetRow) -> JsonObject:
        """The offer as the catalogue shows it. Made once: to be read, not to be changed."""
        key = dataset.dataset_id, dataset.policy_digest
        known = self._offers.get(key)
        if known is None:
            if len(self._offers) >= _MOST:
                self._offers.pop(next(iter(self._offers)))
            policy = self.of(dataset).policy
            known = offer(dataset.dataset_id, offer_digest(policy), offer_json(policy, offer_id=""))
            self._offers[key] = known
        return known

    def offered(self, dataset: DatasetRow) -> Offered:
        """The dataset as the catalogue shows it."""
        policy = self.of(dataset).policy
        terms = {offer_digest(policy): offer_json(policy, offer_id="")}
        return Offered(dataset_id=dataset.dataset_id, title=dataset.title, formats=(PULL,), policies=terms)
