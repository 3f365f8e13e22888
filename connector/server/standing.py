"""Where a process stands, in sentences: what waits for a person, whose turn it is, why it ended, what to do.

The process is as the management API shows it (`processes`); `why`, `approvals` and the operators' pages say the same.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Final

from connector.model import Json, list_in, object_in, objects_in
from connector.server.words import ENDED, refused_in_words, suspended_in_words

if TYPE_CHECKING:
    from connector.model import JsonObject

ASKS: Final = {
    "request": "asks for",
    "counter-request": "asks, on other terms than ours, for",
    "acceptance": "accepted our offer of",
    "verification": "verified our agreement about",
    "offer": "offers us",
    "agreement": "agreed to give us",
    "audit": "wants to read, for an audit,",
    "issuance": "asks us to issue",
}
"""What a peer did whose turn waits for a person, before the name of the dataset."""
PERMITTED: Final = "ours permits this peer the use; it decides again at each transfer, beside what is agreed"
READS_PERMITTED: Final = "ours permits it; one word counts for all of the party's reads of this dataset"
_TURNS: Final = {
    "us": "ours to say something",
    "peer": "the peer's",
    "either": "either side's: it runs until one of them ends it",
    "nobody": "nobody's: it has ended",
}
_PAUSED: Final = "either side's: it is paused until one of them resumes or ends it"
_FETCH: Final = "battery-connector fetch"
_BOTH: Final = {"": "nothing to do", "SUSPENDED": "battery-connector transfers resume {ident}"}
_CONSUMER: Final = {
    **_BOTH,
    "FINALIZED": "battery-connector fetch {agreement}",
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
_UNDENIED: Final = ENDED | {"rejected", "not-decided", "terms-refused"}
_TAKEN: Final = range(200, 300)
_SHOWN: Final = ("membership", "role", "Membership", "FrameworkAgreement", "BusinessPartnerNumber")
"""Operands that a credential of the asker answers, as do those of its mandate; of Catena-X's the name's last part."""
_WITHDRAWN: Final = {
    "consumer": "battery-connector catalog PEER",
    "provider": "nothing to do: you withdrew the offer; to offer it again: battery-connector publish PLAN --policy P",
}
"""What to do about what ended with an offer."""


def turn_in_words(process: JsonObject) -> str:
    """Whose turn it is, and until when."""
    waits, pending = process.get("waits"), process.get("pending")
    if isinstance(waits, dict):
        note = f"; {waits['note']}" if waits["note"] else ""
        if isinstance(word := waits["word"], dict):
            return f"ours: it was decided to {word['decision']}, which is said at {word['at']}{note}"
        return f"ours: a person decides on this {waits['turn']}, until {waits['due']}; then it is refused{note}"
    if isinstance(pending, dict):
        looking = ", and the peer's process is being looked at" if pending["lookingAtPeer"] else ""
        ends = "; once it is answered, we end it" if pending["ending"] else ""
        return f"ours: our {pending['message']} is under way{looking}{ends}"
    if not process["state"]:
        return "nobody's: its first message was refused, and nothing began"
    if process["state"] == "SUSPENDED":
        return _PAUSED
    until = f", until {process['ends']}; then it is terminated" if process.get("ends") else ""
    return _TURNS[str(process["turn"])] + until


def since(process: JsonObject) -> Json:
    """Since when it is in its state. Looks and tries change the process, too, and move nothing."""
    taken = [one["at"] for one in objects_in(process["messages"]) if one["status"] in _TAKEN]
    if process["state"] == "TERMINATED":
        return process["updated"]
    return taken[-1] if taken else process["created"]


def reason_in_words(process: JsonObject) -> str:
    """Why it ended or pauses; nothing of one that does neither."""
    content = object_in(process.get("content"))
    match process["state"]:
        case "TERMINATED":
            if _not_taken(process, content):
                return f"the peer did not take our message: {objects_in(process['attempts'])[-1]['detail']}"
            return refused_in_words(content.get("termination"))
        case "SUSPENDED":
            return suspended_in_words(content.get("suspension"))
    return ""


def secret_of_the_peer(process: JsonObject) -> str:
    """What of a refusal is not told here, if anything."""
    content = object_in(process.get("content"))
    refused = (process["role"], process["state"]) == ("consumer", "TERMINATED")
    if not refused or isinstance(content.get("decision"), dict) or _is_no_denial(process, content):
        return ""
    return "what the owner's policy compared is the owner's to tell: `why` with this id, at its connector"


def advice(process: JsonObject) -> tuple[str, str]:
    """What to do now, and what else one can do."""
    content, waits, ident = object_in(process.get("content")), process.get("waits"), process["pid"]
    if isinstance(waits, dict):
        counter = " [--counter FILE]" if "counter" in list_in(waits["can"]) else ""
        otherwise = "nothing to do; to decide otherwise until then: " if waits["word"] else ""
        return f"{otherwise}battery-connector approve {ident}{counter}", f", or: reject {ident} --reason ..."
    if process.get("pending") and process.get("next"):
        at = process["next"]
        return f"nothing to do: it is tried again at {at}; until then see that the peer's connector runs", ""
    if process.get("pending"):
        return "nothing to do: it is on its way", ""
    if (process["kind"], process["role"], process["state"]) == ("transfer", "provider", "REQUESTED"):
        return f"battery-connector transfers start {ident}", f", or: transfers terminate {ident} --reason ..."
    if process["state"] == "STARTED":
        return _while_it_runs(process, content)
    if _withdrawn(content):
        return _WITHDRAWN[str(process["role"])].replace("PEER", str(process["counterparty"])), ""
    if process["state"] == "TERMINATED" and _is_no_denial(process, content):
        return _after_the_end(process, content), ""
    if _beyond_credentials(process, content):
        return f"no credential of ours changes that: ask the owner, {process['counterparty']}, whose policy it is", ""
    if process.get("emptied") and process["state"] == "FINALIZED":
        return f"nothing of it is left here: {process['counterparty']} has to ask anew for what took its place", ""
    known = _CONSUMER if process["role"] == "consumer" else _PROVIDER
    then = "to end it: battery-connector terminate" if process["kind"] == "negotiation" else "once it has: " + _FETCH
    waiting = known.get(str(process["state"]), f"nothing to do: the peer has to speak; {then} {ident}")
    return waiting.format(ident=ident, agreement=quote(str(_agreement(content.get("agreement"))))), ""


def _while_it_runs(process: JsonObject, content: JsonObject) -> tuple[str, str]:
    """What to do about a transfer that is started."""
    ident, gives = process["pid"], process["role"] == "provider"
    end = f"transfers terminate {ident}"
    if gives and "suspension" in content:
        words = f"battery-connector transfers resume {ident}"
        return f"the peer did not take our pause, and gets nothing: {words}", f", or: {end}"
    if content.get("format") == "HttpData-PUSH":
        again = f", again at {process['next']}: see that the consumer's address answers" if process.get("next") else ""
        does = f"the data is being pushed{again}"
    elif gives:
        does = "the peer may fetch the data"
    else:
        return f"{_FETCH} {ident}", f", or: {end}"
    return f"nothing to do: {does}; to pause: battery-connector transfers suspend {ident}", f", or: {end}"


def _beyond_credentials(process: JsonObject, content: JsonObject) -> bool:
    """Whether a peer's policy refused us for things of which none could be shown."""
    said = object_in(content.get("termination"))
    if process["role"] != "consumer" or process["state"] != "TERMINATED" or said.get("by") == "us":
        return False
    failed = [str(one) for reason in objects_in(said.get("reason")) for one in list_in(reason.get("failed"))]
    names = [one.rpartition("/")[2] for one in failed]
    return bool(names) and not any(one in _SHOWN or one.startswith("mandate") for one in names)


