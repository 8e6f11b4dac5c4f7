"""The market of `tests.authority` with what it lacks for reading, and its views.

That is a default, a pair that may not trade, and orders that were refused or cancelled by others.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Final

from counterfoil.catalogue import CATALOGUE
from counterfoil.core.at import At
from counterfoil.issuance.commands import AppointAuditor, DismissAuditor, RegisterCurrency
from counterfoil.ledger.commands import Deposit, EnforcePledge
from counterfoil.ledger.events import HoldRefusedV1
from counterfoil.ledger.expiry_events import ExpiryNotified, VoucherTakenOffline
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching.auction.book import Placement
from counterfoil.matching.auction_commands import OfferInAuction
from counterfoil.matching.auction_events import AuctionCleared, ClearedHour
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelOrderFor
from counterfoil.matching.events import MatchPrevented
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.ports import Change
from counterfoil.redemption.commands import WithdrawDelivery
from counterfoil.runtime.projector import project
from counterfoil.vocabulary import CODEC
from tests.authority.prepared import (
    AID_GIVEN,
    COLLAR,
    CONTROL,
    LATER,
    SPECIAL_AID,
    Market,
    adjusting,
    bid,
    credit_bid,
    credit_offer,
    handing,
    offer,
    pledging,
    proposing,
)
from tests.properties.world import YUAN

ORDER_LIMIT: Final = SetOrderLimit(orders_per_trade=50, free=10_000, reason="orders that never trade")
POSITION_LIMIT: Final = SetPositionLimit(class_id="a100", region="far", share_bps=2_000, least=0, reason="crowding")
AUDITOR: Final = "none-auditor"
"""Appointed for programme p2."""


class ReadMarket(Market):
    """The market, some hours of work later."""

    def __init__(self) -> None:
        super().__init__()
        self.submit("operator", RegisterCurrency(currency="XTS", minor_units=2))
        self.submit("operator", SPECIAL_AID)
        self.submit("operator", COLLAR)
        self.submit("operator", ORDER_LIMIT)
        self.submit("operator", POSITION_LIMIT)
        self.trade("defaulted", "gpu-1", LATER + 1)
        self.do("gpu-1", WithdrawDelivery(contract_id=self.ids["defaulted"], reason="no power"))
        self.do("none-treasurer", deposit("lab-1-provider"))
        self.do("lab-1-provider", offer(LATER + 30), "related offer")
        self.do("lab-1", bid(LATER + 30), "related bid")
        self.do("lab-1", bid(LATER + 40), "forced bid")
        higher = AmendBid(bid_id=self.ids["forced bid"], reduce_nodes_by=None, limit_price=2 * YUAN)
        self.do("lab-1", higher, "amendment of a bid")
        self.do("city", CancelOrderFor(order_id=self.ids["forced bid"], reason="inquiry"))
        self.do("gpu-1", offer(LATER + 40), "forced offer")
        dearer = AmendOffer(offer_id=self.ids["forced offer"], reduce_nodes_by=None, price=9 * YUAN)
        self.do("gpu-1", dearer, "amendment of an offer")
        self.do("operator", CancelOrderFor(order_id=self.ids["forced offer"], reason="inquiry"))
        self.do("none-beneficiary", bid(LATER + 50, limit_price=1_000_000 * YUAN), "refused bid")
        self.do("gpu-1", offer(LATER + 60, price=1_000_000 * YUAN, bond_bps=10_000), "refused offer")
        for programme_id in ("p1", "p2"):
            self.submit("city", AppointAuditor(auditor_id=AUDITOR, programme_id=programme_id))
        self.submit("city", DismissAuditor(auditor_id=AUDITOR, programme_id="p1", reason="done"))
        self.do("lab-1", pledging(self, "free voucher", "gpu-1"), "pledge to gpu-1")
        self.do("gpu-1", EnforcePledge(pledge_id=self.ids["pledge to gpu-1"], reason="overdue"))
        self.do("city", ExtendVoucher(voucher_id=self.ids["free voucher"], days=1, ground=None, reason="site down"))
        self.do("gpu-1", replace(handing(self, "free voucher", "none-beneficiary"), amount=YUAN // 2))
        self.do("gpu-1", replace(credit_offer(self, 9_500), amount=YUAN // 2))
        self.do("none-beneficiary", replace(credit_offer(self, 9_000), voucher_id=self.ids["other voucher"]))
        self.do("none-treasurer", deposit("lab-1-beneficiary"))
        self.do("lab-1-beneficiary", replace(credit_bid(self), price_bps=9_000))
        self.do("none-operator", replace(AID_GIVEN, party_id="gpu-1"))
        for actor in ("operator", "city"):
            self.do(actor, replace(CONTROL, owner_id="lab-1", party_id="gpu-1", share_bps=4_000 + len(actor)))
        self.do("city", adjusting(self))
        self.do("city-issuer", adjusting(self))
        self.do("gpu-1", OfferInAuction(
            auction_id=self.ids["auction"], class_id="a100", nodes=1, window_start=LATER + 40, window_end=LATER + 42,
            price=YUAN, bond_bps=2_000,
        ))  # fmt: skip
        block = Placement(self.ids["auction bid"], 0, "off-1-0")
        for actor in ("lab-1", "gpu-1", "city", "none-treasurer"):
            self.do(actor, proposing(self.ids["locked auction"], block, LATER + 40))
        self.outage("redemption")
        self.settle()


@cache
def read_market() -> ReadMarket:
    """The one market of these tests."""
    return ReadMarket()


def deposit(party_id: str) -> Deposit:
    """Cash of a party."""
    return Deposit(party_id=party_id, currency="CNY", amount=100 * YUAN, payment_reference=f"IN-{party_id}")


def changes(market: Market) -> list[Change]:
    """All changes of the views, log by log: the ledger's come before matching's.

    And what no command leads to: duties that are kept apart leave no pair of one group that would match, a refused hold
    of rules 1 to 4, the steps to a voucher's end, the outcome of an auction, and hours that are reclaimed days later.
    """
    made: list[Change] = []
    for service, log in sorted(market.logs.items()):
        for data in log:
            project(CATALOGUE[service].reducers, CODEC.decode_entry(data), made)
    pair = MatchPrevented(bid_id=market.ids["related bid"], offer_id=market.ids["related offer"], mode="taker")
    made += CATALOGUE["matching"].reducers[MatchPrevented](pair, At(1, 0, market.clock))
    before = HoldRefusedV1(hold_id=market.ids["refused offer"], purpose="offer", code="exceeds_available")
    made += CATALOGUE["ledger"].reducers[HoldRefusedV1](before, At(1, 0, market.clock))
    cleared = AuctionCleared(
        auction_id=market.ids["auction"], solver="built-in", solution_id=None, book=bytes(32), offers=1, bids=1,
        groups=2,
        hours=(ClearedHour(hour=LATER + 40, price=2 * YUAN, nodes=1, reserve_price=0),), accepted=0, rejected=0,
        surplus=YUAN, bound=YUAN, rsi_bps=None, cover_bps=None, scarce=False, pivotal=(),
    )  # fmt: skip
    made += CATALOGUE["matching"].reducers[AuctionCleared](cleared, At(1, 0, market.clock))
    reclaimed = ContractReclaimed(
        contract_id=market.ids["reclaimable"], provider_id="gpu-1", beneficiary_id="lab-1", hour=LATER, hours=1,
        vouchers=(), cash=0, bond=0, paid=0, returned=0, ends=True, legs=(),
    )  # fmt: skip
    made += CATALOGUE["ledger"].reducers[ContractReclaimed](reclaimed, At(1, 0, market.clock))
    whose: dict[str, Any] = {"voucher_id": market.ids["free voucher"], "programme_id": "p3", "amount": YUAN}
    whose["ends_at"] = market.clock
    for holder_id in ("lab-1", "gpu-1"):
        notice = ExpiryNotified(holder_id=holder_id, days=7, expires_at=market.clock, offline_at=market.clock, **whose)
        offline = VoucherTakenOffline(holder_id=holder_id, restorable_until=None, **whose)
        for event in (notice, offline):
            made += CATALOGUE["ledger"].reducers[type(event)](event, At(1, 0, market.clock))
    return made
