"""The credit market: by price, then time, part and payment at once; who leaves a book, and why; and never crossed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.contract.applications import FactGiven
from counterfoil.contract.events import PartyClosed, PartySuspended
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, format_month
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.run_off_events import CreditPaused, CreditResumed, RunOffBegun
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.ledger.commands import RejectTransfer, WithdrawTransfer
from counterfoil.ledger.credit_book import LOT
from counterfoil.ledger.credit_commands import BidForCredit, CancelCreditOrder, OfferCredit
from counterfoil.ledger.credit_events import (
    CreditBidPlaced,
    CreditOffered,
    CreditOrderClosed,
    CreditSettled,
    CreditTraded,
    CreditTradeFailed,
)
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.service import DECIDER
from counterfoil.ledger.transfer_events import TransferAccepted, TransferConsented, TransferJudged, TransferProposed
from tests.ledger.story import (
    ENDS,
    REINSTATED,
    REVOKED,
    SUSPENDED,
    Story,
    T,
    appropriated,
    deposit,
    ending,
    handing,
    issued,
    party,
    rules_hash,
    story,
)
from tests.ledger.test_transfers import group
from tests.rules import changed_rules

MONTH = format_month(ENDS - 1)
BUYERS = ("beta", "gamma", "delta")
TRADE = (CreditTraded, TransferProposed, TransferAccepted, CreditSettled)
FILLED = (CreditOrderClosed,)


def market(**transfer: Any) -> Story:
    """acme and zeta have vouchers of 1,000 lots of one series; three buyers have cash of 10,000 lots each."""
    told = story(
        party("issuer", "issuer"), party("zeta", "beneficiary"), *(party(each, "beneficiary") for each in BUYERS),
        *handing(**transfer), appropriated(10_000 * LOT), issued("v1", 1_000 * LOT, version=2),
        issued("v2", 1_000 * LOT, to="zeta", version=2, issue_seq=2),
    )  # fmt: skip
    for each in BUYERS:
        told.when(deposit(each, 10_000 * LOT), "treasury")
    return told


def sell(lots: int = 100, price_bps: int = 9_000, voucher_id: str = "v1", tif: Any = "GTC") -> OfferCredit:
    return OfferCredit(voucher_id=voucher_id, amount=lots * LOT, price_bps=price_bps, time_in_force=tif)


def buy(lots: int = 100, price_bps: int = 9_000, tif: Any = "GTC", **other: Any) -> BidForCredit:
    named: dict[str, Any] = {"programme_id": "city", "version": 2, "month": MONTH, **other}
    return BidForCredit(amount=lots * LOT, price_bps=price_bps, time_in_force=tif, **named)


def placed(told: Story, body: Command, actor: str) -> str:
    """The id of an order, and all steps that follow from it."""
    told.when(body, actor)
    order_id: str = told.said[0].order_id
    steps(told)
    return order_id


def steps(told: Story) -> list[Event]:
    """The events of all steps that are due, in order; no book is crossed behind them."""
    events: list[Event] = []
    while (due := DECIDER.due(told.state)) is not None and due[0] <= told.time:
        told.fires(due[1], told.time)
        events += told.said
    assert not told.state.credit.crossed
    return events


def closed(told: Story, *commands: tuple[Command, str]) -> list[tuple[str, str | None]]:
    """Why orders left by the last of some commands, and what barred them."""
    for body, actor in commands[:-1]:
        placed(told, body, actor)
    told.when(*commands[-1])
    return [(each.reason, each.why) for each in steps(told) if isinstance(each, CreditOrderClosed)]


def has(told: Story, voucher_id: str, *parties: str) -> list[tuple[int, int]]:
    """(available, held) of a voucher, by party, in lots."""
    found = (told.voucher(voucher_id, each)[:2] for each in parties)
    return [(available // LOT, held // LOT) for available, held in found]


def outcome(told: Story) -> str | None:
    last = told.last
    return dict(last.detail).get("why", last.code.value) if isinstance(last, Refusal) else None


def test_part_and_payment_change_hands_in_one_entry_at_the_price_that_was_there() -> None:
    told = market(fee="1%").when(sell(300, 8_000), "acme").then_types(CreditOffered)
    assert has(told, "v1", "acme") == [(700, 300)]
    told.when(buy(100, 9_000), "beta").then_types(CreditBidPlaced)
    assert told.cash("beta") == (9_909 * LOT, 91 * LOT), "its price at most, and the fee"
    told.fires("credit_step", told.time).then_types(*TRADE, CreditOrderClosed)
    assert has(told, "v1", "acme", "beta") == [(700, 200), (100, 0)]
    assert [told.cash(each) for each in ("beta", "issuer")] == [(9_919 * LOT, 0), (LOT, 0)]
    assert told.cash("acme")[0] == 10_000 + 80 * LOT
    traded = told.said[0]
    assert (traded.price_bps, traded.price, traded.fee) == (8_000, 80 * LOT, LOT)
    assert told.state.encumbrances.hand("v1", "beta").hops == 1


def test_the_best_price_comes_first_and_of_one_price_the_first() -> None:
    told = market()
    dear, cheap, same = (placed(told, sell(100, price, each), who) for price, each, who in (
        (9_500, "v1", "acme"), (8_500, "v2", "zeta"), (8_500, "v1", "acme"),
    ))  # fmt: skip
    told.when(buy(250, 9_500), "beta")
    trades = [(each.offer_id, each.amount // LOT, each.price_bps) for each in steps(told) if type(each) is CreditTraded]
    assert trades == [(cheap, 100, 8_500), (same, 100, 8_500), (dear, 50, 9_500)]
    first, best = placed(told, buy(10, 8_000), "gamma"), placed(told, buy(10, 8_100), "delta")
    told.when(sell(15, 8_000, "v2"), "zeta")
    trades = [(each.bid_id, each.amount // LOT, each.price_bps) for each in steps(told) if type(each) is CreditTraded]
    assert trades == [(best, 10, 8_100), (first, 5, 8_000)]


def test_what_does_not_rest_trades_at_once_or_is_cancelled() -> None:
    told = market()
    placed(told, sell(30), "acme")
    assert closed(told, (buy(100, tif="IOC"), "beta")) == [("filled", None), ("immediate", None)]
    assert (told.cash("beta"), has(told, "v1", "acme", "beta")) == ((9_973 * LOT, 0), [(970, 0), (30, 0)])
    assert closed(told, (sell(10, tif="IOC"), "acme")) == [("immediate", None)]
    assert (dict(told.state.credit.orders), has(told, "v1", "acme")) == ({}, [(970, 0)])


ORDERS: list[tuple[str | None, dict[str, Any], Command, str]] = [
    (None, {}, sell(1_000), "acme"),
    (None, {"mode": "OPEN"}, sell(), "acme"),
    ("no_credit_market", {"mode": "ISSUER_APPROVED"}, sell(), "acme"),
    ("no_credit_market", {"mode": "INTRA_GROUP"}, buy(), "beta"),
    ("no_credit_market", {"price_rule": "GIFT_ONLY"}, buy(), "beta"),
    ("no_credit_market", {}, buy(version=1), "beta"),
    ("unknown_programme", {}, buy(version=3), "beta"),
    ("unknown_voucher", {}, sell(), "zeta"),
    ("amount_off_tick", {}, replace(sell(), amount=LOT + 1), "acme"),
    ("price_outside_collar", {}, sell(price_bps=4_999), "acme"),
    (None, {}, sell(price_bps=5_000), "acme"),
    (None, {}, buy(price_bps=15_000), "beta"),
    ("price_outside_collar", {}, buy(price_bps=15_001), "beta"),
    ("price_not_allowed", {"price_rule": "AT_PAR"}, buy(price_bps=9_999), "beta"),
    (None, {"price_rule": "AT_PAR"}, buy(price_bps=10_000), "beta"),
    ("price_not_allowed", {"price_rule": "BELOW_PAR_ONLY"}, sell(price_bps=10_000), "acme"),
    (None, {"price_rule": "BELOW_PAR_ONLY"}, sell(price_bps=9_999), "acme"),
    ("below_minimum", {"min_amount": "1"}, sell(99), "acme"),
    (None, {"min_amount": "1"}, buy(100), "beta"),
    ("exceeds_available", {}, sell(1_001), "acme"),
    ("exceeds_available", {"fee": "1%"}, buy(9_991, 10_000), "beta"),
    ("period_not_valid", {}, buy(month=format_month(T - 40 * DAY)), "beta"),
    ("unknown_order", {}, CancelCreditOrder(order_id="cro-1-0"), "acme"),
]


def test_which_orders_are_taken() -> None:
    markets: dict[str, Story] = {}
    for expected, transfer, body, actor in ORDERS:
        told = markets.get(repr(transfer)) or market(**transfer)
        markets[repr(transfer)] = told
        assert outcome(told.when(body, actor)) == expected, body
        if expected is None:
            told.when(CancelCreditOrder(order_id=told.said[0].order_id), actor)


def test_an_order_is_cancelled_by_its_party_alone() -> None:
    told = market()
    offer, bid = placed(told, sell(), "acme"), placed(told, buy(price_bps=8_000), "beta")
    told.when(CancelCreditOrder(order_id=offer), "beta").refused(Code.UNKNOWN_ORDER)
    for order_id, actor in ((offer, "acme"), (bid, "beta")):
        told.when(CancelCreditOrder(order_id=order_id), actor).then_types(CreditOrderClosed)
        told.when(CancelCreditOrder(order_id=order_id), actor).refused(Code.UNKNOWN_ORDER)
    assert (has(told, "v1", "acme"), told.cash("beta")) == ([(1_000, 0)], (10_000 * LOT, 0))


def test_related_parties_do_not_trade_and_the_later_order_leaves() -> None:
    told = market().hears(group("beta", "acme"))
    assert closed(told, (sell(), "acme"), (buy(), "beta")) == [("self_trade", None)]
    assert [order.party_id for order in told.state.credit.orders.values()] == ["acme"]
    assert closed(told, (buy(50, 8_000), "beta"), (sell(50, 8_000, "v2"), "zeta")) == [("filled", None)] * 2


def test_a_part_changes_hands_as_often_and_as_soon_as_the_programme_lets_it() -> None:
    told = market(max_hops=1)
    assert closed(told, (sell(), "acme"), (buy(), "beta")) == [("filled", None)] * 2
    assert outcome(told.when(sell(10), "beta")) == "too_many_hops"
    told = market(max_hops=3, cooling_off_days=2)
    closed(told, (sell(), "acme"), (buy(), "beta"))
    for days, why in ((1, "cooling_off"), (2, None)):
        assert outcome(told.when(sell(10, 9_500), "beta", at=T + days * DAY)) == why
    closed(told, (buy(50), "beta"))
    told.when(sell(50), "acme")
    assert [each.reason for each in steps(told) if isinstance(each, CreditOrderClosed)] == ["filled"] * 2
    told.when(buy(10, 9_500), "gamma")
    assert [(each.reason, each.why) for each in steps(told) if isinstance(each, CreditOrderClosed)] == [
        ("not_permitted", "cooling_off")
    ], "what came later cools the whole part that beta offers"


CAP = {"id": "each", "scope": "BENEFICIARY", "period": {"kind": "CALENDAR_YEAR"}, "amount": "1"}


def test_a_buyer_gets_no_more_than_its_cap() -> None:
    told = market(caps=[CAP])
    placed(told, sell(200), "acme")
    assert closed(told, (buy(101), "beta")) == [("not_permitted", "cap_of_receiver")]
    assert closed(told, (buy(100), "beta")) == [("filled", None)]
    assert closed(told, (buy(1), "beta")) == [("not_permitted", "cap_of_receiver")]


def test_what_is_too_little_to_be_handed_on_leaves() -> None:
    told = market(min_amount="1")
    assert closed(told, (sell(250), "acme"), (buy(200), "beta")) == [("below_minimum", None), ("filled", None)]
    assert has(told, "v1", "acme", "beta") == [(800, 0), (200, 0)]


LEAVE: list[tuple[Event, str, set[str]]] = [
    (SUSPENDED, "voucher_suspended", {"acme"}),
    (REVOKED, "voucher_ended", {"acme"}),
    (PartySuspended(party_id="beta", reason="why"), "party_suspended", {"beta"}),
    (PartyClosed(party_id="acme", reason="why"), "party_closed", {"acme"}),
    (CreditPaused(programme_id="city"), "programme_paused", {"acme", "zeta", "beta"}),
    (RunOffBegun(programme_id="city", reason="why"), "programme_in_run_off", {"acme", "zeta", "beta"}),
]


@pytest.mark.parametrize(("event", "reason", "parties"), LEAVE)
def test_what_may_not_trade_leaves_the_book_before_anything_else(event: Event, reason: str, parties: set[str]) -> None:
    told = market()
    for body, actor in ((sell(), "acme"), (sell(50, 9_500, "v2"), "zeta"), (buy(10, 8_000), "beta")):
        placed(told, body, actor)
    told.hears(event)
    assert DECIDER.due(told.state) == (0, "credit_step")
    left = [each for each in steps(told) if isinstance(each, CreditOrderClosed)]
    assert {each.party_id for each in left} == parties
    assert {each.reason for each in left} == {reason}
    assert not any(has(told, "v1", "acme")[0][1:]) if "acme" in parties else True
    assert told.cash("beta")[1] == (0 if "beta" in parties else 8 * LOT)


def test_a_paused_programme_takes_no_orders_until_it_goes_on() -> None:
    told = market().hears(CreditPaused(programme_id="city"))
    told.when(sell(), "acme").refused(Code.PROGRAMME_PAUSED)
    told.when(buy(), "beta").refused(Code.PROGRAMME_PAUSED)
    told.hears(CreditResumed(programme_id="city"))
    assert closed(told, (sell(), "acme"), (buy(), "beta")) == [("filled", None)] * 2


def test_orders_end_with_their_voucher_and_with_their_series() -> None:
    told = market()
    placed(told, sell(), "acme")
    placed(told, buy(price_bps=8_000), "beta")
    told.time = ENDS
    assert [each.reason for each in steps(told) if isinstance(each, CreditOrderClosed)] == ["voucher_ended"]
    assert has(told, "v1", "acme") == [(0, 0)]
    lapse = next(iter(told.state.credit.orders.values())).until
    told.time = lapse
    assert [each.reason for each in steps(told) if isinstance(each, CreditOrderClosed)] == ["lapsed"]
    assert told.cash("beta") == (10_000 * LOT, 0)


BANKS = {"fact": "licensed_bank", "is": True}


def stated(told: Story, trade_id: str, value: str) -> FactsStated:
    """What issuance says of the buyer in a trade that waits."""
    found = told.state.encumbrances.transfers[trade_id]
    fact = FactGiven(line=None, name="licensed_bank", values=(value,), attested_by="issuer", on=T // DAY)
    return FactsStated(
        transfer_id=trade_id, programme_id="city", voucher_id=found.voucher_id, party_id=found.receiver_id,
        rules_hash=rules_hash(to=BANKS), day=0, contradict=False, facts=(fact,),
    )  # fmt: skip


def test_a_buyer_is_judged_at_the_trade_by_what_issuance_says_of_it() -> None:
    told = market(to=BANKS)
    offer = placed(told, sell(100), "acme")
    told.when(buy(60, 9_500), "beta")
    assert [type(each) for each in steps(told)] == [CreditTraded, TransferProposed, TransferConsented]
    assert (has(told, "v1", "acme", "beta"), told.cash("beta")[1]) == ([(900, 100), (0, 0)], 57 * LOT)
    (trade_id,) = told.state.credit.trades
    for body, actor in (
        (WithdrawTransfer(transfer_id=trade_id), "acme"),
        (RejectTransfer(transfer_id=trade_id, reason="no"), "beta"),
        (RejectTransfer(transfer_id=trade_id, reason="no"), "issuer"),
    ):
        assert outcome(told.when(body, actor)) == "traded"
    placed(told, buy(80, 9_200), "gamma")  # takes the rest at once, and waits too
    first, second = told.state.credit.trades
    told.hears(stated(told, first, "false"))
    told.then_types(TransferJudged, CreditTradeFailed, CreditOrderClosed)
    assert (told.said[-1].reason, told.said[-1].why, told.said[-1].party_id) == (
        "not_permitted", "receiver_not_allowed", "beta",
    )  # fmt: skip
    assert told.cash("beta") == (10_000 * LOT, 0)
    assert told.state.credit.orders[offer].remaining == 60 * LOT, "it has its place again"
    told.hears(stated(told, second, "true"))
    told.then_types(TransferJudged, TransferAccepted, CreditSettled)
    again = [each for each in steps(told) if type(each) is CreditTraded]
    assert [(each.offer_id, each.amount // LOT, each.price_bps) for each in again] == [(offer, 40, 9_000)]
    (third,) = told.state.credit.trades
    told.hears(stated(told, third, "true"))
    told.then_types(TransferJudged, TransferAccepted, CreditSettled, CreditOrderClosed)
    assert (has(told, "v1", "acme", "gamma"), told.cash("gamma")) == ([(900, 20), (80, 0)], (9_928 * LOT, 0))


@pytest.mark.parametrize("cancelled", ["neither", "offer", "bid"])
def test_a_trade_that_waits_in_vain_gives_back_to_the_orders_that_are_open(cancelled: str) -> None:
    told = market(to=BANKS)
    orders = {"offer": (placed(told, sell(100), "acme"), "acme"), "bid": (placed(told, buy(100), "beta"), "beta")}
    if cancelled in orders:
        order_id, actor = orders[cancelled]
        told.when(CancelCreditOrder(order_id=order_id), actor).then_types(CreditOrderClosed)
        assert (has(told, "v1", "acme"), told.cash("beta")[1]) == ([(900, 100)], 90 * LOT), "the trade stands"
    told.fires("encumbrance_end", told.time + RULES[LATEST].transfer_stands)
    over = [(each.reason, each.why) for each in told.said if isinstance(each, CreditOrderClosed)]
    assert over == ([] if cancelled == "bid" else [("not_permitted", "no_answer")])
    assert not any(isinstance(each, CreditTraded) for each in steps(told)), "it would wait again for ever"
    assert (has(told, "v1", "acme") == [(1_000, 0)]) is (cancelled == "offer")
    assert (told.cash("beta"), len(told.state.credit.orders)) == ((10_000 * LOT, 0), int(cancelled != "offer"))


@pytest.mark.parametrize("event", [REVOKED, SUSPENDED])
def test_a_trade_that_waits_ends_with_its_voucher_or_at_its_answer(event: Event) -> None:
    told = market(to=BANKS)
    placed(told, sell(100), "acme")
    bid = placed(told, buy(100), "beta")
    answer = stated(told, next(iter(told.state.credit.trades)), "true")
    told.hears(event)
    steps(told)
    told.hears(answer, REINSTATED)
    assert (dict(told.state.credit.trades), list(told.state.credit.orders)) == ({}, [bid])
    assert told.cash("beta") == (9_910 * LOT, 90 * LOT)
    assert has(told, "v1", "acme") == [(0, 0) if event == REVOKED else (1_000, 0)]


def test_a_buyer_is_asked_about_once_however_many_offers_its_bid_meets() -> None:
    told = market(to=BANKS)
    for price_bps in (8_000, 8_500, 9_000):
        placed(told, sell(10, price_bps), "acme")
    bid = placed(told, buy(30), "beta")
    assert (len(told.state.credit.trades), told.state.credit.orders[bid].remaining) == (1, 20 * LOT)
    other = placed(told, buy(10), "gamma")
    assert [each.bid_id for each in told.state.credit.trades.values()] == [bid, other], "others do not wait for it"
    first = next(iter(told.state.credit.trades))
    told.hears(stated(told, first, "true"))
    assert [(each.bid_id, each.amount // LOT) for each in steps(told) if type(each) is CreditTraded] == [(bid, 10)]


def test_where_a_buyer_is_judged_by_the_project_of_a_voucher_there_is_no_book() -> None:
    told = market(to={"fact": "track", "is": "FOUNDATION_MODEL"})
    for body, actor in ((sell(), "acme"), (buy(), "beta")):
        assert outcome(told.when(body, actor)) == "no_credit_market"


@pytest.mark.parametrize("rest", [0, 50])
def test_an_offer_of_which_nothing_comes_back_from_a_trade_is_over(rest: int) -> None:
    told = market(to=BANKS)
    told.time = ENDS - DAY
    placed(told, sell(100), "acme")
    placed(told, buy(100 - rest), "beta")
    told.fires("encumbrance_end", ENDS)
    assert isinstance(told.said[0], CreditTradeFailed)
    told.time = ENDS
    steps(told)
    assert [order.voucher_id for order in told.state.credit.orders.values()] == [None]
    assert has(told, "v1", "acme") == [(0, 0)]


def test_an_offer_lasts_as_long_as_its_voucher() -> None:
    steps_to_end: dict[str, Any] = dict.fromkeys(("offline_days", "restore_within_days", "expunge_days"), ...)
    told = ending(extension_days=3, **steps_to_end).hears(
        appropriated(1_000 * LOT), issued("v9", 100 * LOT, version=2, issue_seq=9)
    )
    told.when(sell(100, 9_000, "v9"), "acme")
    steps(told)
    expires_at = told.state.vouchers.open["v9"].expires_at
    told.when(ExtendVoucher(voucher_id="v9", days=1, ground=None, reason="late"), "issuer")
    told.time = expires_at
    left = [each.reason for each in steps(told) if isinstance(each, CreditOrderClosed)]
    same = format_month(expires_at - 1) == format_month(expires_at + DAY - 1)
    assert left == ([] if same else ["series_changed"])
    told.time = expires_at + 400 * DAY
    assert [each.reason for each in steps(told) if isinstance(each, CreditOrderClosed)] == ["voucher_ended"] * same


def test_a_party_and_a_series_have_a_bounded_number_of_orders() -> None:
    with changed_rules(max_credit_orders_per_group=2, currencies=None, unique_references=False):
        told = market().when(buy(1, 8_000), "beta").when(buy(1, 8_000), "beta").then_types(CreditBidPlaced)
        told.when(buy(1, 8_000), "beta").refused(Code.OVER_LIMIT)
        told.when(buy(1, 8_000), "gamma").then_types(CreditBidPlaced)
        told.hears(group("delta", "beta")).when(buy(1, 8_000), "delta").refused(Code.OVER_LIMIT)
    with changed_rules(max_credit_orders_per_side=2, currencies=None, unique_references=False):
        told = market().when(buy(1, 8_000), "beta").when(buy(1, 8_000), "gamma").then_types(CreditBidPlaced)
        told.when(buy(1, 8_000), "delta").refused(Code.OVER_LIMIT)
        told.when(sell(1), "acme").then_types(CreditOffered)


# the twin -------------------------------------------------------------------------------------------------------------


@dataclass
class Twin:
    """The rule without books: of all pairs that fit, the best by price, then time, trades, until none is left."""

    ids: Any = field(default_factory=count)
    open: dict[int, list[Any]] = field(default_factory=dict)
    trades: list[tuple[int, int, int, int]] = field(default_factory=list)

    def place(self, side: str, party_id: str, lots: int, price: int, *, rests: bool) -> None:
        """Take an order, and let everything meet."""
        me = next(self.ids)
        self.open[me] = [side, party_id, lots, price]
        while pairs := [
            (offer, bid)
            for offer in self.open
            for bid in self.open
            if (self.open[offer][0], self.open[bid][0]) == ("offer", "bid") and self.open[offer][3] <= self.open[bid][3]
        ]:
            offer, bid = min(pairs, key=lambda pair: (self.open[pair[0]][3], pair[0], -self.open[pair[1]][3], pair[1]))
            if self.open[offer][1] == self.open[bid][1]:
                del self.open[max(offer, bid)]
                continue
            lots = min(self.open[offer][2], self.open[bid][2])
            self.trades.append((offer, bid, lots, self.open[min(offer, bid)][3]))
            for each in (offer, bid):
                self.open[each][2] -= lots
                if not self.open[each][2]:
                    del self.open[each]
        if not rests:
            self.open.pop(me, None)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["offer", "bid", "cancel"]), st.sampled_from(["acme", "zeta"]), st.integers(1, 6),
        st.integers(0, 4), st.booleans(),
    ),
    min_size=16,
    max_size=32,
)  # fmt: skip


@settings(max_examples=6, deadline=None)
@given(MOVES)
def test_the_book_trades_as_the_rule_says_without_one(moves: list[tuple[str, str, int, int, bool]]) -> None:
    told, twin = market(), Twin()
    for each in ("acme", "zeta"):
        told.when(deposit(each, 10_000 * LOT), "treasury")
    ids: dict[str, int] = {}
    trades: list[tuple[int, int, int, int]] = []
    for kind, who, lots, price, rests in moves:
        if kind == "cancel":
            mine = [order_id for order_id, order in told.state.credit.orders.items() if order.party_id == who]
            if mine:
                told.when(CancelCreditOrder(order_id=mine[-1]), who)
                del twin.open[ids[mine[-1]]]
            continue
        tif = "GTC" if rests else "IOC"
        price_bps = 9_000 + 100 * price
        voucher_id = "v1" if who == "acme" else "v2"
        told.when(sell(lots, price_bps, voucher_id, tif) if kind == "offer" else buy(lots, price_bps, tif), who)
        ids[told.said[0].order_id] = len(ids)
        met = (event for event in steps(told) if isinstance(event, CreditTraded))
        trades += ((ids[each.offer_id], ids[each.bid_id], each.amount // LOT, each.price_bps) for each in met)
        twin.place(kind, who, lots, price_bps, rests=rests)
    assert trades == twin.trades
    assert {ids[each]: order.remaining // LOT for each, order in told.state.credit.orders.items()} == {
        each: order[2] for each, order in twin.open.items()
    }