def _not_taken(process: JsonObject, content: JsonObject) -> bool:
    """Whether nobody ended it in words: our own message was refused, and the answer is all that is known."""
    ended = process["state"] == "TERMINATED" and content.get("termination") is None
    return ended and bool(process.get("attempts"))


def _agreement(said: Json) -> Json:
    return said.get("@id") if isinstance(said, dict) else said


def _is_no_denial(process: JsonObject, content: JsonObject) -> bool:
    """Whether it ended for another reason than a provider's policy, as far as the codes of this connector tell."""
    said = object_in(content.get("termination"))
    consumers = (said.get("by") == "us") == (process["role"] == "consumer")
    if not said:
        return process["kind"] == "transfer" and _not_taken(process, content)
    return consumers or said.get("code") in _UNDENIED


def _after_the_end(process: JsonObject, content: JsonObject) -> str:
    """What to do about an end that no policy asked for: the consumer may try again."""
    if process["role"] != "consumer":
        return "nothing to do"
    said = object_in(content.get("termination"))
    request = f"request {process['counterparty']} {quote(str(content.get('dataset')))}"
    if not said:  # a peer whose store was brought back from a copy does not know what was agreed since
        return f"ask its people whether they still have the agreement; if not: battery-connector {request}"
    ask = f"ask {process['counterparty']} for the reason, or " if said.get("by") == "peer" else "nothing to do; "
    words = request if process["kind"] == "negotiation" else f"fetch {quote(str(_agreement(content.get('agreement'))))}"
    return f"{ask}to try again: battery-connector {words}"


def _withdrawn(content: JsonObject) -> bool:
    """Whether it ended because the offer did (`exchange.withdraw`)."""
    return object_in(content.get("termination")).get("code") == "offer-withdrawn"
