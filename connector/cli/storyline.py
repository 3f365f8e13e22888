"""Plays a story: its stages are steps, each step is what an operator would ask of a company's connector.

Reads `story.toml` of an example and counts what the connectors answer. A command that a crash or a lost answer cut off
is repeated with the same idempotency key, as the one who asked would do it. Set-up and processes are `companies`'.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
import tomllib
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from connector.cli import issuing
from connector.cli.client import Management
from connector.cli.companies import Companies, Company
from connector.credentials.securing import suffix_of
from connector.errors import BadInput, CannotCheck, NotAllowed
from connector.exchange.authenticate import PARTY_CREDENTIALS
from connector.model import Json, JsonObject, list_in, object_in
from connector.server.issuing import ENVELOPE, Job

Step = dict[str, object]
Ask = Callable[[Management], JsonObject]
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
_AT_ONCE = 4
_ENDS = frozenset({"FINALIZED", "COMPLETED", "TERMINATED"})
_GAPS = frozenset({"missing", "unchecked"})
_TOGETHER = frozenset({"exchange", "issue"})
_PASSED_ON = {"AssayCertificate": ("assays", "customers")}
"""Under which dataset and policy a holder keeps a third party's credential; any other: with its site."""


@dataclass(slots=True, kw_only=True)
class Told:
    """What the connectors answered, so far."""

    published: dict[tuple[str, str], JsonObject] = field(default_factory=dict)
    negotiations_finalized: int = 0
    transfers_completed: int = 0
    refused: list[JsonObject] = field(default_factory=list)
    audits: list[tuple[Step, JsonObject]] = field(default_factory=list)
    bundles: list[bytes] = field(default_factory=list)
    """Of each audit."""
    findings: list[Json] = field(default_factory=list)
    issued: dict[str, Path] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        """Documents that stand, over all companies and plans."""
        return sum(_int(answer["documents"]) for answer in self.published.values())

    @property
    def credentials(self) -> int:
        """Credentials that stand, over all companies and plans, and those that outside signers issued."""
        return sum(_int(answer["credentials"]) for answer in self.published.values()) + len(self.issued)


