"""A ledger that favours an order, a price or a buyer on the credit market is found by a finding for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.times import SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.ledger import credit
from counterfoil.ledger.commands import Deposit
from counterfoil.ledger.credit_book import CreditBooks, CreditOrder, Series, month_of
from counterfoil.ledger.credit_commands import BidForCredit, OfferCredit
from counterfoil.ledger.credit_events import CreditSettled
from counterfoil.ledger.price_book import Pair
from tests.documents import document, publishing
from tests.market import USD, Market, found


def rests(market: Market, granted: int = 1) -> BidForCredit:
    """Offers of 10 at 0.90 and at 0.95 rest, no party may have more than 20, and the bidder was granted so much; a bid
    of 10 that meets the first."""
    cap = {"id": "each", "scope": "BENEFICIARY", "period": {"kind": "PROGRAMME"}, "amount": "20"}
    found(market)
    market.do(
        "city",
        *publishing(document(id="c1", transfer={"mode": "OPEN"}, benefit__caps=[cap])),
        AppropriateBudget(programme_id="c1", amount=500 * USD, document="B-c1"),
    )
    issued: Any = market.do("city", IssueVoucher(programme_id="c1", beneficiary_id="lab-1", amount=20 * USD))
    market.do("city", IssueVoucher(programme_id="c1", beneficiary_id="lab-2", amount=granted * USD))
    for to in ("lab-1", "lab-2"):
        market.do("treasury", Deposit(party_id=to, currency="CNY", amount=900 * USD, payment_reference=f"CNY {to}"))
    market.advance_to(market.clock.now() + SECOND)
    for price_bps in (9_000, 9_500):
        body = OfferCredit(voucher_id=issued[0].voucher_id, amount=10 * USD, price_bps=price_bps, time_in_force="GTC")
        market.do("lab-1", body)
    (ledger,) = (runner.engine.state for log, runner in market.system.runners.items() if log.service == "ledger")
    voucher = ledger.vouchers.open[issued[0].voucher_id]
    return BidForCredit(
        programme_id="c1", version=1, month=month_of(ledger.rules_of(voucher), voucher.expires_at) or None,
        amount=10 * USD, price_bps=9_600, time_in_force="GTC",
    )  # fmt: skip


def favours(patch: pytest.MonkeyPatch) -> None:
    """The dearest offer comes first."""

    def dearest(books: CreditBooks, series: Series) -> Pair:
        offer, bid = (books.side(series, bids=bids)[-1][0] for bids in (False, True))
        return Pair(offer, bid, 10 * USD, books.orders[offer].price_bps, True)

    patch.setattr(CreditBooks, "best", dearest)


def overcharges(patch: pytest.MonkeyPatch) -> None:
    """The price is that of the order which came later."""
    patch.setattr(CreditOrder, "time", property(lambda order: (-order.entry, -order.item)))


def spares(patch: pytest.MonkeyPatch) -> None:
    """Nobody's cap counts."""
    patch.setattr(credit, "not_taken", lambda *_: None)


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        (None, None),
        (favours, "credit_priority_skipped"),
        (overcharges, "credit_price_wrong"),
        (spares, "credit_party_barred"),
    ],
)
def test_a_dishonest_ledger_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies: Any, code: str | None
) -> None:
    with Market(tmp_path) as market:
        bid = rests(market, granted=15 if lies is spares else 1)
        with monkeypatch.context() as patch:
            if lies is not None:
                lies(patch)
            market.do("lab-2", bid)
        assert market.events("ledger", CreditSettled)
        assert {each.code for each in market.sealed().findings} == (set() if code is None else {code})


def test_a_pair_that_rests_is_found_although_every_decision_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Market(tmp_path) as market:
        bid = rests(market)
        monkeypatch.setattr(CreditBooks, "_look", lambda *_: None)
        market.do("lab-2", bid)
        assert not market.events("ledger", CreditSettled)
        assert {each.code for each in market.sealed().findings} == {"book_crossed", "conservation"}
