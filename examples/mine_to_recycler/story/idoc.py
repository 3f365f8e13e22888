"""IDocs as XML (basic type DELVRY07): delivery header, partners, dates, items, and a customer segment per metal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape

from .columns import IDOC, written
from .tables import Cell, Row


def _field(name: str, cell: Cell, style: str = "") -> str:
    return f"<{name}>{escape(written(cell, style, IDOC))}</{name}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A kind of delivery, and which columns of the table hold its number, the ship-to (WE) and the vendor (LF)."""

    kind: str
    number: str
    ship_to: str
    vendor: str


OUTBOUND = Message(kind="DESADV", number="note", ship_to="partner", vendor="self")
INBOUND = Message(kind="SHPCON", number="receipt", ship_to="self", vendor="partner")


def deliveries(rows: Sequence[Row], message: Message, metals: Sequence[str], first: int) -> bytes:
    """One IDoc per delivery."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', "<DELVRY07>"]
    for place, (_, items) in enumerate(groupby(rows, key=lambda row: row[message.number])):
        parts.extend(_document(list(items), f"{first + place:016d}", message, metals))
    parts.append("</DELVRY07>")
    return ("\n".join(parts) + "\n").encode()


def _document(items: list[Row], docnum: str, message: Message, metals: Sequence[str]) -> list[str]:
    head = items[0]
    control = (
        f"<TABNAM>EDI_DC40</TABNAM><MANDT>100</MANDT>{_field('DOCNUM', docnum)}<IDOCTYP>DELVRY07</IDOCTYP>"
        f"{_field('MESTYP', message.kind)}"
    )
    partners = (("WE", head[message.ship_to]), ("LF", head[message.vendor]))
    day = f"{_field('NTANF', head['at'], 'day')}{_field('NTANZ', head['at'], 'hour')}"
    lines = [
        '  <IDOC BEGIN="1">',
        f'    <EDI_DC40 SEGMENT="1">{control}</EDI_DC40>',
        '    <E1EDL20 SEGMENT="1">',
        f"      {_field('VBELN', head[message.number])}{_field('VSTEL', head['site'])}{_field('LIFEX', head['note'])}",
    ]
    lines.extend(
        f'      <E1ADRM1 SEGMENT="1">{_field("PARTNER_Q", function)}{_field("PARTNER_ID", partner)}</E1ADRM1>'
        for function, partner in partners
    )
    lines.append(f'      <E1EDT13 SEGMENT="1"><QUALF>006</QUALF>{day}</E1EDT13>')
    for item in items:
        lines.extend(_item(item, metals))
    lines.extend(("    </E1EDL20>", "  </IDOC>"))
    return lines


def _item(item: Row, metals: Sequence[str]) -> list[str]:
    goods = f"{_field('POSNR', item['position'])}{_field('MATNR', item['material'])}{_field('CHARG', item['lot'])}"
    lines = [
        '      <E1EDL24 SEGMENT="1">',
        f"        {goods}{_field('LFIMG', item['net'], 'kg')}<VRKME>KGM</VRKME>",
    ]
    if "attested" in item:
        lines.append(f"        {_field('ZZSIGN', item['signed'])}{_field('ZZNACHW', item['attested'])}")
    for metal in metals:
        if metal in item:
            mass = f"{_field('INHALT', item[metal], 'kg')}{_field('UNSICH', item[f'{metal}_u'], 'kg')}"
            lines.append(f'        <Z1EDL24M SEGMENT="1">{_field("METALL", metal)}{mass}<MEINS>KGM</MEINS></Z1EDL24M>')
    lines.append("      </E1EDL24>")
    return lines
