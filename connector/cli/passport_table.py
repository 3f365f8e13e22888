"""How `passport view` and `passport check` are shown to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from connector.cli.tables import Cell, say, show_findings, show_table
from connector.model import Finding
from connector.vocabulary.completeness import Answer, Completeness, State
from connector.vocabulary.views import Audience, View

if TYPE_CHECKING:
    from connector.model import Json
    from connector.vocabulary.wording import Wording

_STYLES: Final = {
    State.MISSING: "bold red",
    State.PENDING: "yellow",
    State.PRESENT: "green",
    State.NOT_APPLICABLE: "dim",
}
"""In the order in which they are shown: what has to be done comes first."""


def show_view(made: View, audience: Audience, wording: Wording) -> None:
    """The values that the audience sees, and of which classes something is kept back."""
    say(f"{made.record_type} as seen by: {audience.value} ({', '.join(sorted(made.classes))})", "bold")
    if made.ended:
        say("this passport has ended")
    said = wording.value
    rows = [
        (wording.terms.term(one.about, one.term).label, said(one.value, one.about, one.term), one.access, one.level)
        for one in made.values
    ]
    show_table(("what", "value", "class", "level"), rows)
    if made.withheld:
        say(f"withheld: values of class {', '.join(sorted(made.withheld))}", "dim")


def show_completeness(made: Completeness, findings: Sequence[Finding]) -> None:
    """The answers grouped by outcome, with their counts."""
    say(f"{made.category}: {made.because}", "bold")
    say(f"by {made.edition.title} ({made.edition.reference}), known from {made.edition.known_from}", "dim")
    if made.owed:
        for state, style in _STYLES.items():
            _group(state, style, [answer for answer in made.answers if answer.state is state])
        say(", ".join(f"{count} {state.value}" for state, count in made.counts.items()))
    if findings:
        shown: list[Json] = [finding.as_json() for finding in findings]
        show_findings(shown)


def _group(state: State, style: str, answers: Sequence[Answer]) -> None:
    if not answers:
        return
    say(f"{state.value} ({len(answers)})", style)
    rows: list[tuple[Cell, ...]] = [
        (
            str(answer.point.number),
            answer.point.name,
            (answer.reason.value, style),
            answer.sentence,
            answer.otherwise,
        )
        for answer in answers
    ]
    differs = any(answer.otherwise for answer in answers)
    heads = ("point", "what", "reason", "because", "an earlier rule says")
    show_table(heads if differs else heads[:-1], rows if differs else [row[:-1] for row in rows])
