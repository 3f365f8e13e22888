"""Pages and values speak four languages: no language lacks a sentence or a word, and none is there that nobody says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from jinja2 import Environment, FileSystemLoader, nodes

from connector.policy.operands import OPERANDS
from connector.server.languages import TEMPLATES
from connector.server.passport_page import SECTIONS
from connector.server.words import refused_in_words
from connector.vocabulary.bundle import load_bundle
from connector.vocabulary.terms import LANGUAGES
from connector.vocabulary.wording import read_words

ROOT = Path(__file__).resolve().parents[2]
TABLES = [ROOT / "vocab" / "words.csv", *sorted(TEMPLATES.glob("*.csv"))]
PAGES = {"passport": ("page.html", "passport.html", "no_passport.html")}
KINDS = {"month", "unit", "country", "language", "truth"}
"""First parts of words that are put together: `country.DE`."""


def places(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_no_language_lacks_a_sentence(path: Path) -> None:
    """Each is there in all four, with the same places to fill in, and is text: it goes into the page as it stands."""
    table = read_words(path.read_bytes())
    assert tuple(table) == LANGUAGES
    for key, english in table["en"].items():
        for language in LANGUAGES:
            said = table[language][key]
            assert said, (language, key)
            assert said == said.strip(" "), (language, key)
            assert places(said) == places(english), (language, key)
            assert not set("<>&\"'") & set(said), (language, key)


def said_by_templates(names: tuple[str, ...]) -> Iterator[str]:
    """The keys that templates call `say` with."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    for name in names:
        tree = environment.parse((TEMPLATES / name).read_text("utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "say":
                assert isinstance(call.args[0], nodes.Const), name
                yield str(call.args[0].value)


def said_by(module: str) -> Iterator[str]:
    """The keys that a module calls `say` with."""
    for node in ast.walk(ast.parse((ROOT / module).read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            yield from (str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant))


def test_every_sentence_of_the_passport_page_is_said() -> None:
    """By a template, by the page's module, as a heading, or as the name of a language."""
    table = read_words((TEMPLATES / "passport.csv").read_bytes())
    said = {*said_by_templates(PAGES["passport"]), *said_by("connector/server/passport_page.py"), *SECTIONS, "name"}
    assert said == set(table["en"])


def test_no_sentence_stands_in_a_template() -> None:
    """What a page of several languages says comes from its table."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    for name in PAGES["passport"]:
        tree = environment.parse((TEMPLATES / name).read_text("utf-8"))
        text = " ".join(one.data for one in tree.find_all(nodes.TemplateData))
        outside = "".join(part.rpartition(">")[2] for part in text.split("<"))
        assert not [letter for letter in outside if letter.isalpha()], (name, outside)


def test_every_operand_has_its_words() -> None:
    """A refusal names what failed, not "a condition"."""
    told = refused_in_words({"reason": [{"failed": [*OPERANDS]}]})
    assert "unitBuyer" in told
    assert "a condition" not in told


def test_every_word_for_values_is_said() -> None:
    """By its whole name, or as one of a kind; a unit is one of the list."""
    tree = ast.parse((ROOT / "connector" / "vocabulary" / "wording.py").read_text("utf-8"))
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    begun = {
        node.values[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant)
    }
    bundle = load_bundle()
    units = {code.name for code in bundle.terms.codes["Unit"]}
    for word in bundle.words["en"]:
        kind, _, rest = word.partition(".")
        if kind in KINDS:
            assert f"{kind}." in begun, word
            assert kind != "unit" or rest.removesuffix(".1") in units, word
        else:
            assert word in named, word
