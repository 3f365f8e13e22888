"""Quantities of a plan bound to columns: measured values, contained mass, sums."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from connector.mapping.binding import At, Binder, Made
from connector.mapping.columns import Frame, Ref, Scope
from connector.mapping.converters import bound, locale_of, number_reader, stored_or_written
from connector.mapping.numerals import spell_decimal
from connector.mapping.quantities import Measured, contained, node, percent_of, total
from connector.mapping.shape import AnyValue, Contained, ContainedUncertainty, From, Sum, SumOver, Uncertainty
from connector.mapping.spelling import refuse
from connector.mapping.unfit import Unfit
from connector.mapping.units import UNITS, convert, unit
from connector.model import JsonObject

Measure = Callable[[Frame], Measured | None]
Amount = Callable[[Frame], Decimal | None]
_PERCENT = "P1"
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def _spread(rule: Uncertainty | None, amount: Amount | None) -> Callable[[Frame, Decimal], Decimal | None]:
    if rule is None or amount is None:
        return lambda _frame, _value: None
    if rule.percent is None:
        return lambda frame, _value: amount(frame)

    def relative(frame: Frame, value: Decimal) -> Decimal | None:
        percent = amount(frame)
        return None if percent is None else percent_of(value, percent)

    return relative


class MeasureBinder(Binder):
    """Binds quantities."""

    def measure(self, value: AnyValue, scope: Scope, at: At) -> tuple[Measure, tuple[Ref, ...]]:
        """A quantity as a number, its unit and uncertainty, guarded."""
        if isinstance(value, Contained):
            make, refs, to = *self._contained(value, scope, at), value.to
        elif isinstance(value, Sum):
            make, refs, to = *self._sum(value, scope, at), value.to
        elif isinstance(value, From) and value.unit is not None:
            make, refs, to = *self._measured(value, scope, at), value.to
        else:
            raise refuse("Here stands a quantity: a value with its `unit`.", value.line)
        if to is not None:
            make = _to(make, self._code(to, value.line))
        return self.conditional(value, make, refs, scope, at), refs

    def quantity(self, value: From | Contained | Sum, scope: Scope, at: At) -> Made:
        """A Quantity node."""
        places = value.round
        terms = (
            [(t, self.plain(v, scope, at.term(t))[0]) for t, v in value.quantity_terms().items()]
            if isinstance(value, From)
            else []
        )
        simple = self._simple(value, scope, at) if isinstance(value, From) and not terms else None
        if simple is not None:
            return simple
        measure, refs = self.measure(value, scope, at)
        self.trace(at.term("value"), refs)

        def make(frame: Frame) -> JsonObject | None:
            measured = measure(frame)
            if measured is None:
                return None
            out = node(measured, places)
            for term, further in terms:
                found = further(frame)
                if found is not None:
                    out[term] = found
            return out

        return Made(self.guard(make, refs, at), refs=refs)

    def _simple(self, spec: From, scope: Scope, at: At) -> Made | None:
        """The fast path: a number without uncertainty, and not rounded, is a decimal only where it is converted."""
        if spec.below_detection or spec.uncertainty or spec.round is not None or spec.default is not None:
            return None
        get, refs, owner = self.template(spec.from_, scope, spec)
        read = self.watched(spec, refs, owner, number_reader(spec, owner.source))
        percent = number_reader(spec, owner.source, unit=_PERCENT)
        units, unit_refs = self._unit(spec, scope, at.term("unit"))
        target = None if spec.to is None else self._code(spec.to, spec.line)
        self.trace(at.term("value"), refs)
        fixed = spec.unit if isinstance(spec.unit, str) and target in {None, spec.unit} else None

        own = (
            refs[0].index
            if fixed and not owner.source.has_lists and len(refs) == 1 and refs[0].own and spec.from_ == refs[0].column
            else -1
        )
        if own >= 0:
            plain = _fixed(own, read, fixed)
            return Made(self.conditional(spec, plain, refs, scope, at), refs=refs)

        def make(frame: Frame) -> JsonObject | None:
            text = get(frame)
            if not text:
                return None
            code = fixed or (units(frame) if text[-1:] == "%" else "")
            number = (percent if code == _PERCENT else read)(text)
            code = code or units(frame)
            if code is None:
                return None
            if target is not None and code != target:
                number, code = spell_decimal(convert(Decimal(number), code, target)), target
            return {"type": "Quantity", "value": number, "unit": code}

        return Made(self.conditional(spec, make, refs + unit_refs, scope, at), refs=refs + unit_refs)

    def _measured(self, spec: From, scope: Scope, at: At) -> tuple[Measure, tuple[Ref, ...]]:
        get, refs, owner = self.template(spec.from_, scope, spec)
        read = self.watched(spec, refs, owner, number_reader(spec, owner.source))
        percent = number_reader(spec, owner.source, unit=_PERCENT)
        units, unit_refs = self._unit(spec, scope, at.term("unit"))
        rule = spec.uncertainty
        written = None if rule is None else rule.percent or rule.absolute or rule.from_
        spread = _spread(rule, self._amount(written, scope, at.term("uncertainty"), spec))
        stated = rule is not None and rule.percent is None
        limit, default = spec.below_detection, bound(spec.default, spec.line)

        def make(frame: Frame) -> Measured | None:
            text = get(frame)
            below = limit and text[:1] == "<"
            if not text and default is None:
                return None
            code = units(frame) if text[-1:] == "%" else ""
            number = percent if code == _PERCENT else read
            value = Decimal(number(text[1:].strip() if below else text)) if text else default or Decimal(0)
            code = code or units(frame)
            return None if code is None else Measured(value, code, spread(frame, value), below, stated)

        return make, refs + unit_refs

    def _unit(self, spec: From, scope: Scope, at: At) -> tuple[Callable[[Frame], str | None], tuple[Ref, ...]]:
        if isinstance(spec.unit, str):
            code = self._code(spec.unit, spec.line)
            return (lambda _: code), ()
        assert spec.unit is not None
        get, refs, _ = self.plain(spec.unit, scope, at)

        def read(frame: Frame) -> str | None:
            told = len(frame.draft.findings)
            found = get(frame)
            if found is None:
                if len(frame.draft.findings) > told:
                    return None  # what is wrong with the unit is told already
                raise Unfit("unit-missing", "The number has no unit.")
            return unit(found).code

        return read, refs

    def _code(self, code: str, line: int) -> str:
        if code not in UNITS:
            hint = "a code of UN/ECE Rec 20 (KGM, P1, KWH ...); from a column: {from: COLUMN, codes: sap-units}"
            raise refuse(f"`{code}` is no unit that is known here.", line, hint=hint)
        return code

    def _amount(self, value: AnyValue | str | None, scope: Scope, at: At, rule: From) -> Amount | None:
        """A number that the plan states, or a column's."""
        if value is None:
            return None
        written = value if isinstance(value, str) else value.from_ if isinstance(value, From) else ""
        if _DECIMAL.fullmatch(written):
            fixed = Decimal(written)
            return lambda _: fixed
        if not isinstance(value, str) and not isinstance(value, From):
            raise refuse("Here stands a number or a column.", rule.line)
        get, refs, owner = self.template(written, scope, rule)
        spec = value if isinstance(value, From) else rule
        read = stored_or_written(locale_of(spec, owner.source), owner.source)
        self.trace(at, refs)

        def amount(frame: Frame) -> Decimal | None:
            text = get(frame)
            return abs(Decimal(read(text))) if text else None

        return self.guard(amount, refs, at)

    def _percents(
        self, rule: ContainedUncertainty | None, scope: Scope, at: At, spec: From
    ) -> Callable[[Frame], tuple[Decimal | None, Decimal | None]]:
        if rule is None:
            return lambda _: (None, None)
        weighing = self._amount(rule.weighing_percent, scope, at, spec)
        assay = self._amount(rule.assay_percent, scope, at, spec)
        return lambda frame: (weighing(frame) if weighing else None, assay(frame) if assay else None)

    def _contained(self, rule: Contained, scope: Scope, at: At) -> tuple[Measure, tuple[Ref, ...]]:
        parts = rule.contained
        mass, mass_refs = self.measure(parts.of, scope, at)
        fraction, fraction_refs = self.measure(parts.fraction, scope, at)
        wet, wet_refs = self.measure(parts.moisture, scope, at) if parts.moisture is not None else (None, ())
        spec = parts.of if isinstance(parts.of, From) else From(from_="=", line=rule.line)
        percents = self._percents(parts.uncertainty, scope, at.term("uncertainty"), spec)

        def make(frame: Frame) -> Measured | None:
            whole, share, water = mass(frame), fraction(frame), wet(frame) if wet else None
            if whole is None or share is None or (wet and water is None):
                return None  # of a wet mass whose water nobody measured, what it holds is not known either
            return contained(whole, share, water, percents(frame))

        return make, mass_refs + fraction_refs + wet_refs

    def _sum(self, rule: Sum, scope: Scope, at: At) -> tuple[Measure, tuple[Ref, ...]]:
        code = self._code(rule.to, rule.line)
        if isinstance(rule.sum, SumOver):
            inner, below = self.join(rule.sum, scope, at)
            member = at.member()  # its columns are those of the joined rows
            measure, refs = self.measure(rule.sum.of, inner, member)
            self.trace(member.term("value"), refs)
            suffix, template = at.suffix, member.template

            def over(frame: Frame) -> Measured | None:
                parts = []
                for each in below(frame):
                    if (part := measure(each)) is not None:
                        frame.draft.trail.append((each.at(frame.prefix + suffix), template))
                        parts.append(part)
                return total(parts, code) if parts else None

            return over, ()
        bound_parts = [self.measure(part, scope, at) for part in rule.sum]

        def make(frame: Frame) -> Measured | None:
            parts = [part for each, _ in bound_parts if (part := each(frame)) is not None]
            return total(parts, code) if parts else None

        return make, tuple(ref for _, refs in bound_parts for ref in refs)


def _fixed(index: int, read: Callable[[str], str], code: str | None) -> Callable[[Frame], JsonObject | None]:
    """The commonest value: a number of the row, in one unit."""

    def make(frame: Frame) -> JsonObject | None:
        text = frame.cells[index]
        return {"type": "Quantity", "value": read(text), "unit": code} if text else None

    return make


def _to(make: Measure, code: str) -> Measure:
    def converted(frame: Frame) -> Measured | None:
        measured = make(frame)
        return None if measured is None else measured.to(code)

    return converted
