"""`approvals`, `approve`, `reject`, `offer`, `terminate`: what people decide, above all in negotiations.

All work is the running connector's (`client`); here its answers become sentences and exit codes. Requests are
`exchange`'s, why a negotiation stands where it stands is `why`'s.
"""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote as shell_quote
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from connector.cli.client import Management
from connector.cli.console import (
    CODE,
    CONFIG,
    DONE,
    JSON,
    KEY,
    NO,
    PEER,
    REASON,
    UNCHECKED,
    WAIT,
    console,
    next_step,
    show_json,
    told,
)
from connector.cli.tables import progress, say
from connector.config import load
from connector.errors import BadInput, IllegalTransition, NotAllowed
from connector.model import counted, list_in, objects_in
from connector.server.standing import ASKS, PERMITTED, READS_PERMITTED
from connector.server.words import called, refused_in_words, terms_in_words

if TYPE_CHECKING:
    from connector.config import Config
    from connector.model import JsonObject

ID = Annotated[str, typer.Argument(metavar="ID", help="What waits: our id or the peer's. `approvals` lists them.")]
NOT_BEFORE = Annotated[
    str, typer.Option("--not-before", metavar="TIME", help="Say it then; until then it can be decided otherwise.")
]
OFFER_ID = Annotated[str, typer.Option("--offer-id", metavar="ID", help="The offer's id. Default: a fresh one.")]
CLAIMS = Annotated[
    list[Path] | None,
    typer.Option("--claims", metavar="FILE", help="What a credential that was asked for says of the holder (JSON)."),
]
_SECONDS: Final = 30.0
_OVER: Final = "the negotiation has ended already; a contract that is final stands"
_SAID: Final = {"approve": "the reads are allowed", "reject": "the reads are refused"}


# --- the queue -------------------------------------------------------------------------------------------------------


