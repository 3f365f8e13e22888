"""The JSON Schemas that run and the SHACL shapes that are published say the same: pyshacl judges.

Both are written from one model (`contract`). Random documents that fit it, and random changes of them, get the same
verdict from the compiled check and from the judge.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.model import JsonObject
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.contract import Contract, make_contract
from connector.vocabulary.examples import Examples
from connector.vocabulary.terms import CREDENTIALS_V2
from connector.vocabulary.versions import read_versions
from tests.core.vocabulary.judge import Judge
from tests.core.vocabulary.mutations import Mutations

_EXAMPLES = sorted(Path("tests/vectors/documents").glob("*.json"))
_PASSPORTS = sorted(Path("examples/passports").glob("*.json"))
ROOT_ID = "urn:uuid:00000000-0000-8000-8000-ffffffffffff"


@pytest.fixture(scope="module")
def judge(bundle: Bundle) -> Judge:
    """The judge with the published shapes."""
    current = read_versions(Path("vocab/versions.csv").read_bytes())[-1]
    return Judge(bundle, Path("vocab") / current.shapes_file, current.shapes_url)


@pytest.mark.filterwarnings("ignore:Parsing weird boolean")
@pytest.mark.parametrize(("count", "first_seed"), [(500, 0), pytest.param(10_000, 1_000_000, marks=pytest.mark.long)])
def test_compiled_check_and_pyshacl_agree(bundle: Bundle, judge: Judge, count: int, first_seed: int) -> None:
    """On valid documents and on mutated ones, whole subjects and credentials by turns."""
    documents = Documents(bundle)
    verdicts = {True: 0, False: 0}
    for seed in range(first_seed, first_seed + count):
        made = documents.make(random.Random(seed))
        findings = bundle.check(made.record_type, made.document)
        good = not findings
        judged = judge.conforms({"@context": [CREDENTIALS_V2, bundle.context_url], **made.document}, made.shape)
        assert good == judged, f"seed {seed}: {made}: {findings[:3]}"
        assert good or made.change
        verdicts[good] += 1
    assert min(verdicts.values()) > count // 5


@pytest.mark.parametrize("path", [*_EXAMPLES, *_PASSPORTS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_example_fits_both(bundle: Bundle, judge: Judge, path: Path) -> None:
    """What people copy from is good for readers of JSON and of RDF."""
    record_type = path.stem if path in _EXAMPLES else "BatteryPassport"
    document: JsonObject = json.loads(path.read_bytes())
    assert bundle.check(record_type, document) == []
    assert judge.conforms({"@context": [CREDENTIALS_V2, bundle.context_url], **document}, record_type)


@dataclass(frozen=True)
class Made:
    """A document, the published shape that it has to fit, and what was changed (nothing in every third)."""

    record_type: str
    document: JsonObject
    shape: str
    change: str


class Documents:
    """Makes random documents of all record types."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._contract: Contract = make_contract(bundle.terms, bundle.shapes)
        context = bundle.contexts[bundle.context_url]
        assert isinstance(context, dict)
        assert isinstance(context["@context"], dict)
        self._anywhere = sorted({term.name for term in bundle.terms.properties} & context["@context"].keys())

    def make(self, chance: random.Random) -> Made:
        """A whole subject or a credential."""
        names = list(self._contract.records)
        name = names[chance.randrange(len(names))]
        examples = Examples(self._contract, chance.randrange)
        mutations = Mutations(self._contract, self._bundle.terms, chance.randrange, self._anywhere)
        changed = chance.randrange(3)
        if chance.randrange(2):
            document = examples.whole(name)
            change = mutations.mutate(document, self._contract.records[name].whole) if changed else ""
            return Made(name, document, name, change)
        document = {**examples.credential(name, self._bundle.context_url), "id": ROOT_ID}
        change = self._mutate(name, document, mutations, chance) if changed else ""
        return Made(name, document, f"{name}-credential", change)

    def _mutate(self, name: str, document: JsonObject, mutations: Mutations, chance: random.Random) -> str:
        """A change in the subject, or in the record that says which part it is."""
        record, subject = document.get("record"), document["credentialSubject"]
        shape = self._contract.records[name].whole
        assert isinstance(subject, dict)
        if isinstance(record, dict):
            said = (record["accessClass"], record["level"])
            if not chance.randrange(4):
                key = ("accessClass", "level")[chance.randrange(2)]
                record[key] = ("PUB", "LI", "B2B", "ORG", "item", "model", "dynamic", "secret")[chance.randrange(8)]
                return f"another {key}"
            shape = next(part for key, part in self._contract.records[name].parts.items() if key == said)
        return mutations.mutate(subject, shape)
