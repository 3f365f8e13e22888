"""`policy check|explain|plain`: what a policy file says, and what it decides for given facts.

The facts file of `explain`: `{"party": DID, "stage": "negotiation", "claims": {"membership": "active"}}`, where a name
may have an array of values; or `"claims": [{"name", "value", "source"}]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Annotated, Final

import orjson
import typer

from connector.cli.console import DONE, JSON, NO, console, next_step, show_json, told
from connector.errors import BadInput, BadMessage, BadPolicy
from connector.model import Claim, Did, Facts, Finding, Json, JsonObject
from connector.policy.comparisons import State
from connector.policy.doubts import doubts
from connector.policy.evaluate import Decision, compile_policy, evaluate
from connector.policy.odrl import Policy, atoms
from connector.policy.operands import OPERANDS, Enforced, Stage
from connector.policy.plain import plain as in_plain_words
from connector.policy.reading import load, parse_time, read
from connector.server.entries import because
from connector.server.under_policy import codes
from connector.vocabulary.admission import admit_value
from connector.vocabulary.bundle import load_bundle

MAX_FILE_BYTES: Final = 1 << 20
_FACTS: Final = ("party", "stage", "at", "claims")
_MARKS: Final = {
    State.SATISFIED: "green",
    State.NOT_SATISFIED: "bold red",
    State.UNKNOWN: "bold yellow",
    State.NOT_CHECKED_HERE: "dim",
    State.ACCEPTED: "cyan",
}

app = typer.Typer(no_args_is_help=True, help="Access policies: check, explain, say in plain words.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The ODRL policy (JSON).")]


@app.command()
def check(file: File, as_json: JSON = False) -> None:
    """Everything that is wrong with a policy, at once; what of it is a promise; and what in it is hardly meant.

    Example: battery-connector policy check policies/direct-customer.json
    """
    with told():
        policy, findings = checked(file)
        odd: list[Json] = [*doubts(policy, codes(load_bundle()), _time(None))] if policy is not None else []
        agreed = _agreed(policy) if policy is not None else []
        if as_json:
            told_odd: JsonObject = {**({"doubts": odd} if odd else {}), **({"agreed": [*agreed]} if agreed else {})}
            show_json({"findings": [finding.as_json() for finding in _placed(findings, file)], **told_odd})
        elif policy is not None:
            offered = "" if policy.offerable else " Nothing of it is offered: it has no permission to use."
            console().print(f"{file}: nothing wrong, rules: {len(policy.rules)}.{offered}", markup=False)
            if agreed:
                console().print(f"  agreed by who signs, decided by nobody here: {', '.join(agreed)}", markup=False)
            for sentence in odd:
                console().print(f"  is it meant? {sentence}", markup=False)
            next_step(f"battery-connector policy plain {quote(str(file))}")
        else:
            _show_findings(findings, file)
    raise SystemExit(NO if findings else DONE)


def checked(file: Path) -> tuple[Policy | None, tuple[Finding, ...]]:
    """The policy of a file, or everything that is wrong with it. `BadInput`: it is no JSON."""
    return read(_document(file), own=True)


def _agreed(policy: Policy) -> list[str]:
    """The operands that no connector can decide: duties of who signs."""
    left = dict.fromkeys(one.left for rule in policy.rules for one in atoms(rule.constraints))
    return [name for name in left if OPERANDS[name].enforced is Enforced.CONTRACTUAL]


@app.command()
def plain(file: File, as_json: JSON = False) -> None:
    """The policy in plain words.

    Example: battery-connector policy plain policies/direct-customer.json
    """
    with told():
        text = in_plain_words(_policy(file))
        if as_json:
            show_json({"plain": text})
        else:
            console().print(text, markup=False)


@app.command()
def explain(
    file: File,
    facts: Annotated[Path | None, typer.Option("--as", metavar="FACTS.json", help="Who asks, with what.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Where it is decided; the facts file may say it.")] = None,
    at: Annotated[str, typer.Option(metavar="TIME", help="As of when, e.g. 2027-03-15T09:00:00Z.")] = "",
    as_json: JSON = False,
) -> None:
    """What the policy decides, and what became of each constraint. Exit code 1: denied.

    The facts: {"party": "did:web:...", "claims": {"membership": "active", "role": ["recycler"]}}; also "stage", "at".

    Example: battery-connector policy explain policies/direct-customer.json --as facts.json --stage negotiation
    """
    with told():
        policy = _policy(file)
        asked: Json = {} if facts is None else _document(facts)
        if not isinstance(asked, dict):
            raise BadInput(f"{facts} is not a JSON object.")
        if unknown := sorted(asked.keys() - _FACTS):
            raise BadInput(f"unknown: {', '.join(unknown)}", hint=f"known: {', '.join(_FACTS)}", place=str(facts))
        party = asked.get("party", "")
        if not isinstance(party, str):
            raise BadInput('"party" is a DID.', place=str(facts))
        chosen = stage or _stage(asked.get("stage", Stage.NEGOTIATION.value), facts)
        known = Facts(party=Did(party), claims=tuple(_claims(asked.get("claims"), facts)))
        now = _time(at or asked.get("at"))
        decision = evaluate(compile_policy(policy), known, now, stage=chosen)
        if as_json:
            show_json(decision.as_json())
        else:
            _show(decision)
    raise SystemExit(DONE if decision.permit else NO)


def _document(file: Path) -> Json:
    try:
        octets = file.read_bytes()
    except OSError as problem:
        raise BadInput(f"{file} can't be read: {problem.strerror}.") from problem
    if len(octets) > MAX_FILE_BYTES:
        raise BadInput(f"{file} is larger than {MAX_FILE_BYTES} bytes.")
    try:
        return admit_value(octets, MAX_FILE_BYTES)
    except BadMessage as problem:
        raise BadInput(
            problem.detail.replace("The body", str(file), 1), hint=problem.hint, place=problem.place
        ) from problem


def _policy(file: Path) -> Policy:
    try:
        return load(orjson.dumps(_document(file)), own=True)
    except BadPolicy as problem:
        hint = problem.hint or f"battery-connector policy check {file}"
        raise BadPolicy(problem.detail, hint=hint, place=f"{file} {problem.place}".strip()) from problem


def _stage(value: Json, facts: Path | None) -> Stage:
    if value not in set(Stage):
        raise BadInput(f"The stage is one of {', '.join(Stage)}.", place=str(facts))
    return Stage(str(value))


def _time(value: Json) -> datetime:
    if value is None:
        return datetime.now(UTC)  # noqa: TID251 - a person at the command line asks about now; there is no connector
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        raise BadInput("The time is written like 2027-03-15T09:00:00Z.")
    return moment


def _claims(value: Json, facts: Path | None) -> Iterator[Claim]:
    """Both ways of writing claims."""
    if isinstance(value, dict):
        for name, values in value.items():
            for item in values if isinstance(values, list) else [values]:
                yield _claim({"name": name, "value": item}, facts)
    elif isinstance(value, list):
        for item in value:
            yield _claim(item, facts)
    elif value is not None:
        raise BadInput('"claims" is an object or an array.', place=str(facts))


def _claim(item: Json, facts: Path | None) -> Claim:
    parts = item if isinstance(item, dict) else {}
    name, value, source = parts.get("name"), parts.get("value"), parts.get("source", "facts file")
    if not (isinstance(name, str) and isinstance(value, str) and isinstance(source, str)):
        raise BadInput("A claim is a name with one text or an array of texts.", place=str(facts))
    return Claim(name=name, value=value, source=source)


def _placed(findings: tuple[Finding, ...], file: Path) -> Iterator[Finding]:
    for finding in findings:
        place = type(finding.place)(source=str(file), column=finding.place.column, value=finding.place.value)
        yield Finding(code=finding.code, message=finding.message, hint=finding.hint, term=finding.term, place=place)


def _show_findings(findings: tuple[Finding, ...], file: Path) -> None:
    out = console()
    for finding in findings:
        shown = f" ({finding.place.value})" if finding.place.value else ""
        out.print(f"{file} {finding.place.column}: {finding.message}{shown}", markup=False)
        if finding.hint:
            out.print(f"  do: {finding.hint}", markup=False)


def _show(decision: Decision) -> None:
    out = console()
    colour = "bold green" if decision.permit else "bold red"
    word = "permit" if decision.permit else "deny"
    out.print(f"[{colour}]{word}[/{colour}] ({decision.reason}), action {decision.action} at stage {decision.stage}")
    if not decision.permit:
        out.print(f"  because {because(decision.as_json())}", markup=False)
    for check_, (state, value, source) in zip(decision.checks, decision.verdicts, strict=True):
        constraint = check_.constraint
        shown = decision.at.isoformat() if source == "clock" else value or "no value"
        found = f"found: {shown}, from {source}" if source else "nothing known"
        out.print(
            state.ljust(18).rjust(20), style="" if check_.path.startswith("prohibition") else _MARKS[state], end=""
        )
        out.print(f"{constraint.left} {constraint.operator} {', '.join(constraint.right)}  ({found})", markup=False)
        out.print(f"                   {check_.path}", style="dim", markup=False)
