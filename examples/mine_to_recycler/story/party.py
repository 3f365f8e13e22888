"""Who is who: companies, outside signers, and the number that each company's system has for the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COMPANIES = ("mine", "refiner", "cathode", "cell", "car", "recycler", "auditor", "competitor")
SIGNERS = ("membership", "authority", "laboratory", "certifier")

NAMES: Mapping[str, str] = {
    "mine": "Tunturi Nickel-Cobalt Oy",
    "refiner": "Harjav\u00e4rvi Sulphates Oy",
    "cathode": "Wesertal Kathoden GmbH",
    "cell": "Cellules du Littoral SAS",
    "car": "Corvina Motors AG",
    "recycler": "Emscher R\u00fcckgewinnung GmbH",
    "auditor": "Delta Assurance B.V.",
    "competitor": "Hafen Metallhandel GmbH",
    "membership": "Battery Chain Association",
    "authority": "Mining Register of the North",
    "laboratory": "Nordgrid Laboratories Oy",
    "certifier": "Responsible Sites Certification Ltd",
    "second-mine": "Tarvas Minerals",
    "lithium": "Salar Qu\u00edmica",
    "manganese": "Mangan Handel AG",
    "old-cathode": "Nordic CAM AB",
    "collection-point": "Altfahrzeug-Annahme Unna",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A plant."""

    number: str
    name: str
    kind: str
    country: str
    street: str
    postcode: str
    town: str
    minerals: str
    permit: str = ""
    scheme: str = ""


SITES: Mapping[str, Site] = {
    "mine": Site(
        number="TU-01", name="Tunturi pit and leach plant", kind="mine", country="FI", street="Kaivostie 1",
        postcode="09870", town="Tunturila", minerals="Ni/Co", permit="KAIV-2019-0417", scheme="RSC-MS-24-0088",
    ),
    "refiner": Site(
        number="0110", name="Werk 0110 Sulphate plant", kind="refinery", country="FI", street="Teollisuuskatu 14",
        postcode="00290", town="Harjav\u00e4rvi", minerals="Ni/Co",
    ),
    "cathode": Site(
        number="2200", name="Kathodenwerk Hameln", kind="cathodePlant", country="DE", street="Weserufer 9",
        postcode="31785", town="Hameln", minerals="Ni/Co/Mn/Li",
    ),
    "cell": Site(
        number="CV1", name="Usine de cellules CV1", kind="cellPlant", country="FR", street="12 quai des Dunes",
        postcode="59140", town="Dunkerque", minerals="Ni/Co/Mn/Li",
    ),
    "car": Site(
        number="0040", name="Batteriemontage Werk 40", kind="packPlant", country="DE", street="Werkring 40",
        postcode="01099", town="Dresden", minerals="",
    ),
    "recycler": Site(
        number="HM", name="Hydrometallurgie Marl", kind="recyclingPlant", country="DE", street="Zechenweg 3",
        postcode="45772", town="Marl", minerals="Ni/Co/Li",
    ),
}  # fmt: skip

PARTNERS: Mapping[str, Mapping[str, str]] = {
    "mine": {
        "mine": "00001", "refiner": "00318", "laboratory": "00702", "authority": "00010", "certifier": "00711",
    },
    "refiner": {
        "refiner": "0000000110", "mine": "0000104711", "second-mine": "0000104790", "cathode": "0000200834",
        "laboratory": "0000104920",
    },
    "cathode": {
        "cathode": "0000002200", "refiner": "0000301120", "recycler": "0000301177", "lithium": "0000301205",
        "manganese": "0000301206", "cell": "0000410002", "laboratory": "0000301310",
    },
    "cell": {"cell": "CV", "cathode": "F00017", "old-cathode": "F00011", "recycler": "C00402", "car": "C00115"},
    "car": {"car": "0000000040", "cell": "0000700031", "recycler": "0000700115"},
    "recycler": {
        "recycler": "K-0001", "cathode": "K-0874", "cell": "K-1120", "car": "H-0009", "collection-point": "S-0031",
        "laboratory": "L-0003", "certifier": "L-0019",
    },
    "laboratory": {"laboratory": "NG", "mine": "10441", "refiner": "10512", "cathode": "10688", "recycler": "10703"},
}  # fmt: skip
"""Company -> partner -> its number there. Whoever takes part gets a line in that company's `parties.csv`."""


def number(company: str, partner: str) -> str:
    """The partner's number in the company's system."""
    return PARTNERS[company][partner]


def parties_csv(company: str, dids: Mapping[str, str]) -> bytes:
    """The code list from partner number to DID: only participants have one."""
    lines = ["number,name,did"]
    lines.extend(
        f"{key},{NAMES[partner]},{dids[partner]}" for partner, key in PARTNERS[company].items() if partner in dids
    )
    return ("\n".join(lines) + "\n").encode()


def example_dids() -> dict[str, str]:
    """DIDs for reading and for tests; the demo puts in the ones that `init` made."""
    return {name: f"did:web:{name}.example" for name in (*COMPANIES, *SIGNERS)}
