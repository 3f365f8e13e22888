"""How long the compiled check of a document takes, beside pyshacl on the same document and the published shapes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from pyld import jsonld

from connector.model import JsonObject
from connector.vocabulary.bundle import load_bundle
from connector.vocabulary.terms import CREDENTIALS_V2
from connector.vocabulary.versions import read_versions
from tests.bench.figures import Figure
from tests.core.vocabulary.judge import Judge

_RECORD = "BatteryPassport"
_ROUNDS, _JUDGED = 1_000, 20
_TRIPLES = 200


def shapes() -> list[Figure]:
    """One document of about two hundred triples."""
    bundle, version = load_bundle(), read_versions(Path("vocab/versions.csv").read_bytes())[-1]
    judge = Judge(bundle, Path("vocab") / version.shapes_file, version.shapes_url)
    whole: JsonObject = json.loads(Path(f"tests/vectors/documents/{_RECORD}.json").read_bytes())
    required = {"id", "type", *bundle.shapes.records[_RECORD].required}
    subject: JsonObject = {key: value for key, value in whole.items() if key in required}
    for key in sorted(whole.keys() - required):
        document: JsonObject = {"@context": [CREDENTIALS_V2, bundle.context_url], **subject, key: whole[key]}
        if _triples(judge, document) <= _TRIPLES:
            subject[key] = whole[key]
    document = {"@context": [CREDENTIALS_V2, bundle.context_url], **subject}
    triples = _triples(judge, document)
    if bundle.check(_RECORD, subject) or not judge.conforms(document, _RECORD):
        raise RuntimeError("the bench's own document does not fit")
    graph = judge.graph(document)
    ours, middle = _microseconds(lambda: bundle.check(_RECORD, subject), 20, _ROUNDS)
    theirs, _ = _microseconds(lambda: judge.fits(graph, str(subject["id"]), _RECORD), 1, _JUDGED)
    note = (
        f"least of {_ROUNDS:,} rounds, median {middle:.1f}; pyshacl {theirs / 1000:.1f} ms, {theirs / ours:,.0f} times"
    )
    return [
        Figure(
            part="Core", name=f"shapes: a battery passport of {triples} triples checked", value=ours, unit="µs CPU",
            at_most=20, note=note,
        )
    ]  # fmt: skip


def _triples(judge: Judge, document: JsonObject) -> int:
    return len(jsonld.to_rdf(judge.expand(document))["@default"])


def _microseconds(work: Callable[[], object], times: int, count: int) -> tuple[float, float]:
    """CPU of one call: the least and the median of many rounds, as others use this machine too."""
    work()
    rounds: list[float] = []
    for _ in range(count):
        begin = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - begin) / times * 1e6)
    return min(rounds), statistics.median(rounds)
