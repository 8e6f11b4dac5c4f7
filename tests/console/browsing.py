"""A market with a trade and with names that bring markup, and readers who browse its console."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import msgspec

from counterfoil.console.app import pages
from counterfoil.contract.disclosure import Disclosure
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.gateway.protections import Protections
from counterfoil.gateway.readers import COOKIE
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.issuance.commands import AppointAuditor, AppropriateBudget, IssueVoucher
from counterfoil.ledger.credit_commands import BidForCredit, OfferCredit
from counterfoil.matching.auction_commands import BidInAuction, ScheduleAuction
from counterfoil.matching.halt_commands import HaltTrading
from tests.documents import document, publishing
from tests.gateway.harness import ENVELOPE, DeliverToBoth, Stepped
from tests.gateway.readers import Reading
from tests.gateway.world import BID, FIRST_HOUR, OFFER, START, UNIT, Market, deposit

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
MARKUP = """<img src=x onerror=alert(1)>"&'{{ 7*7 }}"""
FORMULA = "=HYPERLINK(1)"
AUCTION = ScheduleAuction(
    programmes=("p1",), classes=("a100",), region="east", first_hour=FIRST_HOUR + 24, hours=4,
    locks_at=START + 6 * HOUR, clears_at=START + 7 * HOUR, reference_price=2 * UNIT, collar_bps=10_000, caps="none",
    cap_bps=0, rsi_bps=0, cover_bps=0, pivotal_bps=0, reserve_price=UNIT, reserve_points=(),
)  # fmt: skip
AUCTION_ID = "auc-29-0"
BID_IN_AUCTION = BidInAuction(
    auction_id=AUCTION_ID, programme_id="p1", voucher_ids=(), nodes=1, hours=1, earliest=FIRST_HOUR + 24,
    latest=FIRST_HOUR + 24, limit_price=2 * UNIT, divisible=True,
)  # fmt: skip
HALT = HaltTrading(class_id="a100", region="far", provider_id=None, reason="Drill")


class Browsing(Reading):
    """Readers with a session in a cookie each."""

    def browse(self, reader: str | None, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """One request of a party, None for anybody. `path`: below ``/console/``, or absolute."""
        cookie = {} if reader is None else {"Cookie": f"{COOKIE}={self.cookie(reader)}"}
        headers = {**cookie, **more.pop("headers", {})}
        url = path if path.startswith(("/", "https:")) else f"/console/{path}"
        return self.http.browse(method, url, headers=headers, **more)

    def sign_in(self, party_id: str, **headers: str) -> httpx.Response:
        """What a browser sends to sign in."""
        return self.browse(None, "session", "POST", content=self.envelope(party_id), headers={**ENVELOPE, **headers})

    def cookie(self, party_id: str) -> str:
        """The token in a party's cookie."""
        if party_id not in self._tokens:
            answer = self.sign_in(party_id, **SAME_ORIGIN)
            assert answer.status_code == 201, answer.text
            self._tokens[party_id] = answer.cookies[COOKIE]
        return self._tokens[party_id]


@contextlib.contextmanager
def browsing(home: Path, disclosure: Disclosure = "restricted") -> Iterator[Browsing]:
    """`lab-1` has a voucher and a contract with `gpu-1`; a third lab's name is markup, and a fourth's a formula."""
    relay = AnswerRelay()
    market = Market(home, DeliverToBoth(relay)).open()
    for party_id, name in (("lab-3", MARKUP), ("lab-4", FORMULA)):
        registration: Any = market.registration(party_id, "beneficiary")
        market.ask("operator", msgspec.structs.replace(registration, name=name))
        market.ask("city", IssueVoucher(programme_id="p1", beneficiary_id=party_id, amount=500 * UNIT))
    market.register("auditor-all", "auditor")
    market.ask("operator", AppointAuditor(auditor_id="auditor-all", programme_id=None))
    market.ask("gpu-1", OFFER)
    market.ask("lab-1", BID)
    market.ask("operator", AUCTION)
    market.ask("lab-1", BID_IN_AUCTION)
    market.ask("operator", HALT)
    trade_credit(market)
    market.system.settle()
    market.system.seal()
    http = Stepped(market, relay, Protections(disclosure=disclosure), pages)
    try:
        yield Browsing(http, disclosure)
    finally:
        http.close()
        market.system.close()


def trade_credit(market: Market) -> None:
    """`lab-1` has a voucher of `open`, offers 100 of it at 9,000, and 60 of these trade; `lab-2` bids 40 at 8,000."""
    rules = document(id="open", unit__currency="USD", transfer={"mode": "OPEN", "fee": "1%"})
    market.ask("city", *publishing(rules))
    market.ask("city", AppropriateBudget(programme_id="open", amount=900 * UNIT, document="B-2"))
    market.ask("city", IssueVoucher(programme_id="open", beneficiary_id="lab-1", amount=900 * UNIT))
    market.ask("treasury", deposit("lab-2", 1_000))
    market.clock.advance_to(market.clock.now() + SECOND)
    market.system.settle()
    (voucher_id,) = (str(row["voucher_id"]) for row in market.rows("vouchers") if row["programme_id"] == "open")
    offer = OfferCredit(voucher_id=voucher_id, amount=100 * UNIT, price_bps=9_000, time_in_force="GTC")
    market.ask("lab-1", offer)
    month: Any = market.rows("credit_orders")[0]["month"]
    for amount, price_bps in ((60, 9_500), (40, 8_000)):
        bid = BidForCredit(
            programme_id="open", version=1, month=month, amount=amount * UNIT, price_bps=price_bps,
            time_in_force="GTC",
        )  # fmt: skip
        market.ask("lab-2", bid)


class Markup(HTMLParser):
    """What of a page could run without being asked for by its address, and what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.hrefs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag."""
        given = dict(attrs)
        runs = tag == "style" or (tag == "script" and not given.get("src"))
        if runs or "style" in given or any(name.startswith("on") for name in given):
            self.inline.append(f"{tag} {given}")
        if tag == "a":
            self.hrefs.append(given.get("href") or "")

    def links(self, page: str) -> set[str]:
        """Addresses on this host that the page at `page` links to."""
        own = page.partition("?")[0]
        return {own + each if each.startswith("?") else each for each in self.hrefs if re.match(r"/[^/]|\?", each)}
