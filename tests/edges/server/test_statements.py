"""Status lists of a running connector, as anybody may ask for them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest import mock

import orjson
import pytest

from connector.cli.companies import free_ports
from connector.credentials.datamodel import parse_credential
from connector.credentials.did import parse_document
from connector.credentials.status import Unobtained, open_list
from connector.credentials.status_list import bit, parse_changes, scattered
from connector.exchange.rows import EvidenceEntry, StatusChangeRow
from tests.edges.cli.companies import found, serving
from tests.edges.server.quiet import look, quiet_connector
from tests.edges.server.stranger import ask


def test_status_lists_are_signed_once_and_never_for_nothing(tmp_path: Path) -> None:
    """A list that did not change comes in the same octets; lists that were never used are not there."""
    port, management_port = free_ports(2)
    with serving(found(tmp_path, "mine", port, management_port)):
        first, again = ask(port, "GET", "/status/0"), ask(port, "GET", "/status/0")
        assert first.status == 200
        assert first.body == again.body
        listed = ask(port, "GET", "/status/0", Accept="application/json")
        for form, tag in (("*/*", first.headers["etag"]), ("application/json", listed.headers["etag"])):
            same = ask(port, "GET", "/status/0", Accept=form, If_None_Match=tag)
            assert (same.status, same.body, same.headers["vary"]) == (304, b"", "Accept")
        for path in ("/status/7", "/status/7/changes", "/status/7/suspension", "/status/-1", "/status/99999999999",
                     "/status/0/revocation", "/status/0/suspension/0"):  # fmt: skip
            assert ask(port, "GET", path).status == 404


@pytest.mark.parametrize("purpose", ["", "/suspension"])
async def test_a_list_comes_as_json_for_who_reads_no_tokens(tmp_path: Path, purpose: str) -> None:
    """The same content with its proof inside, which its issuer's key holds; each form has its own tag."""
    services, app = quiet_connector(tmp_path)
    change = StatusChangeRow(
        tenant="", list_number=0, index=3, digest="u", purpose=purpose[1:] or "revocation", effective=0, reason="",
        at=0,
    )  # fmt: skip
    await services.store.commit_status_change(change, EvidenceEntry(tenant="", at=0, event="x", body=b"{}"))
    path = f"/status/0{purpose}"
    token = await look(services, app, path)
    assert (token.headers["content-type"], token.headers["vary"]) == ("application/vc+jwt", "Accept")
    now = services.clock.now()
    document = parse_document((await look(services, app, "/.well-known/did.json")).body, now=now)
    for form in ("application/vc", "application/json", "application/ld+json"):
        listed = await look(services, app, path, Accept=form)
        assert listed.headers["content-type"] == form
        assert listed.headers["vary"] == "Accept"
        said = orjson.loads(listed.body)
        assert said.pop("proof")["type"] == "DataIntegrityProof"
        assert said == parse_credential(token.body).payload
        url = f"{services.config.public_url}{path}"
        opened = open_list(url, listed.body, Unobtained(reason="not asked for"), document)
        assert bit(opened.bits, scattered(services.id_key, 0, 3))
    other = await look(services, app, path, **{"Accept": form, "If-None-Match": token.headers["etag"]})
    assert (other.status, other.body) == (200, listed.body), "the token's tag is another one"


async def test_what_was_signed_by_a_clock_ahead_is_signed_anew(tmp_path: Path) -> None:
    """Until then the list would be valid from tomorrow, and the status of all our credentials could not be checked."""
    services, app = quiet_connector(tmp_path)
    now = services.clock.now()
    for path in ("/status/0", "/status/0/changes"):
        with mock.patch.object(type(services.clock), "now", return_value=now + timedelta(days=1)):
            early = (await look(services, app, path)).body
        assert (await look(services, app, path)).body != early
    begins = parse_credential((await look(services, app, "/status/0")).body).valid_from
    assert begins is not None
    assert begins <= services.clock.now()


async def test_changes_are_signed_anew_only_when_there_is_one(tmp_path: Path) -> None:
    """Anybody may ask, and there may be thousands; a signature by ES256 is never the same twice."""
    services, app = quiet_connector(tmp_path)
    path = "/status/0/changes"
    first = (await look(services, app, path)).body
    assert (await look(services, app, path)).body == first
    change = StatusChangeRow(
        tenant="", list_number=0, index=0, digest="u", purpose="revocation", effective=0, reason="", at=0
    )
    await services.store.commit_status_change(change, EvidenceEntry(tenant="", at=0, event="x", body=b"{}"))
    after = (await look(services, app, path)).body
    assert after != first
    assert len(parse_changes(after)[1].changes) == 1
