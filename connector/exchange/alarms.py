"""When something is due in a process that nobody else begins: its patience, a reminder, a look at a started transfer.

Which of them stand is written with each step; what they do is the journeys'.
"""

from __future__ import annotations

from typing import Final

from connector.exchange.draft import Draft, Topic
from connector.exchange.rows import ProcessRow, TimerRow

PATIENCE: Final = "patience"
"""The timer that each process has until it is at rest."""
REMINDER: Final = "reminder"
"""The timer of a process in which nothing is held here (`reminders`). Its pauses grow with the age of the process."""
START_ALARM: Final = "start-again"
"""When it is looked whether the consumer of a pull still knows that it is started. Nobody's patience ends meanwhile."""
FIRST_REMINDER_MICROSECONDS: Final = 15_000_000
_LAST_REMINDER_MICROSECONDS: Final = 86_400_000_000
_FIRST_LOOK_MICROSECONDS, _LOOKS = 15_000_000, 4


def look_later(draft: Draft) -> None:
    """Our start of a pull is acknowledged: whether the consumer has kept it is looked at some times, ever later."""
    looked = draft.content.get("looked", 0)
    draft.over = looked >= _LOOKS
    if not draft.over:
        draft.alarms = {START_ALARM: draft.at + _FIRST_LOOK_MICROSECONDS * 4**looked}


def timers(topic: Topic, draft: Draft, row: ProcessRow, patience_seconds: int) -> list[TimerRow] | None:
    """Those that stand from this step on; None: as before."""
    if draft.over:
        return []
    if draft.alarms is None:
        return None
    due = dict(draft.alarms)
    if row.state not in topic.table.terminal and START_ALARM not in due:
        due[PATIENCE] = row.created + patience_seconds * 1_000_000
    if topic.reminds and not draft.alarms:
        pause = draft.at - row.created
        due[REMINDER] = draft.at + min(max(pause, FIRST_REMINDER_MICROSECONDS), _LAST_REMINDER_MICROSECONDS)
    return [TimerRow(tenant=row.tenant, kind=row.kind, pid=row.pid, name=name, due=at) for name, at in due.items()]
