"""No octet that a connector serves holds a value whose access class the asker does not have.

Random passports with a canary in every value are published, signed and served as in production (`connector.app`), over
the ready-made policies, on a real socket; only the data tokens are the test's. Asked is whatever can be asked: pages of
data, every credential and file by its digest, audit reads, the passport page in both its forms, status lists, error
answers. All tokens in the answers are opened and searched.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connector.credentials import base64url
from connector.credentials.ids import unit_id
from connector.errors import NotAuthenticated
from connector.exchange import serve
from connector.exchange.grants import Grant, Grants
from connector.exchange.left_out import MOST_REASONS
from connector.exchange.publication import Declared
from connector.exchange.rows import DatasetRow
from connector.model import AccessClass, Claim, Did, Facts, Json
from connector.server import entries, site
from connector.server.services import Services
from connector.vocabulary.views import Audience, audience_classes
from tests.canaries import Planted, Planter, marks
from tests.edges.server.quiet import DATASET, dataset_under, quiet_connector
from tests.exchange.test_publish import document, link

POLICIES = Path(__file__).parents[3] / "policies"
READY_MADE = ("public", "legitimate-interest", "authority", "direct-customer")
CUSTOMER = Did("did:web:customer.example")
TOKEN = re.compile(rb"[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}")
FILE = "File"
FEW, MANY = 15, 300
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
    client: TestClient[web.Request, web.Application]
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

    async def publish_files(self, chance: random.Random) -> None:
        """A file of each class, with a canary in its name and one in it; one of class B2B would need a buyer."""
        for access in (one for one in AccessClass if one is not AccessClass.B2B):
            name, inside = (str(chance.randrange(10**8, 10**9)) for _ in range(2))
            file = self.services.config.folder / f"report-{name}.txt"
            file.write_text(f"canary {inside}")
            row = await self.services.publish_file.publish(
                file, self.dataset, media_type="text/plain", access_class=access.value, on_bytes=lambda _: None
            )
            self.planted.append(Planted(FILE, {}, {name: access, inside: access}))
            self.digests.append(row.digest)

    def expected(self, classes: frozenset[AccessClass], *, files: bool = True) -> set[str]:
        """The canaries that these classes open, over all records, and files."""
        return {mark for one in self.planted if files or one.record_type != FILE for mark in one.seen(classes)}

    def found(self, octets: bytes) -> set[str]:
        """The canaries in some octets and in the tokens among them. Ids and signatures make nine digits by chance, too:
        what was never planted is none.
        """
        planted = {mark for one in self.planted for mark in one.canaries}
        return marks(opened(octets)) & planted

    def units(self) -> list[str]:
        """The opaque ids of all records in the dataset, of one that is not there, and one that is none."""
        key = self.services.serve.place_key
        made = [unit_id(key, self.dataset.dataset_id, name) for name in [*self.names, "none"]]
        return [*made, unit_id(key, "another", self.names[0]), "nothing"]

    async def get(self, path: str, audience: str = "", **headers: str) -> bytes:
        """What comes back from an address: status, headers and body. `audience`: whose data token is shown."""
        shown = {"Authorization": f"Bearer {audience}"} if audience else {}
        async with self.client.get(path, headers={**shown, **headers}) as answer:
            said = sorted((name, value) for name, value in answer.headers.items() if name != "Date")
            return str([answer.status, said]).encode() + await answer.read() + b"\n"


class Admitted(Grants):
    """Every audience has its data token: its own name."""

    async def open(self, authorization: str, *, expired: bool = False) -> Grant:
        """What it opens, under the policy of the one dataset."""
        dataset = await self.store.load_dataset(self.tenant, DATASET)
        audience = authorization.removeprefix("Bearer ")
        if dataset is None or audience not in CALLERS:
            raise NotAuthenticated("the data token opens nothing")
        return Grant(
            pid="urn:uuid:transfer", facts=CALLERS[Audience(audience)], agreement_id="urn:uuid:agreement",
            dataset=dataset, policy=self.policies.of(dataset),
        )  # fmt: skip


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A maker whose passports go out by all ready-made policies at once."""
    composed, _ = quiet_connector(tmp_path)
    grants = composed.grants
    services = replace(composed, grants=Admitted(**{one.name: getattr(grants, one.name) for one in fields(grants)}))
    permissions: list[Json] = []
    for name in READY_MADE:
        read = orjson.loads((POLICIES / f"{name}.json").read_bytes())
        permissions += [one for one in read["permission"] if one["action"] != "list"]
    async with TestClient(TestServer(site.public_site(services))) as client:
        yield Scene(services=services, client=client, dataset=dataset_under(permissions))


def opened(octets: bytes) -> bytes:
    """The octets, and what is in the tokens among them."""
    inside = [base64url.decode(part) for token in TOKEN.findall(octets) for part in token.split(b".")[:2]]
    return b"\n".join([octets, *inside])


async def data(scene: Scene, audience: str) -> bytes:
    """Everything that a holder of an agreement gets: all pages, everything by its digest, refusals too."""
    told, path = bytearray(), "/data"
    while path:
        page = await scene.get(path, audience)
        told += page
        found = re.search(rb'"next":"https://[^/]+([^"]+)"', page)
        path = found[1].decode() if found else ""
    for one in [*scene.digests, "uEiNothing"]:
        told += await scene.get(f"/data/{one}", audience)
    some = 1 + len(scene.names) // 100  # of very many: each has been on a page already
    for one in [*scene.names[::some], "none"]:
        told += await scene.get(f"/data/units?number={one}", audience)
    for one in scene.units()[::-some]:
        told += await scene.get(f"/data/units/{one}", audience)
    return bytes(told)


