"""What the outside signers sign: claims as JSON for `credential issue`, and the laboratory's LIMS exports.

A claims file is the credential's subject. Two ids are minted by others, so that they stand here as places to fill:
`{facility}` in permit and attestation, the id that the mine gives its site (it stands in the mapped facility record),
and `{battery}` in the mandate, the id of the battery that the auditor starts from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import TypeAlias

from .flat import Files
from .lims import assay_export, results
from .masses import METALS, Ledger
from .party import COMPANIES, NAMES, SITES, number

Claim: TypeAlias = "str | list[Claim] | dict[str, Claim]"

ROLES = {
    "mine": "mine",
    "refiner": "refiner",
    "cathode": "cathodeMaker",
    "cell": "cellMaker",
    "car": "economicOperator",
    "recycler": "recycler",
    "auditor": "auditor",
    "competitor": "trader",
}
PURPOSES = {"recycler": "recycling", "auditor": "audit"}
ORDERS = {"mine": date(2026, 7, 24), "refiner": date(2026, 9, 25), "recycler": date(2026, 10, 18),
          "cathode": date(2026, 11, 29)}  # fmt: skip
"""The laboratory's clients, and when their results were printed."""


def membership(dids: Mapping[str, str]) -> Files:
    """Membership and role of every company, and the auditor's mandate."""
    found: Files = {}
    for place, company in enumerate(COMPANIES, start=1):
        found[f"member-{company}.json"] = _json(
            {
                "id": dids[company],
                "type": "Party",
                "memberOf": NAMES["membership"],
                "membershipNumber": f"BCA-{place:04d}",
                "memberSince": "2025-01-01",
            }
        )
        found[f"role-{company}.json"] = _json(
            {
                "id": dids[company],
                "type": "Party",
                "role": [ROLES[company]],
                "purpose": [PURPOSES.get(company, "production")],
            }
        )
    found["mandate-auditor.json"] = _json(
        {
            "id": dids["auditor"],
            "type": "Party",
            "mandateRole": "auditor",
            "chainRoot": ["{battery}"],
            "accessClassGranted": ["PUB", "LI", "AUTH", "LI+AUTH", "B2B", "ORG"],
            "purpose": ["audit"],
            "periodStart": "2024-01-01T00:00:00Z",
            "periodEnd": "2027-04-01T00:00:00Z",
        }
    )
    return found


def authority(dids: Mapping[str, str]) -> Files:
    """The mine's permit."""
    return {
        "permit-mine.json": _json(
            {
                "id": "{facility}",
                "type": "Facility",
                "identifier": _identifiers(
                    ("permitNumber", SITES["mine"].permit), ("facilityId", SITES["mine"].number)
                ),
                "permitNumber": SITES["mine"].permit,
                "permitHolder": dids["mine"],
                "mineral": ["Ni", "Co"],
                "validity": {"type": "Period", "start": "2019-05-01T00:00:00Z", "end": "2039-05-01T00:00:00Z"},
            }
        )
    }


def certifier(dids: Mapping[str, str]) -> Files:
    """The attestation of the mine's site under a scheme."""
    return {
        "scheme-mine.json": _json(
            {
                "id": "{facility}",
                "type": "Facility",
                "identifier": _identifiers(
                    ("certificateNumber", SITES["mine"].scheme), ("facilityId", SITES["mine"].number)
                ),
                "scheme": "Responsible Sites Mining Standard",
                "schemeVersion": "2.1",
                "scope": "pit, leach plant and tailings store",
                "score": "74 of 100",
                "assessedOn": "2025-10-09",
                "validity": {"type": "Period", "start": "2025-11-01T00:00:00Z", "end": "2028-11-01T00:00:00Z"},
                "assurance": {
                    "type": "Assurance",
                    "party": "third",
                    "level": "certified",
                    "verifier": dids["certifier"],
                },
            }
        )
    }


def laboratory(ledgers: Mapping[str, Ledger]) -> Files:
    """One LIMS export per client's order."""
    return {
        f"LIMS_{client}.csv": assay_export(
            f"{NAMES['laboratory']}, order of {NAMES[client]}",
            "ISO 17025 T-118, ICP-OES",
            printed,
            METALS,
            results(ledgers[client].lots, METALS, third_party=True, client=number("laboratory", client)),
        )
        for client, printed in ORDERS.items()
    }


def _identifiers(*pairs: tuple[str, str]) -> Claim:
    return [{"type": "Identifier", "scheme": scheme, "value": value} for scheme, value in pairs]


def _json(claims: dict[str, Claim]) -> bytes:
    return (json.dumps(claims, ensure_ascii=False, indent=2) + "\n").encode()
