"""`why`: where a negotiation or transfer stands, whose turn it is, what was said and tried, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, JSON, next_step, show_json, told
from connector.cli.tables import Cell, say, show_decision, show_table
from connector.cli.words import called, refused_in_words, suspended_in_words
from connector.config import load
from connector.model import object_in, objects_in

if TYPE_CHECKING:
    from connector.config import Config
    from connector.model import JsonObject

_ENDS: Final = {"FINALIZED": "green", "COMPLETED": "green", "TERMINATED": "red"}
_TURNS: Final = {
    "us": "ours to say something",
    "peer": "the peer's",
    "either": "either side's: it runs until one of them ends it",
    "nobody": "nobody's: it has ended",
}
_BOTH: Final = {"SUSPENDED": "battery-connector transfers resume {ident}"}
_CONSUMER: Final = {
    **_BOTH,
    "FINALIZED": "battery-connector fetch {agreement}",
    "STARTED": "battery-connector fetch {agreement}",
    "COMPLETED": "battery-connector received",
    "TERMINATED": "ask the owner for what failed, show it (folder `held`), and request again",
}
_PROVIDER: Final = {
    **_BOTH,
    "FINALIZED": "nothing to do: the peer may fetch the data",
    "COMPLETED": "nothing to do: the data was fetched",
    "TERMINATED": "nothing to do, or change the policy (`policy plain POLICY` reads it) and publish again",
}
"""What to do in a state that waits for nothing of ours."""
_WITHDRAWN: Final = {
    "consumer": "battery-connector catalog PEER",
    "provider": "nothing to do: you withdrew the offer; to offer it again: battery-connector publish PLAN --policy P",
}
"""What to do about what ended with an offer."""


def why(
    ident: Annotated[
        str, typer.Argument(metavar="[ID]", help="A negotiation, transfer or agreement: our id or the peer's.")
    ] = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Why a negotiation or transfer stands where it stands. Without an ID: the newest ones.

    Example: battery-connector why urn:uuid:5a0f...
    """
    with told():
        api, company = Management.of(config), load(config)
        answer = api.get(f"/v1/processes/{quote(ident, safe=':')}" if ident else "/v1/processes")
        if as_json:
            show_json(answer)
        elif ident:
            _show(answer, company)
        else:
            _show_list(answer, company)


def _show_list(answer: JsonObject, company: Config) -> None:
    found = objects_in(answer.get("processes"))
    if not found:
        say("no negotiations and no transfers yet")
        next_step("battery-connector catalog PEER")
        return
    rows: list[tuple[Cell, ...]] = [
        (
            str(one["kind"]),
            (str(one["state"]), _ENDS.get(str(one["state"]), "yellow")),
            f"we are the {one['role']}",
            called(company, one["counterparty"]),
            str(one["updated"]),
            str(one["pid"]),
        )
        for one in found
    ]
    show_table(("what", "state", "role", "with", "last change", "id"), rows)
    if answer.get("more"):
        say(f"... and {answer['more']} older ones")
    next_step(f"battery-connector why {found[0]['pid']}")


def _show(answer: JsonObject, company: Config) -> None:
    content = answer.get("content")
    content = content if isinstance(content, dict) else {}
    state = str(answer["state"])
    say(f"{answer['kind']} with {called(company, answer['counterparty'])}, we are the {answer['role']}", "bold")
    say(f"  state    {state or 'not answered yet'}, since {answer['updated']}", _ENDS.get(state, "yellow"))
    say(f"  turn     {_turn(answer)}")
    withdrawn = f", not offered since {answer['withdrawn']}" if answer.get("withdrawn") else ""
    say(f"  dataset  {content.get('dataset')}{withdrawn}")
    consumer = answer["role"] == "consumer"
    if state == "TERMINATED":
        say(f"  reason   {refused_in_words(content.get('termination'))}", "red")
    if state == "SUSPENDED":
        say(f"  reason   {suspended_in_words(content.get('suspension'))}", "yellow")
    _show_said(answer)
    decision = content.get("decision")
    if isinstance(decision, dict):
        show_decision(decision)
    elif state == "TERMINATED" and consumer and not _withdrawn(content):
        say("what the owner's policy compared is the owner's to tell: `why` with this id, at its connector")
    next_step(*_advice(answer, content))


def _turn(answer: JsonObject) -> str:
    """Whose it is, and until when."""
    waits, pending = answer.get("waits"), answer.get("pending")
    if isinstance(waits, dict):
        note = f"; {waits['note']}" if waits["note"] else ""
        if isinstance(word := waits["word"], dict):
            return f"ours: it was decided to {word['decision']}, which is said at {word['at']}{note}"
        return f"ours: a person decides on this {waits['turn']}, until {waits['due']}; then it is refused{note}"
    if isinstance(pending, dict):
        looking = ", and the peer's process is being looked at" if pending["lookingAtPeer"] else ""
        return f"ours: our {pending['message']} is under way{looking}"
    until = f", until {answer['ends']}; then it is terminated" if answer.get("ends") else ""
    return _TURNS[str(answer["turn"])] + until


def _show_said(answer: JsonObject) -> None:
    rows = [
        (
            str(one["at"]),
            "we said" if one["direction"] == "out" else "peer said",
            str(one["message"]),
            f"HTTP {one['status']}",
            str(one.get("receipt") or ""),
        )
        for one in objects_in(answer.get("messages"))
    ]
    rows += [
        (str(one["at"]), "we tried", str(one["detail"]), f"next {one['next']}", "")
        for one in objects_in(answer.get("attempts"))
    ]
    show_table(("at", "who", "what", "answer", "receipt"), sorted(rows, key=lambda row: row[0]))


def _advice(answer: JsonObject, content: JsonObject) -> tuple[str, str]:
    """What to do now, and what else one can do."""
    waits, ident = answer.get("waits"), answer["pid"]
    if isinstance(waits, dict):
        can = waits["can"]
        counter = " [--counter FILE]" if isinstance(can, list) and "counter" in can else ""
        return f"battery-connector approve {ident}{counter}", f", or: reject {ident} --reason ..."
    if answer.get("pending") and answer.get("next"):
        at = answer["next"]
        return f"nothing to do: it is tried again at {at}; until then see that the peer's connector runs", ""
    if answer.get("pending"):
        return "nothing to do: it is on its way", ""
    if (answer["kind"], answer["role"], answer["state"]) == ("transfer", "provider", "REQUESTED"):
        return f"battery-connector transfers start {ident}", f", or: transfers terminate {ident} --reason ..."
    if answer["state"] == "STARTED" and content.get("format") == "HttpData-PUSH":
        again = f", again at {answer['next']}: see that the consumer's address answers" if answer.get("next") else ""
        return (
            f"nothing to do: the data is being pushed{again}; to pause: battery-connector transfers suspend {ident}",
            "",
        )
    if _withdrawn(content):
        return _WITHDRAWN[str(answer["role"])].replace("PEER", str(answer["counterparty"])), ""
    advice = _CONSUMER if answer["role"] == "consumer" else _PROVIDER
    end = f"; to end it: battery-connector terminate {ident}" if answer["kind"] == "negotiation" else ""
    agreement = content.get("agreement")
    named = agreement.get("@id") if isinstance(agreement, dict) else agreement
    known = advice.get(str(answer["state"]), f"nothing to do: the peer has to speak{end}")
    return known.format(ident=ident, agreement=named), ""


def _withdrawn(content: JsonObject) -> bool:
    """Whether it ended because the offer did (`exchange.withdraw`)."""
    return object_in(content.get("termination")).get("code") == "offer-withdrawn"
