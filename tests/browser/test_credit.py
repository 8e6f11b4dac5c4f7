"""The credit market in the browser: a start-up sells a part of its voucher, another buys it, keys in their browsers."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from counterfoil.console.words import languages
from tests.browser.acting import act, sign_in
from tests.browser.conftest import Open
from tests.browser.test_pages import AXE, FINDINGS, RULES, WIDER, WIDTHS
from tests.e2e.founding import DOCUMENT, PROGRAMME
from tests.e2e.running import Shell, eventually

BOOK = "springfield-open"
_RULES = DOCUMENT.replace(f"id: {PROGRAMME}", f"id: {BOOK}").replace("{mode: NONE}", '{mode: OPEN, fee: "1%"}')


@pytest.fixture(scope="module")
def voucher(market: Shell, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A voucher of acme's in a programme with a book, and a buyer, globex, with cash."""
    rules = tmp_path_factory.mktemp("rules") / "open.yaml"
    rules.write_text(_RULES)
    market.ok("programme", "publish", rules, "--as", "springfield")
    market.ok("programme", "appropriate", BOOK, "--amount", "5000", "--document", "B-9", "--as", "springfield")
    market.ok("keys", "new", "globex")
    market.ok("party", "register", "globex", "--name", "Globex", "--role", "beneficiary", "--as", "operator")
    cash = ("--currency", "USD", "--amount", "500", "--reference", "IN-globex")
    market.soon("balance", "deposit", "globex", *cash, "--as", "treasury")
    issue = ("voucher", "issue", "--programme", BOOK, "--beneficiary", "acme", "--amount", "1000")
    market.soon(*issue, "--as", "springfield")
    return dict(eventually(lambda: rows(market, "holdings", programme_id=BOOK), "acme has it")[0])


def rows(market: Shell, view: str, **where: str) -> Any:
    """The rows of a view."""
    return httpx.get(f"{market.url}/v1/{view}", params=where).json()["items"]


def follow(page: Page, link: str) -> Page:
    """By one click to the form."""
    page.goto("/console/credit")
    page.get_by_role("link", name=link, exact=True).first.click()
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def test_credit_is_offered_bought_and_delivered(open_reader: Open, market: Shell, voucher: dict[str, Any]) -> None:
    """From the page of the market each, with the exact octets and the price in plain words before the key signs."""
    acme, globex = (sign_in(open_reader(), market, party) for party in ("acme", "globex"))
    page = follow(acme, "Offer")
    assert page.locator("[name=voucher_id]").input_value() == voucher["voucher_id"]
    page.locator("[name=amount]").fill("100")
    page.locator("[name=price_bps]").fill("9500")
    page.locator("[name=time_in_force]").select_option("GTC")
    page.get_by_role("button", name="Read and sign").click()
    dialog = page.get_by_role("dialog")
    said = dialog.locator("dl").inner_text()
    assert "9,500 basis points of par: 0.95 for 1" in said
    command = json.loads(dialog.locator("pre").inner_text())
    assert command["body"] == {
        "voucher_id": voucher["voucher_id"], "amount": "100000000", "price_bps": 9500, "time_in_force": "GTC",
    }  # fmt: skip
    dialog.get_by_role("button", name="Sign and send").click()
    result = page.locator("[data-result]")
    result.get_by_text(re.compile("Accepted: entry [0-9]+ of ledger/main")).wait_for()
    result.locator("[data-status=open]").wait_for()
    eventually(lambda: rows(market, "credit-depth"), "it is on the book")

    page = follow(globex, "Bid")
    filled = [page.locator(f"[name={name}]").input_value() for name in ("programme_id", "version", "price_bps")]
    assert filled == [BOOK, "1", "9500"]
    assert re.fullmatch("20[0-9]{2}-[0-9]{2}", page.locator("[name=month]").input_value())
    act(page, amount="40", time_in_force="GTC")
    (trade,) = eventually(lambda: rows(market, "credit-trades"), "it has traded")
    assert (trade["amount"], trade["price"]) == ("40000000", "38000000")
    acme.locator("[data-result] .followed li", has_text="credit.traded").wait_for()
    globex.goto("/console/credit")
    own = globex.locator("table", has_text="My orders for credit").locator("tbody tr")
    assert "filled" in own.inner_text()
    globex.locator("table", has_text="What my credit would fetch now").get_by_text("40.00").first.wait_for()

    order = rows(market, "credit-orders", party_id="acme")[0]["order_id"]
    act(follow(acme, "Cancel"))
    eventually(lambda: not rows(market, "credit-depth"), "it has left the book")
    assert rows(market, "credit-orders", party_id="acme")[0]["status"] == "cancelled"
    acme.goto("/console/credit")
    row = acme.locator("tr", has_text=order)
    row.locator(".badge[data-state=proven]").first.wait_for()
    assert row.locator("[data-said=price_bps].covered").count() == 1


def test_its_trades_stand_on_the_market_with_their_csv(open_reader: Open, market: Shell, tmp_path: Path) -> None:
    page = open_reader().open("market")
    table = page.locator(".table", has_text="Latest trades of credit")
    assert "9,500" in table.inner_text()
    with page.expect_download() as started:
        table.locator("+ .after").get_by_role("link", name="These rows as CSV").click()
    started.value.save_as(tmp_path / "trades.csv")
    (trade,) = csv.DictReader((tmp_path / "trades.csv").read_text().splitlines())
    assert [trade[name] for name in ("amount", "price_bps", "price", "currency")] == ["40.00", "9500", "38.00", "USD"]


@pytest.mark.parametrize("language", languages())
def test_the_page_for_its_own_party(open_reader: Open, market: Shell, voucher: dict[str, Any], language: str) -> None:
    """At three widths, in each language, for axe, and by keyboard to the form."""
    reader = open_reader(locale={"en": "en-US"}.get(language, language))
    reader.context.add_init_script(path=AXE)
    page = reader.page
    if language == "en":
        sign_in(reader, market, "acme")
    reader.open("credit")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) == []
    assert page.evaluate(FINDINGS, RULES) == []
    if language != "en":
        said = page.locator("main h1, main h3, main caption, main th, main dt").all_inner_texts()
        assert not [each for each in said if each and not re.search(r"[^\x00-\x7f]", each)]
        return
    offer = page.get_by_role("link", name="Offer", exact=True).first
    offer.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/command/offer_credit?**")
    page.wait_for_selector("html[data-ready]", state="attached")
    page.locator("[name=amount]").fill("1")
    page.locator("[name=price_bps]").fill("9900")
    page.locator("[name=price_bps]").press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
