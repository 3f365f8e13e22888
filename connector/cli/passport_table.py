"""How `passport view` is shown to people."""

from __future__ import annotations

from connector.cli.tables import say, show_table
from connector.vocabulary.terms import Terms
from connector.vocabulary.views import Audience, View
from connector.vocabulary.wording import in_words


def show_view(made: View, audience: Audience, terms: Terms) -> None:
    """The values that the audience sees, and of which classes something is kept back."""
    say(f"{made.record_type} as seen by: {audience.value} ({', '.join(sorted(made.classes))})", "bold")
    if made.ended:
        say("this passport has ended")
    rows = [(terms.term(one.about, one.term).label, in_words(one.value), one.access, one.level) for one in made.values]
    show_table(("what", "value", "class", "level"), rows)
    if made.withheld:
        say(f"withheld: values of class {', '.join(sorted(made.withheld))}", "dim")
