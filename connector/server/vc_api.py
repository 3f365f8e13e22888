"""The VC API on loopback: a development face, to try credentials against, with keys that are thrown away.

One issuer mount per cryptosuite and one verifier, with the answers that the W3C's suites expect: 201 and the bare
credential; 200 or 400. It is no part of a connector: it has no store, fetches nothing, and knows no company's keys.
Issuers are `did:key`, its own and those that it can verify. It is as strict as the product: ten checks, contexts of the
bundle. A status that it would have to fetch is left open, so such a credential is not verified unless only the proof is
asked about (`options.checks`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from connector.credentials.canonical import canonical
from connector.credentials.did import DidDocument
from connector.credentials.did_key import document_in
from connector.credentials.did_web import did_of_key
from connector.credentials.issue import SUITES, attach_proof, prepare_proof
from connector.credentials.proved_presentation import Expected, octets_of, verify_proved
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import Challenge
from connector.credentials.securing import SELECTIVE
from connector.credentials.signing import Signer
from connector.credentials.status import Unobtained
from connector.credentials.verify import Material, Report, needs, verify
from connector.errors import BadInput, NotAllowed, NotFound, TooLarge, Unavailable
from connector.exchange.ports import Clock
from connector.model import Did, Finding, Json, JsonObject
from connector.server.asked import by_loopback_name
from connector.server.problems import answer_errors, json_response
from connector.server.site import refuse_odd_requests
from connector.vocabulary.admission import admit_message
from connector.vocabulary.bundle import Bundle

_LIMIT_BYTES = 1 << 20
_BODY_SECONDS = 20.0
_LAST_OF_PROOF = 6
"""The checks up to the signature."""
_CREATED, _BAD = 201, 400
_JSON = "application/json"
_SD_JWT_URL = f"data:{SELECTIVE},"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VcApi:
    """The face. `signers` by the cryptosuite that their keys make."""

    signers: Mapping[str, Signer]
    bundle: Bundle
    clock: Clock

    def application(self) -> web.Application:
        """The routes, for who listens on loopback."""
        app = web.Application(client_max_size=_LIMIT_BYTES, middlewares=[answer_errors, refuse_odd_requests, _guard])
        app.add_routes(
            [
                web.get("/issuers", self._issuers),
                web.post("/issuers/{suite}/credentials/issue", self._issue),
                web.post("/verifier/credentials/verify", self._verify),
                web.post("/verifier/presentations/verify", self._verify_presentation),
            ]
        )
        return app

    @classmethod
    def of(cls, signers: Sequence[Signer], bundle: Bundle, clock: Clock) -> Self:
        """A face with these keys, each under the cryptosuite that it makes."""
        return cls(signers={SUITES[signer.alg]: signer for signer in signers}, bundle=bundle, clock=clock)

    def issuers(self, address: str) -> JsonObject:
        """Cryptosuite -> who issues there, and where."""
        return {
            suite: {"id": did_of_key(signer.key_id), "endpoint": f"{address}/issuers/{suite}/credentials/issue"}
            for suite, signer in self.signers.items()
        }

    async def _issuers(self, request: web.Request) -> web.Response:
        return json_response(self.issuers(f"http://{request.host}"))

    async def _issue(self, request: web.Request) -> web.Response:
        """Sign; what our own verifier would not take is not given out."""
        signer = self.signers.get(request.match_info["suite"])
        if signer is None:
            raise NotFound(f"there is no such issuer; there are {', '.join(self.signers)}")
        credential = _member(await _body(request), "credential")
        if "proof" in credential:
            raise BadInput("the credential has a proof already")
        now = self.clock.now()
        unproved = prepare_proof(credential, key_id=signer.key_id, alg=signer.alg, created=now)
        issued = attach_proof(unproved, await signer.sign(unproved.message))
        report = self._report(issued.octets)
        if any(check.outcome != "passed" for check in report.checks if check.step <= _LAST_OF_PROOF):
            return _answer([report], with_status=False)
        return web.Response(body=issued.octets, status=_CREATED, content_type="application/vc")

    async def _verify(self, request: web.Request) -> web.Response:
        body = await _body(request)
        report = self._report(_shown_alone(body.get("verifiableCredential")), selective=True)
        return _answer([report], with_status=_with_status(_options(body)))

    async def _verify_presentation(self, request: web.Request) -> web.Response:
        body = await _body(request)
        options, presented = _options(body), _member(body, "verifiablePresentation")
        expected = Expected(
            domain=_text(options, "domain"), challenge=_text(options, "challenge"), contexts=self.bundle.known_contexts
        )  # fmt: skip
        credentials = verify_proved(canonical(presented), document_in, expected, self.clock.now())
        return _answer([self._report(octets) for octets in credentials], with_status=_with_status(options))

    def _report(self, octets: bytes, *, selective: bool = False) -> Report:
        now, issuer = self.clock.now(), needs(octets, selective=selective).issuer
        material = Material(
            documents={issuer: _document(issuer)} if issuer else {}, trusted_issuers=None,
            contexts=self.bundle.known_contexts, check_shape=self._check_shape,
            challenge=Challenge() if selective else None,
        )  # fmt: skip
        return verify(octets, at=now, now=now, material=material)

    def _check_shape(self, kind: str, document: JsonObject) -> list[Finding]:
        """Types that the vocabulary does not have could be anything."""
        return self.bundle.check(kind, document) if kind in self.bundle.record_types else []


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody from outside, whatever name of this machine they use; no page of a browser.

    What is refused of a credential is a 400.
    """
    if not by_loopback_name(request):
        raise NotAllowed("this is a development face of this machine alone", hint="ask localhost")
    if request.method == "POST" and request.content_type != _JSON:
        raise BadInput(f"the body is to be {_JSON}")
    try:
        return await handler(request)
    except Refused as error:
        return _no([{"code": error.reason, "message": error.detail}], [])


