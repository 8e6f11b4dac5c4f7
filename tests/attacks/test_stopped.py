"""A fraudulent provider goes on trading, and an operator or issuer ends other people's orders.

The provider is stopped at once and gets no new bid; who stops others does it in public, and every audit lists it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, SECOND
from counterfoil.issuance.aid_commands import AttestAid, RegisterRegime, WithdrawAid
from counterfoil.issuance.commands import (
    DelistProvider,
    PauseProgramme,
    ReinstateParty,
    ReinstateProvider,
    ResumeProgramme,
    SuspendParty,
    SuspendProvider,
)
from counterfoil.ledger.events import HoldReleased
from counterfoil.matching.commands import AmendOffer, CancelOffer, CancelOrderFor, CancelOrdersOf
from counterfoil.matching.events import BidClosed, BidReceived, OfferClosed, OfferReceived, TradeMatched
from counterfoil.redemption.commands import SubmitClaim
from tests.market import BID, OFFER, USD, Market, deliver, found, trade, wind_up
from tests.paper_work import approve

FRAUD = {"programme_id": "p1", "provider_id": "gpu-1", "reason": "forged meter readings"}
LOW = replace(BID, limit_price=USD)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """A market with vouchers, cash and two listed providers."""
    with Market(tmp_path) as opened:
        found(opened)
        yield opened


def later(market: Market) -> None:
    """So that what was sent before is another command."""
    market.advance_to(market.clock.now() + SECOND)


def sellers(market: Market) -> list[str]:
    return [each.provider_id for each in market.events("matching", TradeMatched)]


def test_a_fraudulent_provider_sells_nothing_more_in_the_programme(market: Market) -> None:
    """Its offer is the cheapest, on the book or new; bids of the programme pass it over."""
    market.do("gpu-1", OFFER)
    market.do("city", SuspendProvider(**FRAUD))
    market.do("lab-1", BID)
    market.do("gpu-1", replace(OFFER, price=USD))
    assert sellers(market) == []
    market.do("gpu-2", OFFER)
    assert sellers(market) == ["gpu-2"]
    market.do("city", DelistProvider(**FRAUD))
    market.do("lab-2", BID)
    assert sellers(market) == ["gpu-2", "gpu-2"]


def test_what_it_sold_before_is_delivered_and_its_claim_waits(market: Market) -> None:
    traded = trade(market)
    market.do("city", SuspendProvider(**FRAUD))
    deliver(market, traded)
    claim = SubmitClaim(programme_id="p1", invoice_number="I-9", contract_ids=(traded.good.trade_id,))
    claim_id = market.do("gpu-1", claim)[0].claim_id  # type: ignore[attr-defined]
    market.refused("city", approve(claim_id), Code.PROVIDER_SUSPENDED)
    market.do("city", ReinstateProvider(**FRAUD))
    later(market)
    market.do("city", approve(claim_id))
    assert market.sealed().clean


def test_a_suspended_party_only_ends_what_it_has_under_way(market: Market) -> None:
    traded = trade(market)
    (kept, _) = market.events("matching", OfferReceived)
    later(market)
    market.do("operator", SuspendParty(party_id="gpu-1", reason="forged meter readings"))
    assert [each.reason for each in market.events("matching", OfferClosed)] == ["party_suspended"]
    assert market.events("ledger", HoldReleased)[-1].hold_id == kept.offer_id
    for body in (OFFER, AmendOffer(offer_id=kept.offer_id, reduce_nodes_by=1, price=None)):
        market.refused("gpu-1", body, Code.PARTY_SUSPENDED)
    market.refused("gpu-1", CancelOffer(offer_id=kept.offer_id), Code.UNKNOWN_ORDER)
    deliver(market, traded)  # the contract runs on
    wind_up(market, traded)
    market.do("operator", ReinstateParty(party_id="gpu-1", reason="inquiry is over"))
    market.refused("gpu-1", OFFER, Code.GATE_CLOSED)  # for its own sake again
    report = market.sealed()
    assert report.clean
    listed = [(act.event, act.by, act.party_id, act.reason) for log in report.logs for act in log.acts]
    assert listed == [
        ("party.suspended.v1", "operator", "gpu-1", "forged meter readings"),
        ("party.reinstated.v1", "operator", "gpu-1", "inquiry is over"),
    ]


def test_nobody_stops_others_but_by_office_and_the_root_operator_is_never_stopped(market: Market) -> None:
    market.refused("gpu-2", SuspendProvider(**FRAUD), Code.ROLE_NOT_ALLOWED)
    market.refused("city", SuspendParty(party_id="gpu-1", reason="rival"), Code.ROLE_NOT_ALLOWED)
    market.refused("operator", SuspendParty(party_id="operator", reason="lock all out"), Code.ROOT_OPERATOR)
    market.refused("operator", SuspendProvider(**FRAUD), Code.ROLE_NOT_ALLOWED)


def test_orders_are_cancelled_for_others_in_public_and_by_nobody_else(market: Market) -> None:
    market.do("gpu-1", OFFER)
    market.do("lab-1", LOW, replace(LOW, nodes=2))
    offer = market.events("matching", OfferReceived)[0].offer_id
    first, second = (each.bid_id for each in market.events("matching", BidReceived))
    for rival in ("gpu-2", "lab-2", "treasury"):
        market.refused(rival, CancelOrderFor(order_id=first, reason="rival"), Code.ROLE_NOT_ALLOWED)
    market.refused("city", CancelOrderFor(order_id=offer, reason="favour"), Code.UNKNOWN_ORDER)
    market.do("city", CancelOrderFor(order_id=first, reason="wrong limit"))
    market.do("operator", CancelOrdersOf(party_id="lab-1", programme_id=None, reason="inquiry"))
    closed = {each.bid_id: each.reason for each in market.events("matching", BidClosed)}
    assert closed == {first: "cancelled_by_issuer", second: "cancelled_by_operator"}
    assert {each.hold_id for each in market.events("ledger", HoldReleased)} == {first, second}
    today = market.clock.now() // DAY
    law = RegisterRegime(
        regime="DE_MINIMIS", currency="USD", ceiling=USD, months=36, unit="GROUP", counts_on="GRANTED",
        in_force_on=today, source="a law",
    )  # fmt: skip
    market.do("operator", law)
    aid = AttestAid(
        party_id="lab-1", regime="DE_MINIMIS", amount=USD, currency="USD", granted_on=today, grantor="Land",
        reference="L-1", source="register",
    )  # fmt: skip
    aid_id = market.do("operator", aid)[0].aid_id  # type: ignore[attr-defined]
    market.do("operator", WithdrawAid(aid_id=aid_id, reason="favour"))
    report = market.sealed()
    assert report.clean
    listed = {(act.by, act.party_id, act.order_id, act.reason) for log in report.logs for act in log.acts}
    assert listed == {
        ("city", "lab-1", first, "wrong limit"),
        ("operator", "lab-1", None, "inquiry"),
        ("operator", None, None, "a law"),
        ("operator", "lab-1", None, "favour"),
    }


def test_a_paused_programme_funds_nothing_and_its_bids_leave(market: Market) -> None:
    market.do("lab-1", LOW)
    market.do("city", PauseProgramme(programme_id="p1", reason="budget under review"))
    assert [each.reason for each in market.events("matching", BidClosed)] == ["programme_paused"]
    market.refused("lab-1", BID, Code.PROGRAMME_PAUSED)
    market.do("gpu-1", OFFER)
    assert sellers(market) == []
    market.do("city", ResumeProgramme(programme_id="p1", reason="review is over"))
    later(market)
    market.do("lab-1", BID)
    assert sellers(market) == ["gpu-1"]
    assert market.sealed().clean