async def audit(scene: Scene, facts: Facts) -> bytes:
    """Everything that can be asked for in an audit: records by id and number, what came later, links."""
    now = scene.services.clock.now()
    paths = [f"records/{name}/{what}" for name in scene.names for what in ("1", "2", "latest", "later")]
    paths += [f"links/{ident}" for ident in scene.links] + ["links/urn:uuid:0", "records/none/latest", "party"]
    answers = [await scene.services.audit_answers.answer(path, facts, now) for path in paths]
    return b"".join(orjson.dumps(answer.status) + answer.body + b"\n" for answer in answers)


async def pages(scene: Scene) -> bytes:
    """Everything that anybody gets without saying who he is."""
    told = [
        await scene.get(path)
        for path in ("/.well-known/did.json", "/status/0", "/status/0/changes", "/status/0/suspension", "/data")
    ]
    for name in [*scene.names, "none"]:
        told.append(await scene.get(f"/passport/{name}"))
        told.append(await scene.get(f"/passport/{name}", Accept="application/json"))
    told += [await scene.get(f"/data/{scene.digests[0]}"), await scene.get("/audit/records/none/latest")]
    return b"\n".join(told)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
async def test_no_served_octet_holds_a_canary_of_another_class(scene: Scene, count: int) -> None:
    """Every audience gets by contract exactly what its classes open, and by no other way any more."""
    await scene.publish(Planter(scene.services.bundle, count), count)
    await scene.publish_files(random.Random(count))
    public = scene.expected(audience_classes(Audience.PUBLIC))
    assert scene.found(await pages(scene)) <= public
    for audience, facts in CALLERS.items():
        expected = scene.expected(audience_classes(audience))
        assert scene.found(await data(scene, audience)) == expected, audience
        assert scene.found(await audit(scene, facts)) <= expected, audience
    chance = random.Random(count)
    for _ in range(3):
        granted = frozenset(one for one in AccessClass if chance.random() < 0.5)
        expected = scene.expected(granted | audience_classes(Audience.PUBLIC))
        found = scene.found(await audit(scene, mandated(granted)))
        assert scene.expected(granted, files=False) <= found <= expected, granted


async def test_what_is_shut_leaves_no_trace(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that a caller may not have are on no page, end no page by their id, and are not told from none at all."""
    monkeypatch.setattr(serve, "PAGE_RECORDS", PAGE)
    await scene.publish(Planter(scene.services.bundle, 3), 5)
    shut = [one for one in scene.names if one.startswith("urn:record:FacilityRecord")]
    told = await data(scene, Audience.PUBLIC)
    assert b'"next"' in told
    assert not [name for name in shut if name.encode() in told]
    refusals = {line for line in told.splitlines() if line.startswith(b"[404")}
    assert {line.count(b"no such unit") + 2 * line.count(b"no such octets") for line in refusals} == {1, 2}
    assert len(refusals) == 2
    for number in ("P1", "P99"):
        answer = await scene.services.audit_answers.answer(
            f"records/{number}/latest", CALLERS[Audience.PUBLIC], scene.services.clock.now()
        )
        assert (answer.status, answer.body) == (404, b"")


async def test_what_was_left_out_is_on_record(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the entry of the page, counted, with the rule that said no: not an entry for each unit. Files too, and units
    that were asked for alone.
    """
    monkeypatch.setattr(serve, "PAGE_RECORDS", PAGE)
    await scene.publish(Planter(scene.services.bundle, 5), 5)
    await scene.publish_files(random.Random(5))

    async def noted() -> list[dict[str, Any]]:
        rows = await scene.services.store.evidence("", limit=10_000)
        return [entries.as_json(row) for row in rows if row.event.startswith("data-")]

    pages, path = 0, "/data"
    while path:
        pages += 1
        found = re.search(rb'"next":"https://[^/]+([^"]+)"', await scene.get(path, Audience.PUBLIC))
        path = found[1].decode() if found else ""
    told = await noted()
    assert {one["event"] for one in told} == {"data-page"}
    assert len(told) == pages > 2
    left = Counter[str]()
    for one in told:
        left.update(one["body"].get("leftOut", {}))
        assert one["body"]["pid"] == "urn:uuid:transfer"
        assert len(one["body"].get("decisions", [])) <= MOST_REASONS
    shut = [one for one in scene.planted if not one.seen(audience_classes(Audience.PUBLIC))]
    assert left["units"] == sum(one.record_type != FILE for one in shut) == 5
    assert left["files"] == sum(one.record_type == FILE for one in shut) > 1
    assert left["values"] > left["units"]
    first = next(one for one in told if "units" in one["body"].get("leftOut", {}))
    assert entries.denied(first)
    assert re.match(r"left out \d+ whole units?, \d+ credentials", entries.policy_in_words(first))
    assert "accessClass is B2B, asked: PUB" in entries.policy_in_words(first)

    await scene.get("/data/units?number=P1", Audience.PUBLIC)
    last = (await noted())[-1]
    assert (last["event"], entries.denied(last), last["body"]["leftOut"]["units"]) == ("data-denied", True, 1)
    await scene.get("/data", Audience.B2B)
    customer = (await noted())[-1]
    assert "units" not in customer["body"].get("leftOut", {}), "what is open to him is not left out"


@pytest.mark.parametrize("made_up", ["urn:record:FacilityRecord:P0", "A" * 22, "%25", "%C3%A4"])
async def test_a_place_that_is_none_of_ours_is_refused(scene: Scene, made_up: str) -> None:
    """A made-up place opens no page."""
    await scene.publish(Planter(scene.services.bundle, 4), 1)
    told = await scene.get(f"/data?after={made_up}", Audience.B2B)
    assert told.startswith(b"[404")
    assert b"no such page" in told
