"""A dataspace's issuer that takes every request and never delivers: a DID document and an IssuerService on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from connector.credentials.issuance import SERVICE
from connector.credentials.query import DCP_CONTEXT
from connector.model import JsonObject


@contextmanager
def issuing() -> Iterator[str]:
    """It listens until the block ends. Its DID."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, files[self.path])

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._say(201, {})

        def _say(self, status: int, said: JsonObject) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass  # silence

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    did = f"did:web:localhost%3A{server.server_port}"
    supported: JsonObject = {"id": "m1", "credentialType": "MembershipCredential", "profile": "vc20-bssl/jwt"}
    files: dict[str, JsonObject] = {
        "/.well-known/did.json": {
            "id": did,
            "service": [
                {"id": "#issuer", "type": SERVICE, "serviceEndpoint": f"http://localhost:{server.server_port}"}
            ],
        },
        "/metadata": {
            "@context": [DCP_CONTEXT], "type": "IssuerMetadata", "issuer": did, "credentialsSupported": [supported]
        },
    }  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield did
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
