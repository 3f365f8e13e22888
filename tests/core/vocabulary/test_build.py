"""What is committed is what the tables make, and every shipped context is what its digest says."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from connector.errors import BadInput
from connector.vocabulary.build import SOURCES, build
from connector.vocabulary.bundle import Bundle, default_folder, load_bundle
from connector.vocabulary.terms import CONTEXT_URL, CREDENTIALS_V2

VOCAB = Path("vocab")


def test_generated_files_are_the_committed_ones() -> None:
    """`battery-connector vocab build` would change nothing, and nothing else lies about."""
    made = build({name: (VOCAB / name).read_bytes() for name in SOURCES})
    for name, content in made.items():
        assert (VOCAB / name).read_bytes() == content, f"{name} is not what the tables make: run `vocab build`"
    schemas = {f"schemas/{path.parent.name}/{path.name}" for path in VOCAB.glob("schemas/*/*.json")}
    assert schemas == {name for name in made if name.startswith("schemas/")}


def test_third_party_files_have_source_licence_and_digests() -> None:
    """Two digests: of the bytes, and of the JSON however it is laid out (JCS, RFC 8785)."""
    with (VOCAB / "third-party.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert rows
    for row in rows:
        content = (VOCAB / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        plain = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(plain.encode()).hexdigest() == row["jcs_sha256"]
        assert row["source"]
        assert row["licence"]
        assert (VOCAB / row["notice"]).is_file()


def test_the_w3c_context_is_the_one_of_the_recommendation(bundle: Bundle) -> None:
    """The digest that the Recommendation prints."""
    digest = hashlib.sha256(bundle.context_bytes[CREDENTIALS_V2]).hexdigest()
    assert digest == "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"


def test_the_bundle_knows_two_contexts(bundle: Bundle) -> None:
    """A credential may name these and no others."""
    assert bundle.known_contexts == {CREDENTIALS_V2, CONTEXT_URL}
    assert default_folder().name == "vocab"


def test_a_changed_context_is_refused(tmp_path: Path) -> None:
    """One byte more, and nothing is loaded."""
    folder = tmp_path / "vocab"
    shutil.copytree(VOCAB, folder)
    load_bundle(folder)
    context = folder / "contexts" / "w3c" / "credentials-v2.jsonld"
    context.write_bytes(context.read_bytes() + b"\n")
    load_bundle.cache_clear()
    with pytest.raises(BadInput, match="credentials-v2"):
        load_bundle(folder)
    with pytest.raises(BadInput, match=r"terms\.csv"):
        load_bundle(tmp_path)


def test_record_types_lead_to_subject_classes(bundle: Bundle) -> None:
    """What others ask when they map or read a record."""
    assert bundle.record_types["MineralLotPassport"] == ("MaterialLot",)
    assert bundle.record_types["RecyclingCertificate"] == ("Battery",)
    assert bundle.record_types["MandateCredential"] == ("Party",)
