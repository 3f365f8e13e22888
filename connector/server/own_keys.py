"""What operators ask about the company's own keys: what rests on one, and that a change is put on record.

The keys themselves are changed by `keys/`.
"""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from connector.credentials.own_methods import named
from connector.credentials.securing import key_id_of
from connector.model import Json, JsonObject
from connector.server import answers, asked, requests
from connector.server.lines import Tell, stream
from connector.server.operations import Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services

_PAGE = 1_000


def operations() -> list[Operation]:
    """What the management API does about our own keys."""
    counts = "Count the credentials that a key of ours signed."
    notes = "Put on record that a key of ours was made or revoked, which `did rotate` and `did revoke` do."
    return [
        Operation(
            "POST", "/v1/signed-with", _signed_with, counts, (answers.RestsOn,), asked=requests.SignedWith,
            lines=(answers.Told,),
        ),
        Operation("POST", "/v1/key-changed", _changed, notes, (answers.KeyNoted,), asked=requests.KeyChanged),
    ]  # fmt: skip


async def _changed(request: web.Request) -> web.Response:
    said = await asked.body(request, requests.KeyChanged)
    entry = await request.app[SERVICES].rekey.note(said.key, by=said.by)
    return json_response({"key": said.key, "event": entry.event})


async def _signed_with(request: web.Request) -> web.StreamResponse:
    services, name = request.app[SERVICES], (await asked.body(request, requests.SignedWith)).key

    async def work(tell: Tell) -> JsonObject:
        return await signed_with(services, name, tell)

    return await stream(request, work)


async def signed_with(services: Services, name: str, tell: Tell) -> JsonObject:
    """How many credentials of ours this key signed, by type, those of earlier versions included."""
    tenant, did = services.tenant, services.config.did
    key_id = f"{did}#{named(services.keys.methods(services.clock.now()), name).name}"
    counted, records, after = Counter[str](), 0, ("", "")
    while page := await services.store.list_records(tenant, origin="own", after=after, limit=_PAGE):
        for record in page:
            rows = [
                row
                for version in range(1, record.version + 1)
                for row in await services.store.credentials(tenant, did, record.record_id, version)
            ]
            counted.update(row.credential_type for row in rows if key_id_of(row.octets) == key_id)
        records += len(page)
        after = page[-1].record_id, page[-1].holder
        tell({"done": records})
    types: dict[str, Json] = {**counted}
    return {"key": name, "credentials": counted.total(), "types": types}
