"""The audit report's page: complete in words, nothing fetched, nothing run, nothing injected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connector.model import JsonObject
from connector.provenance.client import for_client
from connector.provenance.outcomes import MOST_RESTED, Outcome, Verdict
from connector.provenance.report import AuditReport
from connector.server.chain_picture import CARD_WIDTH, lay_out
from connector.server.report import _MEANINGS, render
from tests.core.provenance.chains import MINE, REFINER, SEALED, audit, chain, change, claim, lot

_VOID = frozenset({"meta", "br", "path", "rect", "link", "img"})


def _bad() -> AuditReport:
    claims = {"L1": lot("250", claim("7")), "L2": lot("660", claim("2", method="<script>alert(2)</script>"))}
    world = chain(refined="160", claims=claims)
    change(world, "rec:assay:L2", name="<script>alert(1)</script>")
    world.words = lambda octets, _at: Outcome.REVOKED if "MinePermit" in octets else Outcome.VERIFIED
    return audit(world)


def _client(full: AuditReport) -> AuditReport:
    world = chain()
    for (holder, ident), target in world.links.items():
        if holder == REFINER and target.record in {"rec:L1", "rec:R1"}:
            world.refuse[holder, ident] = SEALED
    return for_client(full, audit(world))


class _Reader(HTMLParser):
    """Tags in balance, and every attribute seen."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in _VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    assert reader.stack in ([], ["html"])
    return reader


@pytest.mark.parametrize(
    "make", [lambda: audit(chain()), _bad, lambda: _client(_bad()), lambda: audit(chain(), root="x")]
)
def test_the_page_is_one_file_without_scripts_styles_or_resources_of_others(make: Callable[[], AuditReport]) -> None:
    """Strict CSP: one style block, no style attribute, no handler, no address that would be fetched."""
    page = render(make())
    reader = _read(page)
    assert page.count("<style>") == 1
    assert "<script" not in page
    for name, value in reader.attributes:
        assert name != "style"
        assert not name.startswith("on")
        if name in {"href", "src", "xlink:href"}:
            assert value.startswith("#")
    assert len(reader.ids) == len(set(reader.ids))


def test_everything_is_said_in_words() -> None:
    """Verdict, each outcome, each finding with site, metal, period and residual, each record in the table."""
    report = _bad()
    text = _read(render(report)).text
    for word in (
        "Failed",
        "digest-mismatch",
        "revoked",
        "make event of",
        "site-balance",
        "Refinery",
        "Nickel",
        "\N{MINUS SIGN}12 kg",
    ):
        assert word in text
    assert "2027-01-01 to 2027-03-01" in text
    table = render(report).partition('id="nodes"')[2]
    assert table.count('scope="row"') == len(report.nodes)
    assert "Rests on 1 bad record: " in table
    rests = tuple(map(str, range(MOST_RESTED)))
    many = replace(report, nodes=tuple(replace(node, rests_on=rests) for node in report.nodes))
    assert f"Rests on {MOST_RESTED} or more bad records: " in render(many)


def test_names_from_peers_are_text_and_never_markup() -> None:
    """A name is what a peer wrote."""
    assert "<script>alert" not in render(_bad())
    assert "&lt;script&gt;alert" in render(_bad())


def test_names_from_peers_neither_turn_nor_hide() -> None:
    """A supplier's lot could be called so that the rest of a line reads from right to left, or is not seen."""
    report = _bad()
    for odd in ("\u202e", "\u2066", "\u200b", "\x1b"):
        shown = render(replace(report, nodes=tuple(replace(node, name=f"Lot {odd}5") for node in report.nodes)))
        assert odd not in shown
        assert f"Lot {odd!r}5".replace("'", "") in shown


def test_a_clients_page_shows_sealed_suppliers_as_sealed() -> None:
    """No canary of the mine."""
    page = render(_client(_bad()), prepared_for="Maker")
    assert "prepared for Maker" in page
    for canary in (MINE, "North pit", "site:mine", "Lot one", "rec:M1", "mine.example"):
        assert canary not in page


