"""What a holder may leave out of a credential that we issue: the places, held against the document, and the securing.

For `publish`, where somebody asked for it (`credential issue --disclosable`). How such a token is made and read is
`credentials/disclosing`'s and `sd_jwt`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from connector.credentials.datamodel import parse_credential
from connector.credentials.disclosing import SUBJECT, attach, conceal, may_be_left_out, prepare, value_at
from connector.credentials.sd_jwt import SdJwt
from connector.credentials.signing import Signer
from connector.exchange.pointers import without
from connector.exchange.rows import CredentialRow
from connector.model import Finding, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class InPart:
    """The places, as JSON pointers within the subject; decoys beside them; and to whose key it is bound, if to any."""

    pointers: tuple[str, ...]
    decoys: int = 0
    holder_key: JsonObject | None = None
    salt: Callable[[], str]

    def problems(
        self, subject: JsonObject, parts: Iterable[JsonObject], check: Callable[[JsonObject], list[Finding]]
    ) -> list[Finding]:
        """Places that there are not, and values that the shape asks for: without them nobody could call it complete."""
        listed = list(parts)
        fixed = [one for one in self.pointers if not may_be_left_out(f"{SUBJECT}{one}")]
        if fixed:
            hint = "leave it in the clear"
            text = "what something is says the issuer, not the holder"
            return [Finding(code="not-disclosable", message=f"{one}: {text}", hint=hint) for one in fixed]
        lost = [one for one in self.pointers if not any(self._same(subject, part, one) for part in listed)]
        if lost:
            hint = "a place of one value, such as name or identifier/0/value; see the claim file"
            return [
                Finding(code="no-such-place", message=f"the subject has no value at {one}", hint=hint) for one in lost
            ]
        return [
            Finding(
                code="not-disclosable", term=finding.term,
                message=f"a holder who leaves it out shows what is incomplete: {finding.message}",
                hint="leave this value in the clear",
            )
            for finding in check(without(subject, self.pointers))
        ]  # fmt: skip

    async def secured(self, subject: JsonObject, payload: JsonObject, signer: Signer) -> bytes:
        """The credential of a part of the subject, with all its disclosures."""
        part = payload["credentialSubject"]
        assert isinstance(part, dict)
        places = [f"{SUBJECT}{one}" for one in self.pointers if self._same(subject, part, one)]
        bound: JsonObject = {"cnf": {"jwk": self.holder_key}} if self.holder_key else {}
        salts, decoys = ([self.salt() for _ in range(count)] for count in (len(places), self.decoys))
        claims, texts = conceal({**payload, **bound}, places, salts, decoys)
        signed = prepare(claims, key_id=signer.key_id, alg=signer.alg)
        return attach(signed, await signer.sign(signed), texts)

    def is_that_of(self, rows: Sequence[CredentialRow]) -> bool:
        """Whether these are what is asked for now: the same places, bound to the same key."""
        places: set[str] = set()
        keys: list[JsonObject | None] = []
        for row in rows:
            secured = parse_credential(row.octets, selective=True).securing
            if isinstance(secured, SdJwt):
                places |= secured.places.keys()
                bound = secured.claims().get("cnf")
                jwk = bound.get("jwk") if isinstance(bound, dict) else None
                keys.append(jwk if isinstance(jwk, dict) else None)
        return places == {f"{SUBJECT}{one}" for one in self.pointers} and all(one == self.holder_key for one in keys)

    @staticmethod
    def _same(subject: JsonObject, part: JsonObject, pointer: str) -> bool:
        """Whether the part holds the whole value of this place: a part has the values of one class and level."""
        return value_at(part, pointer) is not None and value_at(part, pointer) == value_at(subject, pointer)
