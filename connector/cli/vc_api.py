"""`vc-api`: the W3C VC API on loopback, a development face with keys that are thrown away."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from connector.cli.console import JSON, console, next_step, show_json, told
from connector.cli.site import until_stopped


def vc_api(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on loopback.")] = 8095, *, as_json: JSON = False
) -> None:
    """Issue and verify credentials by the W3C VC API, on this machine alone: to try another implementation against.

    There is one issuer for each cryptosuite; its key is made now and kept nowhere. No company's keys are touched.

    GET /issuers names them: where each issues, and its DID, which is to be the credential's `issuer`. The verifier is
    POST /verifier/credentials/verify, and /verifier/presentations/verify.

    Example: battery-connector vc-api --port 8095
    """
    with told():
        asyncio.run(_serve(port, as_json=as_json))


async def _serve(port: int, *, as_json: bool) -> None:
    from aiohttp import web

    from connector.app import SystemClock
    from connector.keys.memory import throwaway_signer
    from connector.server.site import listen
    from connector.server.vc_api import VcApi
    from connector.vocabulary.bundle import load_bundle

    face = VcApi.of([throwaway_signer("EdDSA"), throwaway_signer("ES256")], load_bundle(), SystemClock())
    runner = web.AppRunner(face.application(), access_log=None, auto_decompress=False)
    await runner.setup()
    await listen(runner, "127.0.0.1", port)
    address = f"http://localhost:{port}"
    if as_json:
        show_json({"address": address, "issuers": face.issuers(address)})
    else:
        console(error=True).print(f"the VC API for trials is on {address}; stop with Ctrl-C", markup=False)
        next_step(f"curl {address}/issuers; the verifier is POST {address}/verifier/credentials/verify")
    await until_stopped(runner)
