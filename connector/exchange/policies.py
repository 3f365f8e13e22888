"""The policies of datasets, compiled once each: what every journey that decides starts from.

Reading is `policy.reading`'s, deciding `policy.evaluate`'s; here they are kept by their digest, because a data request
is decided per unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.exchange.ports import DatasetRow
from connector.policy.evaluate import Compiled, compile_policy
from connector.policy.reading import load

_MOST = 1_000


@dataclass(slots=True)
class Policies:
    """Compiled policies by digest."""

    _compiled: dict[str, Compiled] = field(default_factory=dict)

    def of(self, dataset: DatasetRow) -> Compiled:
        """The policy under which this dataset is offered."""
        known = self._compiled.get(dataset.policy_digest)
        if known is None:
            if len(self._compiled) >= _MOST:
                self._compiled.pop(next(iter(self._compiled)))
            known = self._compiled[dataset.policy_digest] = compile_policy(load(dataset.policy))
        return known
