"""`credential request|requests`: credentials that say who we are, asked of who issues them."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, next_step, show_json, told
from connector.cli.tables import say, show_table
from connector.model import list_in, objects_in

if TYPE_CHECKING:
    from connector.model import JsonObject

ISSUER = Annotated[str, typer.Argument(metavar="ISSUER", help="Who issues it: its DID, or a name of [peers].")]
TYPES = Annotated[list[str] | None, typer.Option("--type", help="The credential's type, e.g. MembershipCredential.")]
IDS = Annotated[list[str] | None, typer.Option("--id", help="The issuer's own id for it, see `credential requests`.")]

_SHOWN = 100
_OFFER = ("issuer", "id", "type")


def request(
    issuer: ISSUER, types: TYPES = None, ids: IDS = None, config: CONFIG = Path("connector.toml"), as_json: JSON = False
) -> None:
    """Ask an issuer for credentials about this company (DCP): it brings them to the running connector.

    Only what `trusted_issuers` says may come from this issuer counts. What comes is checked, kept in the folder of our
    own credentials, and shown to peers from then on. Before its end the connector asks for it anew by itself
    (`renew_credentials_days` under [limits]). Exit 0 asked for, 1 refused by the issuer, 3 the issuer did not answer or
    cannot be asked now.

    Example: battery-connector credential request did:web:issuer.example --type MembershipCredential
    """
    with told():
        body: JsonObject = {"issuer": issuer, "types": [*(types or [])], "ids": [*(ids or [])]}
        answer = Management.of(config).post("/v1/credential-requests", body)
    if as_json:
        show_json(answer)
    else:
        _show(answer)
        next_step("battery-connector credential requests")
    raise SystemExit(NO if answer["state"] == "rejected" else DONE)


def requests(config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """What was asked of issuers and how far it is, what they offer, and what holders asked us to issue.

    Example: battery-connector credential requests
    """
    with told():
        asked: list[JsonObject] = []
        offers: list[JsonObject] = []
        received: deque[JsonObject] = deque(maxlen=None if as_json else _SHOWN)
        older = 0
        for page in Management.of(config).pages("/v1/credential-requests"):
            asked += objects_in(page["requests"])
            offers += objects_in(page["offers"])
            holders = objects_in(page["received"])
            older += len(holders)
            received += holders
        older -= len(received)
    if as_json:
        show_json({"requests": [*asked], "offers": [*offers], "received": [*received]})
        return
    for one in asked:
        _show(one)
    if older:
        say(f"{older} older requests of holders; --json has all", "dim")
    for one in received:
        _show_received(one)
    if offers:
        say("offered:", "bold")
        show_table(_OFFER, [[str(one[name] or "") for name in _OFFER] for one in offers])
        next_step(
            f"battery-connector credential request {quote(str(offers[0]['issuer']))} --id {quote(str(offers[0]['id']))}"
        )
    elif any(one["state"] == "received" for one in received):
        next_step("battery-connector approvals")
    elif any(one["credentials"] for one in received):
        next_step("battery-connector credential revoke DIGEST --reason ...", " takes one back")
    elif asked or received:
        next_step("battery-connector doctor", " looks whether what we show is good")
    else:
        say("nothing was asked for, and nothing is offered")
        next_step("battery-connector credential request ISSUER --type MembershipCredential")


def _show(one: JsonObject) -> None:
    say(f"{', '.join(map(str, list_in(one['types'])))} of {one['issuer']}: {one['state']}", "bold")
    itself = ", by itself, before what we have ends" if one["renews"] else ""
    say(f"  {one['id']}, asked {one['asked']}{itself}", "dim")
    if one["reason"]:
        say(f"  reason  {one['reason']}", "yellow")
    if one["next"]:
        say(f"  again   {one['next']}", "yellow")
    if one["credentials"]:
        say(f"  kept    {', '.join(map(str, list_in(one['credentials'])))}")


def _show_received(one: JsonObject) -> None:
    say(f"{', '.join(map(str, list_in(one['types'])))} for {one['holder']}: {one['state']}", "bold")
    say(f"  {one['id']}, asked {one['asked']}", "dim")
    if one["reason"]:
        say(f"  reason  {one['reason']}")
    if one["credentials"]:
        say(f"  signed  {', '.join(map(str, list_in(one['credentials'])))}")
    if one["delivered"]:
        say(f"  told    {one['delivered']}", "green")
    elif one["failed"]:
        say(f"  not yet {one['failed']}; tried again {one['next'] or 'when the holder asks again'}", "yellow")