@dataclass(slots=True, kw_only=True)
class Storyline:
    """One run of a story."""

    companies: Companies
    story: JsonObject
    fault: str
    items: int
    on_stage: Callable[[str, str], None]
    told: Told = field(default_factory=Told)

    @property
    def _fault(self) -> Step:
        faults = self.story["faults"]
        chosen = faults.get(self.fault) if isinstance(faults, dict) else None
        return dict(chosen) if isinstance(chosen, dict) else {}

    def prepare(self) -> None:
        """Write the exports that the companies' systems would have written, and the signers' first statements."""
        names = self.companies.folder / "dids.json"
        names.write_text(json.dumps(self.companies.dids()), "utf-8")
        words = [sys.executable, str(self.companies.story / "generate.py"), "--items", str(self.items),
                 "--out", str(self.companies.folder), "--dids", str(names)]  # fmt: skip
        if kind := self._fault.get("generate"):
            words += ["--fault", str(kind)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
        if done.returncode:
            raise BadInput(f"the exports could not be written: {done.stderr.strip()[-1000:]}")
        for signer in self.companies.signers.values():
            asyncio.run(issuing.write_site(signer.config, self.companies.folder / "site" / signer.name))

    def play(self) -> None:
        """All stages in their order; the fault's steps before the stage that it names."""
        for stage in _steps(self.story["stage"]):
            if self._fault.get("before") == stage["name"]:
                self.on_stage(self.fault, str(self._fault["says"]))
                self._play(_steps(self._fault["steps"]))
            self.on_stage(str(stage["name"]), str(stage["says"]))
            self._play(_steps(stage["steps"]))

    def _play(self, steps: list[Step]) -> None:
        """Steps of one kind that stand together and do not need each other go side by side."""
        start = 0
        while start < len(steps):
            kind = steps[start]["do"]
            end = start + 1
            while kind in _TOGETHER and end < len(steps) and steps[end]["do"] == kind:
                end += 1
            if kind == "issue":
                self._issue(steps[start:end])
            else:
                with ThreadPoolExecutor(_AT_ONCE) as pool:
                    list(pool.map(self._step, steps[start:end]))
            start = end

    def _step(self, step: Step) -> None:
        {
            "publish": self._publish, "exchange": self._exchange, "arrive": self._arrive,
            "refused": self._refused, "audit": self._audit, "revoke": self._revoke, "stop": self._stop,
        }[str(step["do"])](step)  # fmt: skip

    # --- outside signers ---------------------------------------------------------------------------------------------

    def _issue(self, steps: list[Step]) -> None:
        """Signers sign; a party credential goes into the holder's `held` folder, any other is imported."""
        for name in dict.fromkeys(str(step["signer"]) for step in steps):
            signer, own = self.companies.signers[name], [step for step in steps if step["signer"] == name]
            jobs = [self._job(step, signer) for step in own]
            site = self.companies.folder / "site" / name
            for step, signed in zip(own, asyncio.run(issuing.issue(signer.config, jobs, site)), strict=True):
                self.told.findings += [finding.as_json() for finding in signed.published.findings]
                for row in signed.credentials:
                    stem = f"{step.get('claims', step['type'])}-{row.digest[-12:]}"
                    file = signer.folder / "issued" / f"{stem}{suffix_of(row.octets)}"
                    file.parent.mkdir(exist_ok=True)
                    file.write_bytes(row.octets)
                    self.told.issued[row.digest] = file
                    self._hand_over(file, str(step["type"]), self.companies.connectors[str(step["holder"])])

    def _job(self, step: Step, signer: Company) -> Job:
        holder = self.companies.connectors[str(step["holder"])]
        claims = [issuing.read_claims(self._claims(step, signer, holder))] if "claims" in step else []
        plan = signer.folder / "plans" / f"{step['plan']}.yaml" if "plan" in step else None
        securing = str(step.get("securing", ENVELOPE))
        return Job(record_type=str(step["type"]), claims=claims, plan=plan, securing=securing)

    def _hand_over(self, file: Path, kind: str, holder: Company) -> None:
        if kind in PARTY_CREDENTIALS:
            target = holder.folder / "held" / file.name
            shutil.copy(file, target.with_suffix(".new"))
            target.with_suffix(".new").replace(target)  # whole at once: the holder may be reading the folder
            return
        into, policy = _PASSED_ON.get(kind, ("facility", "site"))
        body: JsonObject = {
            "credential": file.read_text("utf-8"),
            "into": f"{holder.name}-{into}",
            "policy": str(holder.folder / "policies" / f"{policy}.json"),
        }
        answer = self._ask(holder, partial(_post, path="/v1/import", body=body))
        self.told.findings += list_in(answer["findings"])

    def _claims(self, step: Step, signer: Company, holder: Company) -> Path:
        """The claim file, with the ids that the holder gave its things."""
        path = signer.folder / "claims" / str(step["claims"])
        text = path.read_text("utf-8")
        if "facility" in step:
            text = text.replace("{facility}", self._subject_of_plan(holder, str(step["facility"])))
        if "battery" in step:
            owner = self.companies.connectors["car"]
            found = self._ask(owner, partial(_get, path=f"/v1/records?identifier={step['battery']}"))
            text = text.replace("{battery}", str(object_in(list_in(found["records"])[0])["subject"]))
        path.write_text(text, "utf-8")
        return path

    def _subject_of_plan(self, holder: Company, plan: str) -> str:
        """The id of what a plan's document is about: what `map run` says before anything is published."""
        out = holder.folder / f"{plan}.jsonl"
        if not out.exists():
            words = [sys.executable, "-P", "-m", "connector", "map", "run", "--json", "--out", str(out),
                     str(holder.folder / "plans" / f"{plan}.yaml"), "--config", str(holder.config_file)]  # fmt: skip
            subprocess.run(words, capture_output=True, check=True)  # noqa: S603 - our own command
        document = json.loads(out.read_text("utf-8").splitlines()[0])
        return str(document.get("subject", document)["id"])

    def _revoke(self, step: Step) -> None:
        signer = self.companies.signers[str(step["signer"])]
        file = next(path for path in self.told.issued.values() if path.name.startswith(str(step["claims"])))
        effective = datetime.fromisoformat(str(step["effective"]))
        site = self.companies.folder / "site" / signer.name
        reason = str(step["reason"])
        withdrawn = issuing.revoke(
            signer.config, file.read_bytes(), purpose="revocation", effective=effective, reason=reason, site=site
        )
        asyncio.run(withdrawn)

    # --- companies ---------------------------------------------------------------------------------------------------

    def _publish(self, step: Step) -> None:
        company = self.companies.connectors[str(step["company"])]
        body: JsonObject = {
            "plan": str(company.folder / "plans" / f"{step['plan']}.yaml"),
            "policy": str(company.folder / "policies" / f"{step['policy']}.json"),
            "overwrite": step.get("overwrite") is True,
        }
        answer = self._ask(company, partial(_work, path="/v1/publish", body=body))
        self.told.published[company.name, str(step["plan"])] = answer
        self.told.findings += list_in(answer["findings"])

    def _arrive(self, step: Step) -> None:
        company = self.companies.connectors[str(step["company"])]
        for path in sorted((company.folder / str(step["files"])).iterdir()):
            shutil.copy(path, company.folder / "exports" / path.name)

    def _exchange(self, step: Step) -> None:
        supplier = self.companies.connectors[str(step["supplier"])]
        customer = self.companies.connectors[str(step["customer"])]
        for dataset in list_in(step["datasets"]):
            key = f"{supplier.name}-{customer.name}-{dataset}"
            asked = self._request(customer, supplier, str(dataset), key)
            if asked["state"] != "FINALIZED":
                raise NotAllowed(f"{customer.title} got no contract on {dataset} of {supplier.title}: {asked}")
            self.told.negotiations_finalized += 1
            body: JsonObject = {"agreement": asked["agreement"]}
            key += f"-fetch-{asked['agreement']}"
            fetched = self._ended(customer, partial(_work, path="/v1/fetch", body=body, key=key))
            self.told.transfers_completed += fetched["state"] == "COMPLETED"
            self.told.findings += list_in(fetched["findings"])

    def _request(self, customer: Company, supplier: Company, dataset: str, key: str) -> JsonObject:
        body: JsonObject = {
            "peer": supplier.name,
            "dataset": f"{supplier.name}-{dataset}",
        }  # a dataset is called after its plan
        return self._ended(customer, partial(_post, path="/v1/request", body=body, key=key))

    def _refused(self, step: Step) -> None:
        """The customer sees the offer, asks, and is refused; the owner has the whole reason on record."""
        supplier = self.companies.connectors[str(step["supplier"])]
        customer = self.companies.connectors[str(step["customer"])]
        asked = self._request(customer, supplier, str(step["dataset"]), f"refused-{customer.name}-{step['dataset']}")
        entries = self._evidence(supplier, "negotiation-decided")
        owners = next((one for one in reversed(entries) if one.get("counterparty") == customer.did), {})
        self.told.refused.append({
            "asker": customer.title, "owner": supplier.title, "dataset": str(step["dataset"]), "state": asked["state"],
            "told_to_asker": asked["termination"], "known_to_owner": owners.get("decision"),
        })  # fmt: skip

    def _evidence(self, company: Company, event: str) -> list[JsonObject]:
        found: list[JsonObject] = []
        after = 0
        while True:
            entries = list_in(self._ask(company, partial(_get, path=f"/v1/evidence?after={after}"))["entries"])
            if not entries:
                return found
            found += [object_in(object_in(one)["body"]) for one in entries if object_in(one)["event"] == event]
            after = _int(object_in(entries[-1])["seq"])

    def _audit(self, step: Step) -> None:
        company = self.companies.connectors[str(step["company"])]
        peer = self.companies.connectors[str(step["peer"])].did
        body: JsonObject = {"id": str(step["battery"]), "peer": peer, "bundle": True}
        report = self._until(self._has_no_gap, company, partial(_work, path="/v1/audit", body=body))
        self.told.bundles.append(b64decode(str(report.pop("bundle"))))
        self.told.audits.append((step, report))

    def _stop(self, step: Step) -> None:
        self.companies.stop(self.companies.connectors[str(step["company"])])

    def _has_no_gap(self, report: JsonObject) -> bool:
        """Whether everybody was there, but for who was stopped."""
        meant = any(company.stopped for company in self.companies.connectors.values())
        return meant or not any(object_in(node)["outcome"] in _GAPS for node in list_in(report["nodes"]))

    def _ended(self, company: Company, call: Ask) -> JsonObject:
        """What a negotiation or a transfer has come to at its end."""
        return self._until(lambda answer: answer["state"] in _ENDS, company, call)

    def _until(self, good: Callable[[JsonObject], bool], company: Company, call: Ask) -> JsonObject:
        """Repeat a command whose answer lacks something for now: whoever was asked for it may be coming back."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._ask(company, call)
            if good(answer) or time.monotonic() > deadline:
                return answer
            time.sleep(_PAUSE_SECONDS)

    def _ask(self, company: Company, call: Ask) -> JsonObject:
        """Ask until there is an answer: a connector that was killed comes back, and knows what it had done."""
        deadline: float | None = None
        while True:
            try:
                return call(company.management())
            except CannotCheck:
                deadline = deadline or time.monotonic() + PATIENCE_SECONDS
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)


def _get(api: Management, *, path: str) -> JsonObject:
    return api.get(path)


def _post(api: Management, *, path: str, body: JsonObject, key: str = "") -> JsonObject:
    return api.post(path, body, key=key)


def _work(api: Management, *, path: str, body: JsonObject, key: str = "") -> JsonObject:
    return api.work(path, body, key=key)


def read_story(folder: Path) -> JsonObject:
    """The story's file."""
    return tomllib.loads((folder / "story.toml").read_text("utf-8"))


def _steps(value: object) -> list[Step]:
    return [dict(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
