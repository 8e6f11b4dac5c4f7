"""Every page, at three widths, in both colour schemes and every language: no error, no breach, no barrier."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Browser

from counterfoil.console.catalogue import PAGES
from counterfoil.console.words import languages
from tests.browser.acting import fill_bid, import_key, sign_in
from tests.browser.conftest import Open
from tests.browser.figures import RECEIVED, heaviest
from tests.browser.reader import Reader
from tests.e2e.founding import PROGRAMME
from tests.e2e.running import Shell, serving

AXE: Final = Path(__file__).parents[2] / "clients" / "console" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS: Final = (320, 768, 1440)
FIRST_PAGE_MOST: Final = 150_000  # bytes that come over the line, compressed
PARTIES: Final = {
    "start-up": "acme",
    "provider": "norn",
    "issuer": "springfield",
    "statements": "acme",
    "parties": "acme",
}
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS: Final = """rules => axe.run(document, { runOnly: rules, resultTypes: ["violations"] })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)))"""
WIDER: Final = """() => [...document.querySelectorAll("main, main *")]
  .filter((each) => !each.closest(".table, .scroll, pre, .hidden"))
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
def trade(market: Shell) -> str:
    """The id of the market's trade."""
    return str(httpx.get(f"{market.url}/v1/market-trades").json()["items"][0]["trade_id"])


@pytest.fixture(scope="module")
def auction(market: Shell) -> str:
    """The id of its auction."""
    return str(httpx.get(f"{market.url}/v1/auctions").json()["items"][0]["auction_id"])


def path_of(pattern: str, trade: str, auction: str) -> str:
    """A page with something to show."""
    known = {
        "programme_id": PROGRAMME,
        "auction_id": auction,
        "name:path": "matching",
        "contract_id": trade,
        "command": "place_bid",
        "party_id": PARTIES.get(pattern.partition("/")[0], ""),
    }
    return re.sub(r"{([^}]+)}", lambda found: known[found[1]], pattern)


@pytest.fixture(scope="module")
def visitor(chromium: Browser, market: Shell) -> Iterator[Reader]:
    """One reader who looks at all pages, with axe at hand."""
    visitor = Reader(chromium, market.url)
    visitor.context.add_init_script(path=AXE)
    yield visitor
    visitor.close()


@pytest.mark.parametrize("pattern", [page.path for page in PAGES])
def test_page(visitor: Reader, market: Shell, trade: str, auction: str, pattern: str) -> None:
    """Nothing is wider than the screen, axe finds nothing, and nothing is asked of anybody but the gateway."""
    visitor.errors.clear()
    own = "/" not in pattern and pattern in PARTIES  # for those who are signed in
    visitor.expected[:] = ["status of 40[134]"] if own else []
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
    visitor.page.emulate_media(color_scheme="light")
    page = visitor.open(path_of(pattern, trade, auction))
    assert visitor.badges("forged").count() == 0
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(FINDINGS, RULES) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(FINDINGS, ["wcag2aa"]) == []  # contrast
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate(FINDINGS, RULES) == []
    assert {url for url in asked if not url.startswith((f"{market.url}/", "blob:"))} == set()
    assert visitor.unexpected() == []


def test_the_first_page_is_small(reader: Reader) -> None:
    page = reader.open("market")
    received: list[tuple[str, int]] = page.evaluate(RECEIVED)
    assert sum(size for _, size in received) < FIRST_PAGE_MOST, received
    policy = httpx.get(page.url).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("language", languages())
def test_language(open_reader: Open, market: Shell, language: str) -> None:
    """The page and its modules speak the language that the browser asks for, and keep to one that was chosen."""
    reader = open_reader(locale={"en": "en-US"}.get(language, language))
    page = reader.open("market")
    assert page.get_attribute("html", "lang") == language
    words = httpx.get(f"{market.url}/console/words/{language}.json").json()
    assert words["badge_proven"] in page.locator(".badge[data-state=proven]").first.inner_text()
    for other, name in languages().items():
        if other != language:
            page.get_by_role("link", name=name, exact=True).click()
            page.wait_for_selector(f"html[lang={other}][data-ready]", state="attached")


def test_everything_is_done_by_keyboard(open_reader: Open, market: Shell) -> None:
    """From the skip link to a proof that is opened, and to a bid that is read, signed and sent."""
    reader = open_reader()
    page = reader.open("market")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('badge')"):
            break
    page.keyboard.press("Space")
    assert page.locator(".badge-details:not([hidden])").count() == 1
    import_key(reader, market, "acme")
    page = reader.open("command/place_bid")
    fill_bid(page)
    page.locator("[name=limit_price]").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    page.locator("[name=limit_price]").press("Enter")
    dialog.wait_for()
    for _ in range(12):
        if page.evaluate("document.activeElement.textContent") == "Sign and send":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("Accepted: entry [0-9]+ of matching/main")).wait_for()


@pytest.mark.drill
def test_ten_thousand_figures(open_reader: Open, market: Shell) -> None:
    """The page answers its reader while those in sight are proven; `python -m tests.browser.figures` prints these."""
    found = heaviest(open_reader())
    assert found.figures >= 10_000
    assert found.proven < 1_000
    assert found.busy < 1_000, "milliseconds that the page was busy at a time"


def test_a_restricted_instance(chromium: Browser, tmp_path: Path) -> None:
    """Entries are proven to whoever may read them and is signed in; others are told that they may not."""
    shell = Shell(tmp_path / "home", disclosure="restricted")
    shell.ok("init", "--host", "restricted.example")
    with serving(shell):
        reader = Reader(chromium, shell.url)
        reader.expected.append("status of 401")
        reader.open("logs/issuance?entry=0")
        assert "Only who may read the log's entries" in reader.said("unknown")
        reader.expected.clear()
        reader.errors.clear()
        sign_in(reader, shell, "operator")
        reader.open("logs/issuance?entry=0")
        assert "Entry 0 of restricted.example/issuance/main" in reader.said("proven")
        assert reader.unexpected() == []
        reader.close()
