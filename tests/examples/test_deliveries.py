"""One delivery in every format that a plan reads it from: the same document comes out, and a first plan is proposed."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from connector.credentials import ids
from connector.mapping.engine import Mapped, run
from connector.mapping.naming import misnamed
from connector.mapping.plan import parse
from connector.mapping.proposal import parties_in, propose
from connector.peers.files import Exports
from connector.vocabulary.bundle import Bundle, load_headings
from tests.core.mapping.trial import file

FOLDER = Path("examples/deliveries")
EXPORTS = FOLDER / "exports"
mint = partial(ids.mint, bytes(32), "")
FORMATS = sorted(path.stem for path in (FOLDER / "plans").glob("*.yaml"))
PROPOSED = {
    "DESADV_20261130.edi": (
        "format: edifact, record: DESADV/CPS/LIN", "key: BGM/1004 ", "{scheme: deliveryNote, value: BGM/1004}",
        '    product: {mint: MaterialLot, key: "PIA[NB]/7140"}',
        '    quantity: {from: "QTY[12]/6060", unit: {from: "QTY[12]/6411", codes: iso-units}}',
        '  toParty: {from: "NAD[ST]/3039", codes: parties}',
        '  eventTime: {from: "DTM[11]/2380", datetime: "%Y%m%d%H%M", zone: UTC}',
    ),
    "DELVRY_20261130.idoc": (
        "format: idoc, layout: DELVRY07_layout.txt, record: IDOC/E1EDL20/E1EDL24", "key: VBELN ",
        "    product: {mint: MaterialLot, key: CHARG}",
        "    quantity: {from: LFIMG, unit: {from: VRKME, codes: iso-units}}",
        '  toParty: {from: "E1ADRM1[WE]/PARTNER_ID", codes: parties}',
    ),
    "ASN_20261130.x12": (
        'format: x12, record: "856/S/O/I"', "key: BSN/02 ", "{scheme: deliveryNote, value: BSN/02}",
        '    product: {mint: MaterialLot, key: "LIN[LT]/03"}',
        "    quantity: {from: SN1/02, unit: {from: SN1/03, codes: sap-units}}",
        '  toParty: {from: "N1[ST]/04", codes: parties}',
    ),
}  # fmt: skip


def mapped_from(name: str) -> Mapped:
    """The one document of an example plan over the example exports."""
    plan = parse((FOLDER / "plans" / f"{name}.yaml").read_bytes())
    result = run(plan, asyncio.run(Exports().read(plan, EXPORTS)), mint=mint)
    assert result.findings == ()
    (mapped,) = result.mapped
    return mapped


@pytest.mark.parametrize("name", FORMATS)
def test_a_plan_makes_the_delivery(bundle: Bundle, name: str) -> None:
    """It fits the vocabulary, each of its values leads to a cell, and it is the same whatever it came in."""
    mapped = mapped_from(name)
    assert list(bundle.check_mapped(mapped.record_type, mapped.subject)) == []
    assert mapped.subject == mapped_from(FORMATS[0]).subject
    assert [(link.scheme, link.value) for link in mapped.links] == [
        ("facilityId", "2200"), ("lotNumber", "K26110007"), ("lotNumber", "K26110008"),
    ]  # fmt: skip
    cells = mapped.lineage.cells()
    assert {"/eventTime", "/toParty", "/moved/1/quantity/value"} <= set(cells)
    assert all(cell.line > 0 for listed in cells.values() for cell in listed)


@pytest.mark.parametrize("name", PROPOSED)
def test_a_plan_is_proposed(bundle: Bundle, name: str) -> None:
    """The messages and groups are seen, the elements known by their names; what is proposed is a plan that runs."""
    export = file(name, (EXPORTS / name).read_bytes())
    layout = file("DELVRY07_layout.txt", (EXPORTS / "DELVRY07_layout.txt").read_bytes())
    parties = parties_in(file("parties.csv", (EXPORTS / "parties.csv").read_bytes()))
    text = propose(
        export, "MoveEvent", terms=bundle.terms, shapes=bundle.shapes, headings=load_headings(), parties=parties,
        zone="UTC", beside=[layout],
    ).plan  # fmt: skip
    assert [wanted for wanted in PROPOSED[name] if wanted not in text] == []
    plan = parse(text.encode())
    assert {finding.code for finding in misnamed(plan, bundle.terms, bundle.shapes)} <= {"missing-term"}
    source = next(iter(plan.sources))
    numbers = file("parties.csv", (EXPORTS / "parties.csv").read_bytes())
    result = run(plan, {source: [export], f"{source}.layout": [layout], "parties": [numbers]}, mint=mint)
    assert (result.findings, result.documents) == ((), 1)
