"""What each role comes for, from its first page to the end, keys in their browsers, while the market's time passes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from counterfoil.contract.times import DAY, HOUR, format_day, parse_hour
from counterfoil.runtime.clock import ClockDriver
from tests.browser.acting import HOUR as FIELD
from tests.browser.acting import act, sign_in
from tests.browser.conftest import Open
from tests.browser.test_pages import WIDER
from tests.e2e.founding import FIRST, PROGRAMME
from tests.e2e.running import Shell, eventually, move_on

LINE = {
    "id": "1", "sku": "GPU_HOUR", "instrument": "COMPUTE", "amount": "400000000", "tax": "0", "quantity": "0",
    "unit": None, "class_id": "a100-80gb", "region": "eu-west", "provider_id": "norn", "starts": None, "ends": None,
}  # fmt: skip


def last(market: Shell, view: str, **where: str) -> dict[str, Any]:
    """The newest row of a view with these values, once there is one."""

    def found() -> Any:
        rows = httpx.get(f"{market.url}/v1/{view}", params={**where, "order": "newest"}).json()["items"]
        return rows and rows[0]

    return dict(eventually(found, f"a row of {view}"))


def follow(page: Page, path: str, link: str) -> Page:
    """From a page of the reader's role by one click to what is to be done."""
    page.goto(f"/console/{path}")
    page.get_by_role("link", name=link, exact=True).first.click()
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def test_from_an_application_to_the_payment(open_reader: Open, market: Shell) -> None:
    """A start-up applies, bids and accepts, the issuer approves and settles, the provider reports, claims, is paid."""
    market.ok("keys", "new", "nova")
    market.ok("party", "register", "nova", "--name", "Nova", "--role", "beneficiary", "--as", "operator")
    cash = ("balance", "deposit", "nova", "--currency", "USD", "--amount", "100", "--reference", "IN-nova")
    market.soon(*cash, "--as", "treasury")
    nova, city, norn = (sign_in(open_reader(), market, party) for party in ("nova", "springfield", "norn"))

    follow(nova, f"programmes/{PROGRAMME}", "Apply for a voucher")
    act(nova, lines=json.dumps([LINE]), other_support="[]")
    last(market, "applications", beneficiary_id="nova")
    act(follow(city, "issuer", "Approve or reject"), decision="approved", caps="[]", reason="Complete")
    voucher = last(market, "holdings", holder_id="nova")
    assert voucher["available"] == "300000000"
    nova.goto("/console/start-up")
    figure = f"[data-account='owner/nova'][data-asset='{voucher['voucher_id']}']"
    nova.locator(f"{figure} + .badge[data-state=proven]").wait_for()

    bid = {"classes": "a100-80gb", "regions": "eu-west", "nodes": "1", "hours": "1", "earliest": FIELD, "latest": FIELD}
    follow(nova, "start-up", "Place a bid")
    act(nova, **bid, limit_price="2.00", min_nodes="1")
    nova.locator("[data-result] [data-status=filled]").wait_for()
    contract = last(market, "contracts", beneficiary_id="nova")["contract_id"]
    with ClockDriver(Path(market.more["COUNTERFOIL_CLOCK"])) as clock:
        move_on(market, clock, (parse_hour(FIRST) + 2) * HOUR)
        today = format_day(clock.now() // DAY)

    readings = [{"hour": FIRST, "gpu_minutes": 480}]
    act(follow(norn, f"contracts/{contract}", "Report usage"), readings=json.dumps(readings))
    last(market, "reports", contract_id=contract)
    act(follow(nova, "start-up", "Accept"))
    last(market, "contracts", beneficiary_id="nova", status="completed")
    follow(norn, "provider", "Submit a claim")
    act(norn, programme_id=PROGRAMME, invoice_number="2026-7", contract_ids=contract)
    claim = last(market, "claims", provider_id="norn")
    assert claim["amount"] == "10800000"
    act(follow(city, "issuer", "Approve"), lines="[]", rest="claimable")
    last(market, "claims", provider_id="norn", status="approved")
    act(follow(city, "issuer", "Close a settlement"), claim_ids=claim["claim_id"])
    due = last(market, "payments", provider_id="norn", status="due")
    paid = (
        "claim",
        "pay",
        due["settlement_id"],
        "norn",
        "--amount",
        "10.80",
        "--reference",
        "SEPA 1",
        "--paid-on",
        today,
    )
    market.ok(*paid, "--as", "treasury")
    last(market, "payments", provider_id="norn", status="paid")
    norn.goto("/console/provider")
    row = norn.locator("tr", has_text=due["settlement_id"])
    assert "SEPA 1" in row.inner_text()
    row.locator(".badge[data-state=proven]").wait_for()


def test_an_auditor_finds_what_was_changed(open_reader: Open, market: Shell, tmp_path: Path) -> None:
    """The page names the command; its report is a page too, which says what is wrong, on a telephone as well."""
    reader = open_reader()
    page = reader.open("audit")
    assert "counterfoil audit URL --report audit.html" in page.locator("main").inner_text()
    shutil.copytree(market.home / "logs", tmp_path / "logs")
    entries = next((tmp_path / "logs/matching/main/tile/entries").rglob("000*"))
    (bundle,) = [each for each in (entries, *entries.rglob("*")) if each.is_file()][:1]
    data = bytearray(bundle.read_bytes())
    data[5_000] ^= 1
    bundle.write_bytes(data)
    for logs, code, verdict in ((market.home, 0, "nothing was found"), (tmp_path / "logs", 1, "Findings: 1")):
        file = tmp_path / f"audit-{code}.html"
        assert market.run("audit", logs, "--report", file).code == code
        page.goto(file.as_uri())
        assert verdict in page.locator(".verdict").inner_text()
        assert page.locator("svg").count() >= 1
        page.set_viewport_size({"width": 320, "height": 900})
        assert page.evaluate(WIDER) == []


def test_a_slow_network(open_reader: Open, market: Shell) -> None:
    """What the page says is there before any script is; then it is proven all the same."""
    reader = open_reader()
    line = reader.context.new_cdp_session(reader.page)
    line.send("Network.enable")
    slow = {"offline": False, "latency": 300, "downloadThroughput": 60_000, "uploadThroughput": 30_000}
    line.send("Network.emulateNetworkConditions", slow)
    page = reader.page
    page.goto("/console/market", wait_until="commit")
    page.get_by_role("heading", name="Market", exact=True).wait_for()
    page.get_by_text("Latest trades").first.wait_for()
    assert page.locator("html[data-ready]").count() == 0
    page.locator(".badge[data-state=proven]").first.wait_for(timeout=30_000)
