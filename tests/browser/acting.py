"""What people do on several pages: take a key into the browser, sign in with it, fill in a bid."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.reader import Reader
from tests.e2e.founding import FIRST, PROGRAMME
from tests.e2e.running import Shell

HOUR = f"{FIRST[:4]}-{FIRST[4:6]}-{FIRST[6:8]}T{FIRST[9:11]}:00"
"""The bid's only hour, as its fields take it."""


def import_key(reader: Reader, market: Shell, party: str) -> Page:
    """The party's key file of the command line, taken into the browser."""
    page = reader.open("sign-in")
    page.get_by_text("Import a key file", exact=True).first.click()
    form = page.locator("form#import-key")
    form.get_by_label("Party").fill(party)
    form.get_by_label("Key file").set_input_files(market.home / "keys" / f"{party}.pem")
    form.locator("button").click()
    page.get_by_text(re.compile("The key [0-9a-f]{16} is in this browser")).wait_for()
    return page


def sign_in(reader: Reader, market: Shell, party: str) -> Page:
    """The same, and signed in with it."""
    page = import_key(reader, market, party)
    page.get_by_role("button", name=f"Sign in as {party}").click()
    page.wait_for_url("**/console/market")
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def fill_bid(page: Page, price: str = "0.50") -> None:
    """A bid for one node and one hour; at the usual price it rests."""
    values = {
        "programme_id": PROGRAMME,
        "classes": "a100-80gb",
        "regions": "eu-west",
        "nodes": "1",
        "hours": "1",
        "earliest": HOUR,
        "latest": HOUR,
        "limit_price": price,
        "min_nodes": "1",
    }
    for name, value in values.items():
        page.locator(f"form.command [name={name}]").fill(value)


def act(page: Page, **values: str) -> int:
    """Fill in the form of the page, read, sign and send it; the index of the entry that accepts it."""
    page.locator("form.command").wait_for()
    page.wait_for_selector("html[data-ready]", state="attached")
    for name, value in values.items():
        field = page.locator(f"form.command [name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Read and sign").click()
    page.get_by_role("button", name="Sign and send").click()
    result = page.locator("[data-result]")
    result.get_by_text(re.compile("entry [0-9,]+ of|Refused")).first.wait_for()
    found = re.search("Accepted: entry ([0-9,]+) of", result.inner_text())
    assert found is not None, result.inner_text()
    return int(found[1].replace(",", ""))


def place_bid(reader: Reader, price: str = "0.50") -> Page:
    """A bid as far as its dialog."""
    page = reader.open("command/place_bid")
    fill_bid(page, price)
    page.get_by_role("button", name="Read and sign").click()
    page.get_by_role("dialog").wait_for()
    return page
