"""Issuing without a running connector: for bodies that only sign (a register, a laboratory, an association).

What is signed is kept in the signer's own store with its status index, so that it can be withdrawn later; `site` writes
DID document and status lists as files for a static web site. The commands stand in `credential`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from connector.app import offline
from connector.config import Config
from connector.credentials.status_list import LIST_BITS
from connector.errors import BadInput, BadMessage
from connector.exchange.rows import CredentialRow
from connector.model import JsonObject
from connector.server import own_keys, statements
from connector.server.commands import read_file
from connector.server.issuing import Claims, Job, Signed
from connector.server.issuing import issue as sign
from connector.server.services import Services
from connector.vocabulary.admission import admit

_CLAIMS_LIMIT_BYTES = 1 << 20


async def issue(config: Config, jobs: Sequence[Job], site: Path | None) -> list[Signed]:
    """Sign all jobs in one go, then write the site, if there is one."""
    async with offline(config) as services:
        signed = [await sign(services, job) for job in jobs]
        if site is not None:
            await _write_site(services, site)
        return signed


async def revoke(
    config: Config, credential: bytes | str, *, purpose: str, effective: datetime, reason: str, site: Path | None
) -> CredentialRow:
    """Change the status of a credential (its octets, or their digest) that this signer issued; then write the site."""
    async with offline(config) as services:
        digest = credential if isinstance(credential, str) else await services.revoke.digest_of(credential)
        row = await services.revoke.run(digest, purpose=purpose, effective=effective, reason=reason)
        if site is not None:
            await _write_site(services, site)
        return row


async def write_site(config: Config, folder: Path) -> None:
    """DID document and status lists as files: `did.json`, `status/N/index.jwt`, the same list as JSON in `index.json`,
    `status/N/changes`, and the same of suspensions in `status/N/suspension`.
    """
    async with offline(config) as services:
        await _write_site(services, folder)


async def note_key(config: Config, key: str, *, by: str) -> None:
    """Put a change of our keys on record, where no connector runs."""
    async with offline(config) as services:
        await services.rekey.note(key, by=by)


async def signed_with(config: Config, key: str) -> JsonObject:
    """How much of what this signer issued rests on one of its keys."""
    async with offline(config) as services:
        return await own_keys.signed_with(services, key, lambda _: None)


async def _write_site(services: Services, folder: Path) -> None:
    used = await services.store.next_status_index(services.config.tenant)
    document = folder / "did.json" if services.config.tenant else folder / ".well-known" / "did.json"
    now = services.clock.now()
    _put(document, statements.did_document(services.config, services.keys.methods(now), now))
    for number in range(used // LIST_BITS + 1):
        revoked = folder / "status" / str(number)
        for purpose, place in (("revocation", revoked), ("suspension", revoked / "suspension")):
            url = statements.list_url(services, number, purpose)
            token = await statements.status_octets(services, number, purpose=purpose, site=True)
            _put(place / "index.jwt", token)
            _put(place / "index.json", await statements.list_with_proof(services, url, token))
            _put(place / "changes", await statements.changes_octets(services, number, purpose=purpose))


def read_claims(path: Path) -> Claims:
    """What a claim file states."""
    try:
        return Claims(file=str(path), subject=admit(read_file(path), _CLAIMS_LIMIT_BYTES))
    except BadMessage as bad:
        raise BadInput(bad.detail, hint=bad.hint, place=str(path)) from None


def _put(path: Path, octets: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)
