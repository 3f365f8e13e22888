"""The policies of datasets, compiled once each, and the offers made of them: where every journey that decides starts.

Reading is `policy.reading`'s, deciding `policy.evaluate`'s; here they are kept by their digest, because a data request
is decided per unit. What the store has and nobody here understands (an older version took it) opens nothing: one such
policy must not close a whole catalogue.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import orjson

from connector.errors import BadPolicy
from connector.exchange.rows import DatasetRow
from connector.model import JsonObject
from connector.policy.evaluate import Compiled, compile_policy
from connector.policy.odrl import Policy, both, offer_digest, offer_json
from connector.policy.reading import load
from connector.protocol.catalog import Offered, offer
from connector.protocol.terms import rules_digest, rules_of
from connector.protocol.transfer import PULL, PUSH

_log = logging.getLogger("connector.policies")

_MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A policy ready for decisions, and as the wire shows it. Made once: to be read, not to be changed."""

    compiled: Compiled
    digest: str
    """Of the terms on the wire: it stands in the offer's id."""
    rules: JsonObject


@dataclass(slots=True)
class Policies:
    """Policies by digest."""

    _terms: dict[str, Terms] = field(default_factory=dict)
    _under: dict[str, Compiled] = field(default_factory=dict)

    def terms(self, digest: str, octets: bytes) -> Terms:
        """The policy of that digest."""
        known = self._terms.get(digest)
        if known is None:
            if len(self._terms) >= _MOST:
                self._terms.pop(next(iter(self._terms)))
            policy = _understood(
                octets, f"the policy {digest}", "publish under it anew, and the findings say what to change"
            )
            known = self._terms[digest] = Terms(
                compiled=compile_policy(policy), digest=offer_digest(policy),
                rules=rules_of(offer_json(policy, offer_id="")),
            )  # fmt: skip
        return known

    def of(self, dataset: DatasetRow) -> Compiled:
        """The policy under which this dataset is offered."""
        return self.terms(dataset.policy_digest, dataset.policy).compiled

    def under(self, dataset: DatasetRow, agreed: JsonObject | None) -> Compiled:
        """The policy that decides under an agreement. `agreed`: its rules, where other ones were offered, so that
        both have to permit.
        """
        if agreed is None:
            return self.of(dataset)
        key = f"{dataset.policy_digest} {rules_digest(agreed)}"
        known = self._under.get(key)
        if known is None:
            if len(self._under) >= _MOST:
                self._under.pop(next(iter(self._under)))
            known = compile_policy(
                both(self.of(dataset).policy, _understood(orjson.dumps(agreed), "an agreement", "agree anew"))
            )
            self._under[key] = known
        return known

    def offer(self, dataset: DatasetRow) -> JsonObject:
        """The offer as the catalogue shows it."""
        terms = self.terms(dataset.policy_digest, dataset.policy)
        return offer(dataset.dataset_id, terms.digest, terms.rules)

    def offered(self, dataset: DatasetRow) -> Offered:
        """The dataset as the catalogue shows it."""
        return Offered(
            dataset_id=dataset.dataset_id, title=dataset.title, record_types=dataset.record_types, formats=(PULL, PUSH),
            offers=(self.offer(dataset),),
        )  # fmt: skip


def why_refused(dataset: DatasetRow) -> str:
    """Why the policy of a dataset opens nothing: this version refuses it. Empty: it does not."""
    try:
        load(dataset.policy)
    except BadPolicy as problem:
        return problem.detail
    return ""


def _understood(octets: bytes, what: str, hint: str) -> Policy:
    """The policy; one that permits nothing, where it can't be read any more."""
    try:
        return load(octets)
    except BadPolicy as problem:
        _log.error("%s is in the store and can't be kept to, so it opens nothing: %s %s", what, problem.detail, hint)
        return Policy(rules=())