def test_cards_do_not_overlap_and_lie_from_mine_to_battery() -> None:
    """Left to right along the material; each card has a place of its own."""
    picture = lay_out(audit(chain()))
    place = {card.node.id: card for card in picture.cards}
    assert place["rec:L1"].x < place["rec:L2"].x < place["rec:B"].x
    assert {mark.node.type for mark in place["rec:L1"].marks} >= {"MakeEvent", "FacilityRecord", "MinePermit"}
    assert len(picture.lines) == 2
    assert [frame.site for frame in picture.frames] == ["North pit", "Refinery", "Battery works"]
    for one in picture.cards:
        for other in picture.cards:
            apart = (
                abs(one.x - other.x) >= CARD_WIDTH or one.y + one.height <= other.y or other.y + other.height <= one.y
            )
            assert one is other or apart


def test_the_picture_begins_at_its_top_left_corner() -> None:
    """A phone shows the first column alone: one card in the middle, beside a longer column, was an empty screen."""
    picture = lay_out(_client(_bad()))
    first, second = picture.frames[:2]
    assert (first.x, first.y) == (second.y, second.y)
    assert first.height < second.height


def test_balances_that_prove_nothing_are_not_said_to_hold() -> None:
    """No record is bad, and yet not all is well: the page said that all balances hold."""
    good = audit(chain())
    assert "all balances hold within their tolerances" in render(good)
    gap = replace(good, balances=tuple(replace(one, gaps=("no opening stocktake",)) for one in good.balances))
    page = render(gap)
    assert "all balances hold" not in page
    assert f'{len(gap.balances)} of {len(gap.balances)} <a href="#balances">balances</a> can prove nothing' in page
    assert "There are no balances to tell of" in render(replace(good, balances=()))
    for words, told in (
        (("balanced",), "all balances hold"),
        (("balanced", "incomplete"), "not all of those that are"),
    ):
        assert told in render(replace(good, balances=(), withheld_balances=words))


def test_paper_is_wide_enough_for_the_balances() -> None:
    """Twelve columns: on a sheet upright the last, with the outcome, were cut off or shrunk until nobody could read."""
    printed = render(audit(chain())).partition("@media print{")[2]
    assert "@page{size:landscape}" in printed.partition("</style>")[0]


