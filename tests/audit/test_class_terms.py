"""An engine that measures or divides bonds wrongly, flatters a class, or ranks by price alone is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.accelerators import bundled_class
from counterfoil.contract.accelerators import FloorPrice, Requirement
from counterfoil.contract.times import HOUR
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.ledger import contracts
from counterfoil.ledger import reclaims as ledger_reclaims
from counterfoil.matching import book, offers, passes, performance, replacing
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.reclaim_commands import PlaceReclaimableBid, PostReclaimableOffer
from counterfoil.redemption.commands import WithdrawDelivery
from counterfoil.redemption.reclaim_commands import ReclaimDelivery
from tests.market import BID, OFFER, PROGRAMME, USD, H, Market, found

FLOOR = FloorPrice(currency="USD", price=2 * USD)
REQUIRE = Requirement(
    gpus_per_node=8, classes=(), min_mtflops=0, min_mem_mb=0, min_allreduce=(), interconnects=(), origins=(),
    attested_only=False,
)  # fmt: skip
SAME = {each.name: getattr(BID, each.name) for each in fields(BID) if each.name not in ("classes", "limit_price")}
BY_PERFORMANCE = PlacePerformanceBid(require=REQUIRE, limit_price=12 * USD, **SAME)
Changes = dict[str, Any]
Dishonest = Callable[[Market, pytest.MonkeyPatch], None]


def spares_a_bond(market: Market, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(offers, "reference_price", lambda *_: 0)
    market.do("gpu-1", replace(OFFER, price=USD // 100))


def flatters_a_class(market: Market, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(performance, "throughput", lambda *_args, **_more: 1_000_000)
    market.do("lab-1", BY_PERFORMANCE)


def ranks_by_price(market: Market, patch: pytest.MonkeyPatch) -> None:
    """1.90 for 200 TFLOPS is 9.50 per PFLOP-hour, 2.00 for 271 is 7.37."""
    market.do("gpu-1", OFFER)
    market.do("gpu-2", replace(OFFER, class_id="b100", price=190 * USD // 100))
    patch.setattr(book, "_as_dear", lambda rank, *_: rank)
    market.do("lab-1", BY_PERFORMANCE)


def given_up(market: Market) -> None:
    """A contract is given up thirty hours ahead, and gpu-2's offer is dearer by 1.00."""
    later: Changes = {"window_start": H + 40, "window_end": H + 42}
    market.do("gpu-1", replace(OFFER, **later))
    market.do("lab-1", replace(BID, earliest=H + 40, latest=H + 40))
    market.do("gpu-2", replace(OFFER, price=3 * USD, **later))
    (trade,) = market.events("matching", TradeMatched)
    market.advance_to((H + 10) * HOUR)
    market.do("gpu-1", WithdrawDelivery(contract_id=trade.trade_id, reason="sold twice"))


def finds_no_cover(market: Market, patch: pytest.MonkeyPatch) -> None:
    """To the provider's cost: the whole bond would be paid."""
    patch.setattr(replacing, "replacement", lambda *_: None)
    given_up(market)


def spares_a_friend(market: Market, patch: pytest.MonkeyPatch) -> None:
    """Of the bond only what the notice costs at least is paid."""
    patch.setattr(contracts, "owed_of_bond", lambda _bond, least, _cover: least)
    given_up(market)


def with_notice(market: Market) -> str:
    """A contract of two hours, with an hour of notice."""
    later: Changes = {"window_start": H + 40, "window_end": H + 42}
    sells, buys = replace(OFFER, **later), replace(BID, earliest=H + 40, latest=H + 40)
    terms: Changes = {each.name: getattr(sells, each.name) for each in fields(sells)}
    market.do("gpu-1", PostReclaimableOffer(reclaim_notice_hours=1, site_id=None, **terms))
    asks: Changes = {each.name: getattr(buys, each.name) for each in fields(buys)}
    market.do("lab-1", PlaceReclaimableBid(min_reclaim_notice_hours=1, **asks))
    (trade,) = market.events("matching", TradeMatched)
    return str(trade.trade_id)


def spares_who_reclaims(market: Market, patch: pytest.MonkeyPatch) -> None:
    """Nothing of the bond of the reclaimed hour is paid."""
    patch.setattr(ledger_reclaims, "forfeited", lambda _part, _bps: 0)
    market.do("gpu-1", ReclaimDelivery(contract_id=with_notice(market), hour=H + 41, reason="own_use"))
    market.advance_to((H + 41) * HOUR)


def lengthens_a_notice(market: Market, patch: pytest.MonkeyPatch) -> None:
    """The contract carries more notice than its offer names."""
    patch.setattr(passes, "notice_of", lambda _state, _match: 9)
    with_notice(market)


@pytest.mark.parametrize(
    ("dishonest", "code"),
    [
        (spares_a_bond, "bond_differs"),
        (flatters_a_class, "class_limits_differ"),
        (ranks_by_price, "match_skipped"),
        (finds_no_cover, "cover_differs"),
        (spares_a_friend, "bond_differs"),
        (spares_who_reclaims, "bond_differs"),
        (lengthens_a_notice, "notice_differs"),
    ],
)
def test_a_dishonest_engine_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dishonest: Dishonest, code: str
) -> None:
    with Market(tmp_path) as market:
        found(market)
        slow = replace(bundled_class("a100-80-sxm", "b100"), bf16_mtflops_attested=200_000)
        market.do("operator", bundled_class("a100-80-sxm", "a100", 2, (FLOOR,)), slow)
        both = replace(PROGRAMME.terms, classes=("a100", "b100"))
        market.do("city", replace(PROGRAMME, version=2, terms=both))
        market.do("city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=600 * USD))
        with monkeypatch.context() as patch:
            dishonest(market, patch)
        assert [each.code for each in market.sealed().findings] == [code]
