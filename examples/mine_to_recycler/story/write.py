"""All files of the story: which company writes what, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import flat, nested, signers
from .model import Story
from .party import PARTNERS, example_dids, parties_csv


def files(story: Story, dids: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """Relative path -> bytes. `exports`: there from the start; `arrivals/NAME`: what comes into `exports` later on."""
    dids = example_dids() | dict(dids or {})
    ledgers = story.ledgers
    folders = {
        "mine/exports": flat.mine(ledgers["mine"]),
        "refiner/exports": flat.refiner(ledgers["refiner"], tampered=False),
        "cathode/exports": nested.cathode(ledgers["cathode"]),
        "recycler/exports": flat.recycler(ledgers["recycler"], story.certificates),
        "laboratory/exports": signers.laboratory(ledgers),
        "membership/claims": signers.membership(dids),
        "authority/claims": signers.authority(dids),
        "certifier/claims": signers.certifier(dids),
    }
    folders |= {f"cell/{folder}": found for folder, found in nested.cell(ledgers["cell"]).items()}
    folders |= {f"car/{folder}": found for folder, found in nested.car(ledgers["car"], story.scale).items()}
    if story.fault == "tampered":
        name = "LIMS_Sulfate_2026-09.csv"
        changed = flat.refiner(ledgers["refiner"], tampered=True)[name]
        folders["refiner/arrivals/tampered"] = {name: changed}
    for company in PARTNERS:
        folders[f"{company}/exports"]["parties.csv"] = parties_csv(company, dids)
    return {f"{folder}/{name}": data for folder, found in folders.items() for name, data in found.items()}


def write(story: Story, out: Path, dids: Mapping[str, str] | None = None) -> int:
    """Write them below `out`, and say how many."""
    found = files(story, dids)
    for name, data in found.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return len(found)
