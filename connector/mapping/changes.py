"""What changed since the last run: documents by their digests, kept in a state that a person can read and delete.

A document counts as changed when anything of it does: its values, its links, who may get it, or the vocabulary that it
is held against. A document that the vocabulary refuses is not remembered, so that it is told again. Whether a record is
gone is known only where every row could be read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connector.errors import BadInput
from connector.mapping.engine import Mapped, Result
from connector.mapping.source import SourceFile
from connector.model import Json

_FORMAT = "mapping-state/1"
_HINT = "a file that an earlier run wrote for this plan; delete it to begin anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a run leaves for the next: of which mapping, the digest of all it read, record id -> key and digest.

    `inputs` is empty where the run had findings: the next one has to tell them again.
    """

    mapping: str
    inputs: str = ""
    records: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """As it is kept: JSON, a record per line."""
        records = {record: list(known) for record, known in self.records.items()}
        tree = {"format": _FORMAT, "mapping": self.mapping, "inputs": self.inputs, "records": records}
        return (json.dumps(tree, ensure_ascii=False, indent=0) + "\n").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Documents that are new or changed, how many are as they were, and the keys of records that are gone."""

    documents: tuple[Mapped, ...]
    unchanged: int
    gone: tuple[str, ...]
    digests: Mapping[str, str]


def read_state(data: bytes, mapping: str) -> State:
    """The state of an earlier run of this mapping. Raises `BadInput`."""
    try:
        tree = json.loads(data)
        records = {str(record): (str(key), str(digest)) for record, (key, digest) in tree["records"].items()}
        state = State(mapping=tree["mapping"], inputs=str(tree["inputs"]), records=records)
        known = tree["format"] == _FORMAT
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput("The state of the last run cannot be read.", hint=_HINT) from error
    if not known or state.mapping != mapping:
        raise BadInput(f"The state is of {state.mapping}, the plan is {mapping}.", hint=_HINT)
    return state


def inputs_digest(plan: bytes, vocabulary: str, files: Mapping[str, Sequence[SourceFile]], minted: str) -> str:
    """One digest of all that a run reads. `minted`: an id that its key makes, so that another key is another input."""
    read = {name: [[file.name, file.sheet, file.digest] for file in listed] for name, listed in files.items()}
    return _digest([hashlib.sha256(plan).hexdigest(), vocabulary, minted, read])  # type: ignore[list-item]  # lists of texts are JSON


def changes_since(before: State, result: Result, vocabulary: str) -> Changes:
    """What of a run's documents is not as the state says."""
    digests = {mapped.record_id: _of_document(mapped, vocabulary) for mapped in result.mapped}
    documents = tuple(
        mapped for mapped in result.mapped
        if before.records.get(mapped.record_id, ("", ""))[1] != digests[mapped.record_id]
    )  # fmt: skip
    lost = () if result.findings else [known[0] for record, known in before.records.items() if record not in digests]
    return Changes(documents=documents, unchanged=len(digests) - len(documents), gone=tuple(lost), digests=digests)


def state_after(before: State, result: Result, changes: Changes, refused: Collection[str], inputs: str) -> State:
    """What the next run has to know. `refused`: records that the vocabulary does not take."""
    keys = {mapped.record_id: mapped.key for mapped in result.mapped}
    kept = dict(before.records) if result.findings else {}  # a row that could not be read may be any of these
    now = {record: (keys[record], digest) for record, digest in changes.digests.items()}
    records = {record: known for record, known in (kept | now).items() if record not in refused}
    clean = not result.findings and not refused
    return State(mapping=before.mapping, inputs=inputs if clean else "", records=records)


def _of_document(mapped: Mapped, vocabulary: str) -> str:
    links: list[Json] = [
        [one.path, one.id_path, one.record_type, one.scheme, one.value, one.issuer, one.own, one.optional]
        for one in mapped.links
    ]
    return _digest(
        [vocabulary, mapped.record_type, mapped.model_id, mapped.title, [*mapped.buyers], links, mapped.subject]
    )


def _digest(tree: list[Json]) -> str:
    written = json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()