def approvals(config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """What waits for a person's word: requests, offers, agreements, each with its terms and its time; audit reads;
    credentials that holders ask us to issue.

    Example: battery-connector approvals
    """
    with told():
        answer, company = Management.of(config).get("/v1/approvals"), load(config)
        found = objects_in(answer.get("approvals"))
        if as_json:
            show_json(answer)
            return
        if not found:
            say("nothing waits for a decision")
            next_step("battery-connector why")
            return
        for one in found:
            _show_held(one, company)
        if answer["more"]:
            say(f"... and {answer['more']} more, which wait behind these; reject --from WHO says no to many", "yellow")
        first = next((one for one in found if not one["decision"]), found[0])
        words = f"approve {first['id']}{_claims_of(first)}"
        next_step(f"battery-connector {words}", f", or: reject {first['id']} --reason ...")


def _show_held(one: JsonObject, company: Config) -> None:
    say(f"{called(company, one['with'])} {ASKS[str(one['turn'])]} {one['title'] or one['dataset']}", "bold")
    say(f"  {one['id']}", "dim")
    if one["turn"] == "audit":
        say(f"  policy  {READS_PERMITTED}")
        say(f"  first   {one['read']}")
        return
    if one["turn"] == "issuance":
        say(f"  until   {one['due']}; after that it is over")
        say(f"  answer  approve {one['id']}{_claims_of(one)}, or: reject {one['id']} --reason ...")
        return
    say(f"  terms   {terms_in_words(one['terms'])}")
    if one["turn"] == "counter-request" and one["ours"]:
        say(f"  ours    {terms_in_words(one['ours'])}")
    policy = one["policy"]
    if isinstance(policy, dict):
        say(f"  policy  {PERMITTED}")
    if one["note"]:
        say(f"  note    {one['note']}", "yellow")
    if one["decision"]:
        say(f"  decided {one['decision']}, to be said at {one['not_before']}", "green")
    else:
        say(f"  until   {one['due']}; after that it is refused. Can be: {', '.join(map(str, _words(one)))}")
    console().print()


def _claims_of(one: JsonObject) -> str:
    """The options that approving it takes."""
    return " --claims FILE" * len(list_in(one.get("credentials")))


def _words(one: JsonObject) -> list[str]:
    words = {"approve": "approved", "counter": "countered (approve --counter FILE)", "reject": "rejected"}
    return [words[str(word)] for word in list_in(one["can"])]


def approve(
    ident: ID,
    counter: Annotated[
        Path | None,
        typer.Option("--counter", metavar="FILE", help="Answer with these terms instead: a policy or offer."),
    ] = None,
    offer_id: OFFER_ID = "",
    agreement_id: Annotated[
        str, typer.Option("--agreement-id", metavar="ID", help="The agreement's id. Default: a fresh one.")
    ] = "",
    not_before: NOT_BEFORE = "",
    claims: CLAIMS = None,
    wait: WAIT = _SECONDS,
    key: KEY = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Say yes to what waits, or answer it with other terms. Exit code 1: it ended otherwise; 3: no answer yet.

    A credential that a holder asks for is signed for the claims that you give, and brought to it.

    Example: battery-connector approve urn:uuid:5a0f... --counter policies/direct-customer.json

    Example: battery-connector approve urn:uuid:81c2... --claims member.json
    """
    from connector.cli.issuing import read_claims

    with told():
        body: JsonObject = {"decision": "approve", "agreement_id": agreement_id}
        stated = [read_claims(path) for path in claims or []]
        body["claims"] = [{"file": one.file, "subject": one.subject} for one in stated]
        if counter is not None:
            body = {"decision": "counter", "terms": _terms(counter), "offer_id": offer_id}
        elif offer_id:
            raise BadInput("an offer's id belongs to a counter-offer", hint="with --counter FILE")
        body |= {"not_before": not_before or None, "wait_seconds": wait}
        answer = _say(ident, body, key, config, as_json=as_json)
    raise SystemExit(_code(answer, good=("FINALIZED",), later=bool(not_before) or counter is not None))


def reject(
    reason: REASON,
    ident: Annotated[str, typer.Argument(metavar="[ID]", help="What waits: our id or the peer's.")] = "",
    holder: Annotated[
        str,
        typer.Option("--from", metavar="WHO", help="All requests for credentials of this party, or below this host."),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="With --from: do it; without, they are only counted.")] = False,
    code: CODE = "",
    not_before: NOT_BEFORE = "",
    wait: WAIT = _SECONDS,
    key: KEY = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Say no to what waits: a negotiation is terminated. Exit code 3: the peer has not answered yet.

    Requests for credentials may be rejected together: those of a party, or of all whose host is WHO or below it; the
    latter are told when they ask again. Exit code 1: none waits.

    Example: battery-connector reject urn:uuid:5a0f... --reason "no capacity this year"

    Example: battery-connector reject --from strangers.example --reason "we know nobody there" --yes
    """
    with told():
        if bool(ident) == bool(holder):
            raise BadInput("say what: ID, or --from WHO", hint="battery-connector approvals lists both")
        if holder:
            raise SystemExit(_reject_all(holder, reason, config, yes=yes, as_json=as_json))
        body: JsonObject = {"decision": "reject", "code": code, "reason": reason}
        body |= {"not_before": not_before or None, "wait_seconds": wait}
        answer = _say(ident, body, key, config, as_json=as_json)
    raise SystemExit(_code(answer, good=("TERMINATED",), later=bool(not_before)))


def _reject_all(holder: str, reason: str, config: Path, *, yes: bool, as_json: bool) -> int:
    body: JsonObject = {"from": holder, "reason": reason, "really": yes}
    answer = Management.of(config).post("/v1/credential-requests/reject", body)
    found = answer["found"]
    if as_json:
        show_json(answer)
    else:
        what = counted(found, "request")
        say(f"{answer['rejected']} of {what} rejected" if yes else f"{what} would be rejected", "bold")
        next_step("the same with --yes" if found and not yes else "battery-connector approvals")
    return DONE if found else NO


def _say(ident: str, body: JsonObject, key: str, config: Path, *, as_json: bool) -> JsonObject:
    with progress("waiting for the peer", quiet=as_json):
        answer = Management.of(config).post(f"/v1/approvals/{quote(ident, safe=':')}", body, key=key)
    _show(answer, as_json=as_json, said_at=str(body["not_before"] or ""))
    return answer


# --- offers and ends -------------------------------------------------------------------------------------------------


def offer(
    peer: PEER,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Title or id of a dataset of ours.")],
    terms: Annotated[
        Path | None,
        typer.Option("--terms", metavar="FILE", help="Other terms than the catalogue's: a policy or offer."),
    ] = None,
    offer_id: OFFER_ID = "",
    wait: WAIT = _SECONDS,
    key: KEY = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Offer a contract on our data to a peer that has not asked. Exit code 1: refused; 3: no answer yet.

    Example: battery-connector offer recycler pack-passports --terms policies/recycler.json
    """
    with told():
        body: JsonObject = {"peer": peer, "dataset": dataset, "offer_id": offer_id, "wait_seconds": wait}
        if terms is not None:
            body["terms"] = _terms(terms)
        with progress(f"offering to {peer}", quiet=as_json):
            answer = Management.of(config).post("/v1/offer", body, key=key)
        _show(answer, as_json=as_json)
    raise SystemExit(_code(answer, good=("FINALIZED",), later=answer["state"] == "OFFERED"))


def terminate(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A negotiation: our id or the peer's. `why` lists them.")],
    code: CODE = "",
    reason: REASON = "",
    wait: WAIT = _SECONDS,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """End a negotiation, whoever's turn it is. Exit code 1: it is final already; 3: the peer has not answered yet.

    Example: battery-connector terminate urn:uuid:5a0f... --reason "we bought elsewhere"
    """
    with told():
        body: JsonObject = {"code": code, "reason": reason, "wait_seconds": wait}
        with progress("waiting for the peer", quiet=as_json):
            path = f"/v1/negotiations/{quote(ident, safe=':')}/terminate"
            try:
                answer = Management.of(config).post(path, body)
            except IllegalTransition:
                raise NotAllowed(_OVER, hint=f"battery-connector why {ident}") from None
        _show(answer, as_json=as_json)
    raise SystemExit(_code(answer, good=("TERMINATED",), later=False))


# --- shared ----------------------------------------------------------------------------------------------------------


def _terms(path: Path) -> JsonObject:
    try:
        terms = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(
            f"{path} is not JSON: {error}", hint="a policy, or an offer as `catalog --json` shows it"
        ) from None
    if not isinstance(terms, dict):
        raise BadInput(f"{path} is not a JSON object", hint="a policy, or an offer as `catalog --json` shows it")
    return terms


def _show(answer: JsonObject, *, as_json: bool, said_at: str = "") -> None:
    if as_json:
        show_json(answer)
        return
    if "audit" in answer:
        say(f"{_SAID[str(answer['decision'])]}, until {answer['until']}")
        next_step("battery-connector approvals")
        return
    if "issuance" in answer:
        say(f"{answer['decision']}: {', '.join(map(str, list_in(answer['credentials']))) or 'the holder is told why'}")
        next_step("battery-connector credential requests", " tells when the holder has it")
        return
    state, ident = str(answer["state"]), shell_quote(str(answer["negotiation"]))
    colour = {"FINALIZED": "green", "TERMINATED": "red"}.get(state, "yellow")
    console().print(f"[bold {colour}]{state or 'begun'}[/]", end="")
    if state == "FINALIZED":
        say(f": the contract stands, agreement {answer['agreement']}")
    elif state == "TERMINATED":
        say(f": {refused_in_words(answer['termination'])}")
    elif answer["waits"]:
        say(
            f": ours is said at {said_at}, unless it is decided otherwise"
            if said_at
            else ": it waits for a word of ours"
        )
        next_step("battery-connector approvals")
        return
    else:
        say(": the peer has not answered to the end yet")
    next_step(f"battery-connector why {shell_quote(ident)}")


def _code(answer: JsonObject, *, good: tuple[str, ...], later: bool) -> int:
    if "negotiation" not in answer:
        return DONE
    state = str(answer["state"])
    if state in good:
        return DONE
    return NO if state in {"FINALIZED", "TERMINATED"} else DONE if later else UNCHECKED
