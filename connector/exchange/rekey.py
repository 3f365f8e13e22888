"""A change of our keys is put on record: which key, when, by whom, and what signs instead; keys by their thumbprints.

The change itself is the register's (`keys.register`), a file that is there without a connector; whoever made it says so
here, and what is written is read from our methods, not from what is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from connector.credentials.datamodel import time_text
from connector.credentials.own_methods import OwnKeys, named, signing
from connector.credentials.signing import thumbprint
from connector.errors import BadInput
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import EvidenceEntry
from connector.exchange.stored import micros
from connector.model import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekey:
    """The journey."""

    tenant: str
    store: Store
    keys: OwnKeys
    clock: Clock

    async def note(self, name: str, *, by: str) -> EvidenceEntry:
        """Put it on record that this key was made, or revoked; `by`: whoever is known to have done it.

        What is put beside it signed or signs for the same purpose, if there is one. `BadInput`: we have no such key.
        """
        # load
        now = self.clock.now()
        methods = self.keys.methods(now)
        # decide
        method = named(methods, name)
        gone = method.revoked
        if gone is None and method.published is None:
            raise BadInput(f"{name} is a key of the first day: nothing of it was changed")
        told: JsonObject = {
            "key": method.name, "purpose": method.purpose, "thumbprint": thumbprint(method.public_jwk), "by": by,
        }  # fmt: skip
        if gone is not None:
            told |= {"revoked": time_text(gone), "reason": method.reason}
        else:
            begun = {"published": method.published, "signs_from": method.signs_from}  # none: from the first day on
            told |= {name: time_text(moment) if moment else None for name, moment in begun.items()}
        others = [one for one in methods if one is not method and one.purpose == method.purpose]
        if any(one.revoked is None for one in others):
            other, role = signing(others, method.purpose, now), "former" if gone is None else "successor"
            told |= {role: other.name, f"{role}_thumbprint": thumbprint(other.public_jwk)}
        # commit
        event = "key-rotated" if gone is None else "key-revoked"
        entry = EvidenceEntry(tenant=self.tenant, at=micros(now), event=event, body=orjson.dumps(told))
        await self.store.append_evidence([entry])
        return entry