@pytest.mark.browser
def test_the_page_is_accessible_in_a_real_browser(tmp_path: Path) -> None:
    """No finding of axe, in light and dark, wide and narrow."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "report.html"
    page_file.write_text(render(_bad()), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for scheme, width in (("light", 1280), ("dark", 1280), ("light", 360)):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.goto(page_file.as_uri())
            results = Axe().run(page)
            assert results.violations_count == 0, results.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": 1000, "height": 700})  # A4, lying, within its margins
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000
        browser.close()


def test_footprints_stand_in_a_table_and_what_contradicts_them_in_the_findings() -> None:
    """Who said to have checked it, what it brings, whether it is added; a page without claims has no such section."""
    claims = {"L1": lot("250", claim("7")), "L2": lot("660", claim("2", allocation="economic"))}
    claims["B"] = {"footprint": claim("1", "KWH")}
    words = _read(render(audit(chain(claims=claims)))).text
    for said in (
        "7 kg CO₂e per kg", "cradle to gate", "Rulebook 2.0", "its maker alone", "held by a nearer claim", "added",
        "428.1 kg CO₂e", "A sum of statements, not a verified figure", "Lot one within", "✕ contradicted",
        "? not comparable", "it is declared per KWH", "A stated carbon footprint is smaller",
    ):  # fmt: skip
        assert said in words, said
    assert "Carbon footprint" not in _read(render(audit(chain()))).text


def test_sourcing_stands_in_tables_and_what_contradicts_it_in_the_findings() -> None:
    """Shares by who stands behind the source; one row for what a company says alike of several lots."""
    third: JsonObject = {
        "type": "Assurance",
        "party": "third",
        "level": "certified",
        "verifier": "did:web:mine.example",
    }
    claim: JsonObject = {"scheme": "Mining Standard", "schemeVersion": "2.1", "score": "74", "scope": "pit"}
    flag: JsonObject = {"flag": "armed group at the road", "severity": "high"}
    own: JsonObject = {"socialClaim": [claim, {**claim, "assurance": third}], "redFlag": [flag]}
    words = _read(render(audit(chain(claims={"L1": own, "L2": {"socialClaim": claim}})))).text
    for said in (
        "Responsible sourcing", "Its maker alone", "66.2 %", "Origin not verified", "33.8 %",
        "social claim: Mining Standard 2.1",
        "its maker alone, who calls itself a third party", "North pit: its maker alone", "no action told",
        "Sites on the way of which nothing is stated that counts: Battery works", "! sourcing-red-flag",
        "sourcing-contradicted, sourcing-red-flag", "A sourcing claim is not what its verifier signed",
    ):  # fmt: skip
        assert said in words, said
    assert "Responsible sourcing" not in _read(render(audit(chain()))).text


def test_books_that_do_not_add_up_are_said_where_they_matter() -> None:
    """Every record is verified, and yet nobody may read that nothing is bad: at the verdict and beside the shares."""
    full = audit(chain(refined="160"))
    assert full.verdict is Verdict.QUALIFIED
    assert {node.outcome for node in full.nodes} == {Outcome.VERIFIED}
    words = _read(render(full)).text
    assert "does not add up" in words
    assert "Nothing that was reached is bad" not in words
    assert "The books do not add up: Nickel at" in words
    good = _read(render(audit(chain()))).text
    assert "do not add up" not in good
    assert "What these words mean" not in good


def test_each_word_leads_to_what_to_do() -> None:
    """Beside the findings stands what the word means, once, and what to ask of whom."""
    words = _read(render(_bad())).text
    assert words.count("ask the issuer why, and the holder what takes its place") == 1
    assert set(_MEANINGS) == set(Outcome) - {Outcome.VERIFIED}


def test_the_table_says_what_the_cards_say() -> None:
    """Who can't see the picture gets the material, the process, the site and the links in words."""
    told = audit(chain())
    said = {"MineralLotPassport": ("nickelSulphate", "postConsumer"), "MakeEvent": ("refining", "")}
    nodes = [
        replace(node, what=said[node.type][0], source_kind=said[node.type][1]) if node.type in said else node
        for node in told.nodes
    ]
    table = render(replace(told, nodes=tuple(nodes))).partition('id="nodes"')[2]
    assert "Mineral lot passport, nickel sulphate (post-consumer)" in table
    assert "Make event, refining" in table
    assert "facility record: " in table
    assert "facilityRecord" not in table


def test_one_reason_for_several_times_is_told_once() -> None:
    """A permit on which several events lean has one reason, with each time, and no word twice over."""
    (permit,) = [node for node in _bad().nodes if node.type == "MinePermit"]
    (reason,) = permit.reasons
    assert reason.count("revoked") == 1


def test_a_gap_is_told_by_the_record_that_leads_to_it() -> None:
    """Two records of a supplier that is away were told alike, and nobody knew what to ask it for."""
    told = audit(chain())
    gone = [node for node in told.nodes if node.type == "MineralLotPassport" and node.key != told.root]
    nodes = [
        replace(node, type="", name="", what="", outcome=Outcome.MISSING) if node in gone else node
        for node in told.nodes
    ]
    words = _read(render(replace(told, nodes=tuple(nodes)))).text.partition("The chain")[0]
    assert len(gone) > 1
    assert words.count("Record not obtained (input of make event ") + words.count(
        "Record not obtained (upstream of "
    ) == len(gone)
