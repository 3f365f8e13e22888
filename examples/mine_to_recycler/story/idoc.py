"""IDocs as XML (basic type DELVRY07): delivery header, partners, dates, items, and a customer segment per metal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from .columns import IDOC, written
from .tables import Cell, Row


def _field(name: str, cell: Cell, style: str = "") -> str:
    return f"<{name}>{escape(written(cell, style, IDOC))}</{name}>"


def deliveries(
    rows: Sequence[Row], *, message: str, partners: tuple[str, str], metals: Sequence[str], number: str, first: int
) -> bytes:
    """One IDoc per document. `number` is the table's column with the document's number; `partners` the table's columns
    with the ship-to (WE) and the vendor (LF).
    """
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', "<DELVRY07>"]
    for place, (_, items) in enumerate(groupby(rows, key=lambda row: row[number])):
        parts.extend(_document(list(items), f"{first + place:016d}", message, partners, metals, number))
    parts.append("</DELVRY07>")
    return ("\n".join(parts) + "\n").encode()


def _document(
    items: list[Row], docnum: str, message: str, partners: tuple[str, str], metals: Sequence[str], number: str
) -> list[str]:
    head = items[0]
    lines = [
        '  <IDOC BEGIN="1">',
        f'    <EDI_DC40 SEGMENT="1"><TABNAM>EDI_DC40</TABNAM><MANDT>100</MANDT>{_field("DOCNUM", docnum)}'
        f"<IDOCTYP>DELVRY07</IDOCTYP>{_field('MESTYP', message)}</EDI_DC40>",
        '    <E1EDL20 SEGMENT="1">',
        f"      {_field('VBELN', head[number])}{_field('VSTEL', head['site'])}{_field('LIFEX', head['note'])}",
        f'      <E1ADRM1 SEGMENT="1"><PARTNER_Q>WE</PARTNER_Q>{_field("PARTNER_ID", head[partners[0]])}</E1ADRM1>',
        f'      <E1ADRM1 SEGMENT="1"><PARTNER_Q>LF</PARTNER_Q>{_field("PARTNER_ID", head[partners[1]])}</E1ADRM1>',
        f'      <E1EDT13 SEGMENT="1"><QUALF>006</QUALF>{_field("NTANF", head["at"], "day")}'
        f"{_field('NTANZ', head['at'], 'hour')}</E1EDT13>",
    ]
    for item in items:
        lines.extend(_item(item, metals))
    lines.extend(("    </E1EDL20>", "  </IDOC>"))
    return lines


def _item(item: Row, metals: Sequence[str]) -> list[str]:
    lines = [
        '      <E1EDL24 SEGMENT="1">',
        f"        {_field('POSNR', item['position'])}{_field('MATNR', item['material'])}{_field('CHARG', item['lot'])}"
        f"{_field('LFIMG', item['net'], 'kg')}<VRKME>KGM</VRKME>",
    ]
    if "attested" in item:
        lines.append(f"        {_field('ZZSIGN', item['signed'])}{_field('ZZNACHW', item['attested'])}")
    lines.extend(
        f'        <Z1EDL24M SEGMENT="1">{_field("METALL", metal)}{_field("INHALT", item[metal], "kg")}'
        f"{_field('UNSICH', item[f'{metal}_u'], 'kg')}<MEINS>KGM</MEINS></Z1EDL24M>"
        for metal in metals
        if metal in item
    )
    lines.append("      </E1EDL24>")
    return lines
