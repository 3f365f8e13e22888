"""One round with a real EDC under real identity: members trade both ways, and nobody else does; its hub asks us for
its membership itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from connector.model import JsonObject
from tests.interop import company, java
from tests.interop.edc import actions, journeys, pushes, runtime
from tests.interop.edc.trade import log_of, tried
from tests.interop.identity import hub as hubs
from tests.interop.identity import issuance, issuer, refusals
from tests.interop.outcome import Outcome
from tests.interop.warehouse import open_warehouse

HERE = Path(__file__).parent
MEMBER: JsonObject = {"leftOperand": "membership", "operator": "eq", "rightOperand": "active"}
_WAIT_MILLIS = 50
TRADE = (
    journeys.edc_pulls,
    journeys.we_pull,
    journeys.we_keep,
    journeys.edc_suspends,
    pushes.we_push,
    pushes.edc_pushes,
)


def rounds(folder: Path) -> Iterator[Outcome]:
    """Everything that either side offers is for members."""
    with ExitStack() as running:
        members = _members(running, folder)
        yield tried(issuance.hub_asks_for_a_membership, members)
        for journey in TRADE:
            yield tried(journey, members.scene)
        yield tried(issuance.we_revoke_it, members)
        for refusal in (*refusals.BY_EDC, issuance.the_trade_ends, *refusals.BY_US):
            yield tried(refusal, members)
        yield log_of(members.scene.edc)


def _members(running: ExitStack, folder: Path) -> refusals.Members:
    site, elsewhere = (running.enter_context(open_warehouse()) for _ in range(2))
    stranger = issuer.publish(elsewhere)
    association = issuer.Association(
        company=running.enter_context(company.running(folder / "association", {}, unsafe="", more=issuer.ISSUES)),
        folder=folder / "issued",
    )  # fmt: skip
    ports = runtime.free_contexts()
    hub = running.enter_context(hubs.running(folder, ports["protocol"]))
    edc = running.enter_context(
        runtime.running(
            folder, hub.did, wait_millis=_WAIT_MILLIS, ports=ports, kind=_kind(folder, hub, association.company.did)
        )
    )  # fmt: skip
    us = running.enter_context(
        company.running(
            folder / "us", {}, unsafe="", limits="claims_cache_seconds = 0\n",
            more=f'\n[trusted_issuers]\nMembershipCredential = ["{association.company.did}"]\n',
        )
    )  # fmt: skip
    issued = association.issue([us.did, hub.did])
    association.revoke(issued[hub.did, issuer.WITHDRAWN])
    members = refusals.Members(
        scene=journeys.Scene(edc=edc, us=us, careful=us, warehouse=site), hub=hub, issuer=association, issued=issued,
        stranger=stranger,
    )  # fmt: skip
    members.all_good()
    site.goods["/goods"] = journeys.GOODS
    actions.offer(edc, "open", site.url("/goods"), MEMBER)
    us.publish("open", company.policy(MEMBER, listed=True))
    return members


def _kind(folder: Path, hub: hubs.Hub, trusted: str) -> runtime.Kind:
    """An EDC that gets its tokens from its hub, trusts one issuer, and says in its log why it refuses.

    It asks for status lists in JSON, the one form that it reads, and keeps none. Left alone it asks for any form, and
    keeps them a quarter of an hour.
    """
    classes = folder / "classes"
    classes.mkdir()
    pom = HERE / "pom.xml"
    return runtime.Kind(
        pom=pom, classes=java.compiled(HERE / "MembershipExtension.java", pom, classes), words=("--log-level=DEBUG",),
        settings={
            "edc.iam.issuer.id": hub.did, "edc.iam.did.web.use.https": "false",
            "edc.iam.credential.revocation.mimetype": "application/json",
            "edc.iam.credential.revocation.cache.validity": "1",
            "edc.iam.trusted-issuer.one.id": trusted, "edc.iam.sts.oauth.token.url": hub.token_url,
            "edc.iam.sts.oauth.client.id": hub.did, "edc.iam.sts.oauth.client.secret.alias": "token-secret",
            "test.token.secret": hub.secret,
        },
    )  # fmt: skip
