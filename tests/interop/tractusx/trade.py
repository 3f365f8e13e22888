"""One round with a Tractus-X connector: trade both ways under policies of Catena-X, tokens renewed, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from connector.cli.companies import free_ports
from tests.bench.authority import Authority
from tests.interop import company, java
from tests.interop.edc import actions, journeys, runtime
from tests.interop.edc.trade import log_of, tried
from tests.interop.identity import hub as hubs
from tests.interop.identity.issuer import Association
from tests.interop.identity.trade import MEMBER
from tests.interop.outcome import Outcome
from tests.interop.tractusx import issuance
from tests.interop.tractusx import journeys as catena_x
from tests.interop.tractusx.dataspace import Dataspace, directory, site
from tests.interop.warehouse import open_warehouse
from tests.listening import listening

HERE = Path(__file__).parent
_WAIT_MILLIS = 50
_TOKEN_SECONDS = 5


def rounds(folder: Path) -> Iterator[Outcome]:
    """Everything that either side offers is for members."""
    with ExitStack() as running:
        dataspace = _dataspace(running, folder)
        for journey in (*catena_x.JOURNEYS, *issuance.JOURNEYS):
            yield tried(journey, dataspace)
        yield log_of(dataspace.scene.edc, *catena_x.DRIFT)


def _dataspace(running: ExitStack, folder: Path) -> Dataspace:
    warehouse = running.enter_context(open_warehouse())
    issuer_port, proxy_port = free_ports(2)
    issuer = Authority(issuer_port, revoked=[*catena_x.REVOKED])
    running.enter_context(listening(site(issuer), port=issuer_port))
    association = Association(
        company=running.enter_context(company.running(folder / "association", {}, unsafe="", more=issuance.ISSUES)),
        folder=folder / "claims",
    )
    ports = runtime.free_contexts()
    hub = running.enter_context(
        hubs.running(folder, ports["protocol"], classes=_classes(folder, "ScopesExtension", hubs.POM))
    )
    names: dict[str, str] = {hub.did: hub.did}
    kind = _kind(
        folder, hub, (issuer.did, association.company.did), running.enter_context(listening(directory(names))),
        {**ports, "proxy": proxy_port},
    )  # fmt: skip
    edc = running.enter_context(runtime.running(folder, hub.did, wait_millis=_WAIT_MILLIS, ports=ports, kind=kind))
    us = running.enter_context(
        company.running(
            folder / "us", {}, unsafe="", limits="claims_cache_seconds = 0\n", more="\n[trusted_issuers]\n" + "".join(
                f'{one} = ["{issuer.did}", "{association.company.did}"]\n' for one in issuance.TRUSTED
            ),
        )
    )  # fmt: skip
    names[us.did] = us.did  # a DID is itself: 0.10.0 looks every counterparty up, 0.11 only numbers
    scene = journeys.Scene(edc=edc, us=us, careful=us, warehouse=warehouse)
    dataspace = Dataspace(scene=scene, hub=hub, issuer=issuer, association=association)
    dataspace.all_good()
    warehouse.goods["/goods"] = journeys.GOODS
    actions.offer(edc, "open", warehouse.url("/goods"), catena_x.MEMBER)
    actions.offer(edc, "framed", warehouse.url("/goods"), catena_x.FRAMED, shown="open")
    us.publish("open", company.policy(MEMBER, listed=True))
    issuance.offered(dataspace)
    return dataspace


def _classes(folder: Path, name: str, pom: Path) -> Path:
    classes = folder / name
    classes.mkdir()
    return java.compiled(HERE / f"{name}.java", pom, classes)


def _kind(
    folder: Path, hub: hubs.Hub, issuers: tuple[str, str], directory_port: int, ports: Mapping[str, int]
) -> runtime.Kind:
    """A Tractus-X connector with its wallet, issuer and directory; it keeps no status list, and says why it refuses.

    Its participant id is its DID, as it is for DSP 2025-1 since Tractus-X 0.11; numbers were for the older protocols.
    """
    pom = HERE / "pom.xml"
    return runtime.Kind(
        pom=pom, classes=_classes(folder, "VaultExtension", pom), words=("--log-level=DEBUG",),
        settings={
            "edc.iam.issuer.id": hub.did, "edc.iam.did.web.use.https": "false",
            "edc.iam.credential.revocation.mimetype": "application/json",
            "edc.iam.credential.revocation.cache.validity": "1",
            "edc.iam.trusted-issuer.one.id": issuers[0], "edc.iam.trusted-issuer.two.id": issuers[1],
            "edc.iam.sts.oauth.token.url": hub.token_url,
            "edc.iam.sts.oauth.client.id": hub.did, "edc.iam.sts.oauth.client.secret.alias": "token-secret",
            "test.token.secret": hub.secret,
            "tx.edc.iam.iatp.bdrs.server.url": f"http://localhost:{directory_port}",
            "tx.edc.dataplane.token.refresh.endpoint": f"http://localhost:{ports['public']}/public/token",
            "tx.edc.dataplane.token.expiry": str(_TOKEN_SECONDS), "tx.edc.dpf.consumer.proxy.port": str(ports["proxy"]),
        },
    )  # fmt: skip
