"""No octet that a connector serves holds a value whose access class the asker does not have.

Random passports with a canary in every value are published, signed and served as in production (`connector.app`), over
the ready-made policies. Asked is whatever can be asked: pages of data and every credential by its digest, audit reads,
the passport page in both its forms, status lists, error answers. All tokens in the answers are opened and searched.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from connector.credentials import base64url
from connector.errors import ConnectorError
from connector.exchange import serve
from connector.exchange.grants import Grant
from connector.exchange.publication import Declared
from connector.exchange.rows import DatasetRow
from connector.model import AccessClass, Claim, Did, Facts, Json
from connector.policy.evaluate import compile_policy
from connector.policy.reading import load
from connector.server.problems import problem
from connector.server.services import Services
from connector.vocabulary.views import Audience, audience_classes
from tests.canaries import Planted, Planter, marks
from tests.edges.server.quiet import dataset_under, look, quiet_connector
from tests.exchange.test_publish import document, link

POLICIES = Path(__file__).parents[3] / "policies"
READY_MADE = ("public", "legitimate-interest", "authority", "direct-customer")
CUSTOMER = Did("did:web:customer.example")
TOKEN = re.compile(rb"[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}")
FEW, MANY = 20, 300
PAGE = 3


def claims(party: str, **values: str | tuple[str, ...]) -> Facts:
    """A caller of whom this is proven."""
    pairs = [(name, one) for name, given in values.items() for one in ((given,) if isinstance(given, str) else given)]
    return Facts(party=Did(party), claims=tuple(Claim(name=name, value=one, source="uC") for name, one in pairs))


def mandated(classes: frozenset[AccessClass]) -> Facts:
    """An auditor with a mandate for these classes."""
    return claims(
        "did:web:auditor.example", mandate="active", mandateRole="auditor",
        mandateClass=tuple(one.value for one in classes),
        mandateSite="any", mandateMaterial="any", mandatePeriod="2026-01-01T00:00:00Z/2028-01-01T00:00:00Z",
    )  # fmt: skip


CALLERS = {
    Audience.PUBLIC: claims("did:web:passer-by.example"),
    Audience.LEGITIMATE_INTEREST: claims("did:web:recycler.example", membership="active", role="recycler"),
    Audience.AUTHORITY: claims("did:web:authority.example", role="authority"),
    Audience.B2B: claims(CUSTOMER, membership="active", role="vehicleMaker"),
}


@dataclass
class Scene:
    """A maker with its passports, and what is planted in them by the record that holds it."""

    services: Services
    app: web.Application
    dataset: DatasetRow
    planted: list[Planted] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    async def publish(self, planter: Planter, count: int) -> None:
        """Passports, each with a link to the record of its plant."""
        for number in range(count):
            plant, one = planter.record("FacilityRecord"), planter.record("BatteryPassport")
            plant.subject["identifier"] = [{"type": "Identifier", "scheme": "facilityId", "value": f"P{number}"}]
            one.subject["facilityRecord"] = {}
            wanted = link("/facilityRecord", "facilityId", f"P{number}", own=True)
            mapped = [
                document("FacilityRecord", f"P{number}", plant.subject, buyers=(CUSTOMER,)),
                document("BatteryPassport", f"B{number}", one.subject, links=(wanted,), buyers=(CUSTOMER,)),
            ]
            done = await self.services.publish.publish(mapped, self.dataset, Declared(), lambda _: None)
            assert (done.documents, done.findings) == (2, [])
            for made in (plant, one):
                standing = marks(orjson.dumps(made.subject))
                made.canaries = {mark: access for mark, access in made.canaries.items() if mark in standing}
            self.planted += [plant, one]
            self.names += [mapped[0].record_id, mapped[1].record_id, f"P{number}", str(one.subject["id"])]
        for name in self.names:
            record = await self.services.store.load_record("", self.services.config.did, name, None)
            held = await self.services.store.credentials("", record.holder, name, 1) if record else []
            self.digests += [row.digest for row in held]
            self.links += (
                re.findall(r'"(urn:uuid:[0-9a-f-]{36})","recordVersion"', record.content.decode()) if record else []
            )

    def expected(self, classes: frozenset[AccessClass]) -> set[str]:
        """The canaries that these classes open, over all passports."""
        return {mark for one in self.planted for mark in one.seen(classes)}

    async def get(self, path: str, **headers: str) -> bytes:
        """What anybody gets at an address: status, headers and body."""
        answer = await look(self.services, self.app, path, **headers)
        return orjson.dumps([answer.status, dict(answer.headers)]) + answer.body


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    """A maker whose passports go out by all ready-made policies at once."""
    services, app = quiet_connector(tmp_path)
    permissions: list[Json] = []
    for name in READY_MADE:
        read = orjson.loads((POLICIES / f"{name}.json").read_bytes())
        permissions += [one for one in read["permission"] if one["action"] != "list"]
    return Scene(services=services, app=app, dataset=dataset_under(permissions))


def opened(octets: bytes) -> bytes:
    """The octets, and what is in the tokens among them."""
    inside = [base64url.decode(part) for token in TOKEN.findall(octets) for part in token.split(b".")[:2]]
    return b"\n".join([octets, *inside])


async def data(scene: Scene, facts: Facts) -> bytes:
    """Everything that a holder of an agreement gets: all pages, each credential by its digest, refusals too."""
    policy = compile_policy(load(scene.dataset.policy))
    grant = Grant(facts=facts, agreement_id="urn:uuid:agreement", dataset=scene.dataset, policy=policy)
    told, after = b"", ""
    while True:
        page = await scene.services.serve.page(grant, after)
        told += orjson.dumps(page)
        if "next" not in page:
            break
        after = str(page["next"]).partition("after=")[2]
    for one in [*scene.digests, "uEiNothing"]:
        try:
            told += (await scene.services.serve.octets(grant, one)).octets + b"\n"
        except ConnectorError as refused:
            answer = problem(refused)
            assert isinstance(answer.body, bytes)
            told += str([answer.status, sorted(answer.headers.items())]).encode() + answer.body + b"\n"
    return told


async def audit(scene: Scene, facts: Facts) -> bytes:
    """Everything that can be asked for in an audit: records by id and number, what came later, links."""
    now = scene.services.clock.now()
    paths = [f"records/{name}/{what}" for name in scene.names for what in ("1", "2", "latest", "later")]
    paths += [f"links/{ident}" for ident in scene.links] + ["links/urn:uuid:0", "records/none/latest", "party"]
    answers = [await scene.services.audit_answers.answer(path, facts, now) for path in paths]
    return b"".join(orjson.dumps(answer.status) + answer.body + b"\n" for answer in answers)


async def pages(scene: Scene) -> bytes:
    """Everything that anybody gets without saying who he is."""
    told = [await scene.get(path) for path in ("/.well-known/did.json", "/status/0", "/status/0/changes", "/data")]
    for name in [*scene.names, "none"]:
        told.append(await scene.get(f"/passport/{name}"))
        told.append(await scene.get(f"/passport/{name}", Accept="application/json"))
    told += [await scene.get(f"/data/{scene.digests[0]}"), await scene.get("/audit/records/none/latest")]
    return b"\n".join(told)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
async def test_no_served_octet_holds_a_canary_of_another_class(scene: Scene, count: int) -> None:
    """Every audience gets by contract exactly what its classes open, and by no other way any more."""
    await scene.publish(Planter(scene.services.bundle, count), count)
    public = scene.expected(audience_classes(Audience.PUBLIC))
    assert marks(opened(await pages(scene))) <= public
    for audience, facts in CALLERS.items():
        expected = scene.expected(audience_classes(audience))
        assert marks(opened(await data(scene, facts))) == expected, audience
        assert marks(opened(await audit(scene, facts))) <= expected, audience
    chance = random.Random(count)
    for _ in range(5):
        granted = frozenset(one for one in AccessClass if chance.random() < 0.5)
        expected = scene.expected(granted | audience_classes(Audience.PUBLIC))
        found = marks(opened(await audit(scene, mandated(granted))))
        assert scene.expected(granted) <= found <= expected, granted


async def test_what_is_shut_leaves_no_trace(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that a caller may not have are on no page, end no page by their id, and are not told from none at all."""
    monkeypatch.setattr(serve, "PAGE_RECORDS", PAGE)
    await scene.publish(Planter(scene.services.bundle, 3), 5)
    shut = [one for one in scene.names if one.startswith("urn:record:FacilityRecord")]
    told = await data(scene, CALLERS[Audience.PUBLIC])
    assert b'"next"' in told
    assert not [name for name in shut if name.encode() in told]
    refusals = {line for line in told.splitlines() if line.startswith(b"[404")}
    assert len(refusals) == 1
    for number in ("P1", "P99"):
        answer = await scene.services.audit_answers.answer(
            f"records/{number}/latest", CALLERS[Audience.PUBLIC], scene.services.clock.now()
        )
        assert (answer.status, answer.body) == (404, b"")


async def test_a_place_that_is_none_of_ours_is_refused(scene: Scene) -> None:
    """A made-up place opens no page."""
    await scene.publish(Planter(scene.services.bundle, 4), 1)
    policy = compile_policy(load(scene.dataset.policy))
    grant = Grant(
        facts=CALLERS[Audience.B2B], agreement_id="urn:uuid:agreement", dataset=scene.dataset, policy=policy
    )  # fmt: skip
    for made_up in ("urn:record:FacilityRecord:P0", "AAAAAAAAAAAAAAAAAAAAAA", "%", "ä"):
        with pytest.raises(ConnectorError, match="no such page"):
            await scene.services.serve.page(grant, made_up)
