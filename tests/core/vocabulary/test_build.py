"""What is committed is what the tables make, and every shipped context is what its digest says."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from connector.errors import BadInput
from connector.model import JsonObject
from connector.vocabulary.build import build, publish
from connector.vocabulary.bundle import Bundle, default_folder, load_bundle
from connector.vocabulary.terms import CREDENTIALS_V2
from connector.vocabulary.versions import read_versions
from tests.core.vocabulary.tables import VOCAB, changed, in_work, sources


def test_generated_files_are_the_committed_ones() -> None:
    """`battery-connector vocab build` would change nothing, and nothing else lies about."""
    made = build(sources())
    for name, content in made.items():
        assert (VOCAB / name).read_bytes() == content, f"{name} is not what the tables make: run `vocab build`"
    current = read_versions(sources()["versions.csv"])[-1]
    schemas = {path.relative_to(VOCAB).as_posix() for path in VOCAB.glob(f"schemas/{current.number}/*")}
    assert schemas == {name for name in made if name.startswith("schemas/")}


def test_what_was_published_stays() -> None:
    """Context and rules of each version with a date are what its row says."""
    published = [version for version in read_versions(sources()["versions.csv"]) if version.published]
    assert published
    for version in published:
        files = (VOCAB / "schemas" / version.number).glob("*.json")
        schemas = {path.stem: json.loads(path.read_bytes()) for path in files}
        assert version.differs((VOCAB / version.context_file).read_bytes(), schemas) == ""


def test_a_published_version_is_not_changed() -> None:
    """After `publish`, a new term or a stricter shape needs a new version; a better text does not."""
    tables = in_work(sources())
    current = read_versions(tables["versions.csv"])[-1]
    tables["versions.csv"] = publish(tables, "2027-01-01")
    build(tables)
    build(changed(tables, "terms.csv", b"Mass of the whole battery.", b"Mass of the battery."))
    for name, old, new, what in (
        (
            "terms.csv",
            b"\nbatteryMass,",
            b"\nmassOfBattery,property,BatteryModel,,xsd:date" + b"," * 13 + b"\nbatteryMass,",
            "context",
        ),
        ("shapes.csv", b"Loss,node,,lossKind;contained,", b"Loss,node,,lossKind;contained;description,", "rules"),
    ):
        later = changed(tables, name, old, new)
        if name == "shapes.csv":
            later = changed(later, name, b"contained;description,description,", b"contained;description,,")
        with pytest.raises(BadInput, match=f"the {what} of {current.number}"):
            build(later)
        later["versions.csv"] += b"9.0.0,,,\n"
        made = build(later)
        assert "contexts/battery-connector/9.0.0.jsonld" in made
        assert current.context_url.encode() in made["contexts.csv"]
    with pytest.raises(BadInput, match="was published"):
        publish(tables, "2027-01-02")


def test_a_credential_is_held_to_its_version(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """An earlier context leads to the schemas of that time; without one the current ones count."""
    subject = documents["MinePermit"]
    first, current = bundle.known_contexts - {CREDENTIALS_V2, bundle.context_url}, bundle.context_url
    record: JsonObject = {"id": "urn:uuid:0b5d77f0-3f6b-8d1c-9c1f-6d2a54f0c001", "type": "Record", "version": "1"}
    for url in (*first, current):
        document: JsonObject = {
            "@context": [CREDENTIALS_V2, url],
            "record": {**record, "accessClass": "PUB", "level": "item"},
            "credentialSubject": subject,
        }
        assert bundle.check("MinePermit", document) == []


@pytest.mark.parametrize(
    "table",
    [
        b"version\n1.0.0\n",
        b"version,published,context,rules\n",
        b"version,published,context,rules\n1.0.0,,,\n1.1.0,,,\n",
    ],
)
def test_a_table_of_versions_that_leaves_something_open_is_refused(table: bytes) -> None:
    """Only the last version may be in work."""
    with pytest.raises(BadInput, match=r"versions\.csv"):
        read_versions(table)


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


def test_the_bundle_knows_the_contexts_of_all_versions(bundle: Bundle) -> None:
    """A credential may name these and no others."""
    versions = read_versions(sources()["versions.csv"])
    assert bundle.known_contexts == {CREDENTIALS_V2, *(version.context_url for version in versions)}
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
