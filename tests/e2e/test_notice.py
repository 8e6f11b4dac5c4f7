"""A provider gives contracts up with notice: what that costs it, and what its customer has afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from counterfoil.contract.times import HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.ledger.chart import cash, owner
from counterfoil.ledger.events import BondSlashed, HoldReleased
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.matching.cover_events import CoverQuoted
from counterfoil.matching.events import OfferReceived, TradeMatched
from counterfoil.redemption.commands import WithdrawDelivery
from counterfoil.redemption.events import ProviderDefaulted
from tests.market import BID, OFFER, USD, H, Market, deposit, found

FIRST, HOURS = H + 100, 168
CENT = USD // 100
CLUSTER = replace(
    OFFER, nodes=8, window_start=FIRST, window_end=FIRST + HOURS, price=15 * USD, bond_bps=2_000, min_hours=1
)
WEEK = replace(BID, nodes=8, hours=HOURS, earliest=FIRST, latest=FIRST, limit_price=15 * USD)
NOTIONAL = 161_280 * USD
BOND = 32_256 * USD


def rich(market: Market) -> None:
    """Enough for three weeks of 64 GPUs."""
    found(market)
    market.do("city", AppropriateBudget(programme_id="p1", amount=900_000 * USD, document="B-2"))
    market.do("city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=270_000 * USD))
    market.do("treasury", *(deposit(name, 400_000 * USD) for name in ("gpu-1", "gpu-2", "lab-1")))


def offered(market: Market, provider: str, **terms: Any) -> str:
    market.clock.advance_to(market.clock.now() + SECOND)  # else the same command again would be a repeat
    market.do(provider, replace(CLUSTER, **terms))
    return str(market.events("matching", OfferReceived)[-1].offer_id)


def sold(market: Market) -> str:
    """A week of 64 GPUs at 15.00 is sold by gpu-1 to lab-1."""
    offered(market, "gpu-1")
    market.do("lab-1", WEEK)
    trade = market.events("matching", TradeMatched)[-1]
    assert (trade.notional, trade.provider_id) == (NOTIONAL, "gpu-1")
    return str(trade.trade_id)


def money(market: Market) -> dict[str, tuple[int, int]]:
    """Cash that is there, and of it what can be spent, of both sides; and of vouchers, of the customer."""
    ledger = market.system.runners[next(log for log in market.system.runners if log.service == "ledger")].engine.state
    found = {party: ledger.accounts.find(cash(party), "USD") for party in ("gpu-1", "lab-1")}
    mine = [ledger.accounts.find(owner("lab-1"), voucher_id) for voucher_id in ledger.vouchers.open]
    posted, available = sum(each.posted for each in mine), sum(each.available for each in mine)
    return {**{name: (each.posted, each.available) for name, each in found.items()}, "vouchers": (posted, available)}


def test_the_least_is_by_notice_and_a_dearer_replacement_is_paid_up_to_the_bond(tmp_path: Path) -> None:
    with Market(tmp_path) as market:
        rich(market)
        before = money(market)
        first, second, third = sold(market), sold(market), sold(market)
        offered(market, "gpu-1", price=1_510 * CENT)  # the provider's own does not count
        offered(market, "gpu-2", price=1_600 * CENT, nodes=7)  # nor what is too small
        offered(market, "gpu-2", price=1_600 * CENT, window_end=FIRST + HOURS - 1)  # nor what is too short
        offered(market, "gpu-2", price=1_600 * CENT, min_hours=HOURS, window_end=FIRST + HOURS + 200, nodes=8,
                window_start=FIRST + 1)  # nor what begins too late  # fmt: skip
        best = offered(market, "gpu-2", price=1_720 * CENT)
        offered(market, "gpu-2", price=1_720 * CENT)  # came later

        # 30 hours ahead: half of the bond at least, 2.20 more for each of 10,752 GPU-hours
        market.advance_to((FIRST - 30) * HOUR)
        market.do("gpu-1", WithdrawDelivery(contract_id=first, reason="sold twice"))
        cover = 2_365_440 * CENT
        assert market.events("matching", CoverQuoted)[-1] == CoverQuoted(
            contract_id=first, forfeits_bps=5_000, offer_id=best, price=1_720 * CENT, cover=cover
        )
        (divided,) = market.events("ledger", BondDivided)
        assert (divided.paid, divided.returned, divided.offer_id) == (cover, 860_160 * CENT, best)
        released = market.events("ledger", HoldReleased)[-1]
        assert sum(each.amount for each in released.vouchers) + released.cash == NOTIONAL, "all of it, at once"
        row = market.system.views.get("slashes", (first,))
        assert row is not None
        assert (row["amount"], row["replacement"], row["programme_id"]) == (cover, best, "p1")

        # an offer that is not dearer: half of the bond, 24 hours ahead to the microsecond
        offered(market, "gpu-2", price=15 * USD)
        market.advance_to((FIRST - 24) * HOUR)
        market.do("gpu-1", WithdrawDelivery(contract_id=second, reason="power"))
        divided = market.events("ledger", BondDivided)[-1]
        assert (divided.cover, divided.paid, divided.returned) == (0, BOND // 2, BOND // 2)

        # less than 24 hours is a default, whatever could replace it
        market.advance_to((FIRST - 24) * HOUR + 1)
        market.do("gpu-1", WithdrawDelivery(contract_id=third, reason="power"))
        assert [each.contract_id for each in market.events("redemption", ProviderDefaulted)] == [third]
        (slashed,) = market.events("ledger", BondSlashed)
        assert (slashed.contract_id, slashed.amount) == (third, BOND)

        gained, after = cover + BOND // 2 + BOND, money(market)
        assert after["lab-1"] == tuple(each + gained for each in before["lab-1"])
        assert after["gpu-1"][0] == before["gpu-1"][0] - gained
        assert after["vouchers"] == before["vouchers"]
        assert not market.sealed().findings


def test_where_nothing_replaces_it_the_whole_bond_is_paid(tmp_path: Path) -> None:
    """However early: 92 hours ahead, where a quarter would be the least."""
    with Market(tmp_path) as market:
        rich(market)
        contract = sold(market)
        offered(market, "gpu-1", price=1_510 * CENT)
        market.advance_to((FIRST - 92) * HOUR)
        market.do("gpu-1", WithdrawDelivery(contract_id=contract, reason="sold twice"))
        (divided,) = market.events("ledger", BondDivided)
        assert (divided.least, divided.cover, divided.paid, divided.returned) == (BOND // 4, None, BOND, 0)
        assert not market.sealed().findings