async def _body(request: web.Request) -> JsonObject:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return admit_message(await request.read(), _LIMIT_BYTES)
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"at most {_LIMIT_BYTES} bytes are accepted") from None
    except TimeoutError:
        raise Unavailable(f"the body did not come within {_BODY_SECONDS:g} seconds") from None


def _shown_alone(entry: Json) -> bytes:
    """A credential that is not in a presentation may be an SD-JWT, too: compact, or enveloped (VC-JOSE-COSE 3.2)."""
    match entry:
        case {"type": "EnvelopedVerifiableCredential" | ["EnvelopedVerifiableCredential"], "id": str(url)}:
            if url.startswith(_SD_JWT_URL):
                return url.removeprefix(_SD_JWT_URL).encode()
    return octets_of(entry)


def _member(body: JsonObject, name: str) -> JsonObject:
    found = body.get(name)
    if not isinstance(found, dict):
        raise BadInput(f"{name} is missing", hint=f'send {{"{name}": {{...}}}}')
    return found


def _options(body: JsonObject) -> JsonObject:
    return _member(body, "options") if "options" in body else {}


def _text(options: JsonObject, name: str) -> str | None:
    found = options.get(name)
    if found is not None and not isinstance(found, str):
        raise BadInput(f"{name} is not a text")
    return found


def _with_status(options: JsonObject) -> bool:
    """Whether a status counts: it does unless the caller names the checks, and status is none of them."""
    checks = options.get("checks")
    return not isinstance(checks, list) or not checks or "credentialStatus" in checks


def _document(did: Did) -> DidDocument | Unobtained:
    try:
        return document_in(did)
    except Refused as error:
        return Unobtained(reason=f"only did:key is resolved here: {error.detail}")


def _answer(reports: Sequence[Report], *, with_status: bool) -> web.Response:
    """200 where nothing failed or was left open, else 400 with what it was."""
    errors: list[Json] = [
        {"code": check.code, "message": f"{check.name}: {check.detail}"}
        for report in reports
        for check in report.checks
        if check.outcome in {"failed", "unchecked"} and (with_status or check.name != "status")
    ]
    results: list[Json] = [report.as_json() for report in reports]
    return _no(errors, results) if errors else json_response({"verified": True, "results": results})


def _no(errors: list[Json], results: list[Json]) -> web.Response:
    return json_response({"verified": False, "errors": errors, "results": results}, _BAD)
