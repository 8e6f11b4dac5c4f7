"""The credit market: orders for parts of vouchers meet by price, then time, and are delivered against payment.

An order is one entry, and each step that follows from it one more, before anything else is decided: the best offer and
the best bid of a series trade while the bid pays what the offer asks, at the price of the one that was there before. So
no book is left crossed. A trade is a transfer, judged as every other one is; an order whose side of it is barred
leaves the book, with the reason. Where facts about the buyer have a say, issuance is asked, and both parts wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import CREDIT_BIDS, CREDIT_OFFERS, TRANSFERS, cash, owner
from counterfoil.ledger.credit_book import LOT, CreditOrder, CreditTrade, Series, end_of, month_of, paid
from counterfoil.ledger.credit_commands import BidForCredit, CancelCreditOrder, OfferCredit
from counterfoil.ledger.credit_events import (
    Closing,
    CreditBidPlaced,
    CreditOffered,
    CreditOrderClosed,
    CreditSettled,
    CreditTraded,
    CreditTradeFailed,
)
from counterfoil.ledger.encumbrances import OnOffer, Transfer
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import Draw
from counterfoil.ledger.handovers import Handing, asks_facts, not_ordered
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.price_book import Pair
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.transfer_events import TransferConsented, TransferProposed
from counterfoil.ledger.transfers import barred, not_taken, settle, too_many
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import in_kind
from counterfoil.programme.transfers import fee
from counterfoil.programme.values import parse_amount

OF_OFFER: Final = frozenset(
    {
        "voucher_suspended", "voucher_revoked", "voucher_not_yet_valid", "voucher_expired", "voucher_offline",
        "transfer_not_permitted", "price_not_allowed", "too_many_hops", "cooling_off",
    }
)  # fmt: skip
"""What bars the offer's side of a trade, by the code of a refusal or the document's own; all else bars the bid's."""


def offer_credit(state: LedgerState, body: OfferCredit, actor: Party, at: At) -> Decision:
    """Put a part of a voucher on the book of its series, if somebody could buy it now."""
    voucher = state.held_voucher(body.voucher_id, actor.party_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    rules = state.rules_of(voucher)
    if rules is None:
        return refuse(Code.TRANSFER_NOT_PERMITTED, why="no_credit_market")
    series = Series(voucher.programme_id, voucher.version, month_of(rules, voucher.expires_at))
    order = Handing(actor.party_id, "", body.amount, paid(body.amount, body.price_bps))
    refused = (
        too_many(state, actor.party_id)
        or barred(state, voucher, at)
        or _no_order(state, rules, series, actor.party_id, body)
        or not_ordered(state, rules, order, voucher.voucher_id, at)
    )
    if refused is not None:
        return refused
    available = state.accounts.find(owner(actor.party_id), voucher.voucher_id).available
    if body.amount > available:
        return refuse(Code.EXCEEDS_AVAILABLE, available=available)
    posting = Posting(state.accounts)
    posting.leg("hold", voucher.voucher_id, owner(actor.party_id), CREDIT_OFFERS, body.amount)
    return [
        CreditOffered(
            order_id=at.new_id("cro"),
            party_id=actor.party_id,
            voucher_id=voucher.voucher_id,
            programme_id=series.programme_id,
            version=series.version,
            month=series.month or None,
            amount=body.amount,
            price_bps=body.price_bps,
            time_in_force=body.time_in_force,
            until=voucher.expires_at,
            legs=posting.take(),
        )
    ]


def bid_for_credit(state: LedgerState, body: BidForCredit, actor: Party, at: At) -> Decision:
    """Put a bid on the book of a series, and hold its price at most, with the fee. Who buys is judged at the trade."""
    if not state.has_version(body.programme_id, body.version):
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=body.programme_id, version=body.version)
    rules = state.terms(body.programme_id, body.version)
    if not isinstance(rules, Rules):
        return refuse(Code.TRANSFER_NOT_PERMITTED, why="no_credit_market")
    series = Series(body.programme_id, body.version, body.month or "")
    price = paid(body.amount, body.price_bps)
    refused = _no_order(state, rules, series, actor.party_id, body) or not_ordered(
        state, rules, Handing("", actor.party_id, body.amount, price), None, at
    )
    if refused is not None:
        return refused
    until = end_of(rules, series.month)
    if until <= at.time:
        return refuse(Code.PERIOD_NOT_VALID, month=series.month)
    needed, currency = price + fee(rules, body.amount), state.currency(body.programme_id)
    available = state.accounts.find(cash(actor.party_id), currency).available
    if needed > available:
        return refuse(Code.EXCEEDS_AVAILABLE, needed=needed, available=available)
    posting = Posting(state.accounts)
    posting.leg("hold", currency, cash(actor.party_id), CREDIT_BIDS, needed)
    return [
        CreditBidPlaced(
            order_id=at.new_id("cro"),
            party_id=actor.party_id,
            programme_id=body.programme_id,
            version=body.version,
            month=body.month,
            amount=body.amount,
            price_bps=body.price_bps,
            time_in_force=body.time_in_force,
            currency=currency,
            held=needed,
            until=until,
            legs=posting.take(),
        )
    ]


def cancel_credit_order(state: LedgerState, body: CancelCreditOrder, actor: Party, at: At) -> Decision:
    """Take what is left of an order off the book, at the word of its party."""
    order = state.credit.orders.get(body.order_id)
    if order is None or order.party_id != actor.party_id:
        return refuse(Code.UNKNOWN_ORDER, order_id=body.order_id)
    return _close(state, Posting(state.accounts), body.order_id, order, "cancelled", None, at)


def _no_order(
    state: LedgerState, rules: Rules, series: Series, party_id: str, body: OfferCredit | BidForCredit
) -> Refusal | None:
    """What bars an order of any holder or buyer."""
    band = state.rules.credit_band_bps
    if series.programme_id in state.credit.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=series.programme_id)
    if (ended := state.phases.grants_nothing(series.programme_id)) is not None:
        return ended
    if in_kind(rules):
        return refuse(Code.PROGRAMME_IN_KIND, programme_id=series.programme_id)
    if body.amount % LOT:
        return refuse(Code.AMOUNT_OFF_TICK, tick=LOT)
    if abs(body.price_bps - BPS) > band:
        return refuse(Code.PRICE_OUTSIDE_COLLAR, least_bps=BPS - band, most_bps=BPS + band)
    of_group = sum(state.credit.of(each) for each in state.directory.related_to(party_id))
    on_side = state.credit.count(series, bids=isinstance(body, BidForCredit))
    for field, number, most in (
        ("party_id", of_group, state.rules.max_credit_orders_per_group),
        ("month", on_side, state.rules.max_credit_orders_per_side),
    ):
        if number >= most:
            return refuse(Code.OVER_LIMIT, field=field, limit=most)
    return None


def end_offer(state: LedgerState, posting: Posting, order_id: str, at: At) -> list[Event]:
    """The end of an offer whose voucher has ended."""
    return _close(state, posting, order_id, state.credit.orders[order_id], "voucher_ended", None, at)


# how orders meet ------------------------------------------------------------------------------------------------------


class Side(NamedTuple):
    """An open order, with its id."""

    order_id: str
    order: CreditOrder

    def less(self, amount: int, held: int = 0) -> Side:
        """As it is while so much of it is being settled."""
        order = self.order
        after = order._replace(
            remaining=order.remaining - amount, pending=order.pending + amount, held=order.held - held
        )
        return Side(self.order_id, after)


def step(state: LedgerState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: orders that have to leave; then the best pair of a crossed book; then what does not rest, or lapses."""
    book, room = state.credit, state.rules.max_items_per_sweep
    if leaving := book.leaving.reached(cutoff, room):
        bars = ((order_id, state.bars_order(book.orders[order_id])) for order_id in leaving)
        return _all_closed(state, [(order_id, bar) for order_id, bar in bars if bar is not None], at)
    if book.crossed and (pair := book.best(min(book.crossed))) is not None:
        return _meet(state, pair, at)
    if (order_id := book.first_immediate()) is not None:
        return _all_closed(state, [(order_id, "immediate")], at)
    lapsed = book.lapsing.reached(cutoff, room)
    return _all_closed(state, [(order_id, "lapsed") for order_id in lapsed], at)


def _all_closed(state: LedgerState, reasons: Sequence[tuple[str, Closing]], at: At) -> list[Event]:
    posting, events = Posting(state.accounts), list[Event]()
    for order_id, reason in reasons:
        events += _close(state, posting, order_id, state.credit.orders[order_id], reason, None, at)
    return events


def _meet(state: LedgerState, pair: Pair, at: At) -> list[Event]:
    """The trade of the best offer and the best bid, or the end of the one that bars it."""
    offer, bid = (Side(each, state.credit.orders[each]) for each in (pair.offer_id, pair.bid_id))
    posting = Posting(state.accounts)
    if state.directory.related(offer.order.party_id, bid.order.party_id):
        return _close(state, posting, *(bid if pair.bid_takes else offer), "self_trade", None, at)
    voucher = state.vouchers.open[str(offer.order.voucher_id)]
    rules, price_bps, amount = cast("Rules", state.rules_of(voucher)), pair.price, pair.quantity
    found = Transfer(
        voucher.voucher_id, offer.order.party_id, bid.order.party_id, amount, paid(amount, price_bps),
        fee(rules, amount), False, min(at.time + state.rules.transfer_stands, voucher.expires_at),
    )  # fmt: skip
    if (refused := not_taken(state, found, voucher, at)) is not None:
        return _bar(state, posting, offer, bid, refused, at)
    trade_id = at.new_id("crt")
    posting.leg("release", voucher.voucher_id, owner(found.holder_id), CREDIT_OFFERS, amount)
    traded = CreditTraded(
        trade_id=trade_id, offer_id=offer.order_id, bid_id=bid.order_id, voucher_id=voucher.voucher_id,
        programme_id=voucher.programme_id, version=voucher.version, month=offer.order.month or None, amount=amount,
        price_bps=price_bps, price=found.price, fee=found.fee, legs=posting.take(),
    )  # fmt: skip
    posting.leg("hold", voucher.voucher_id, owner(found.holder_id), TRANSFERS, amount)
    proposed = TransferProposed(
        transfer_id=trade_id, voucher_id=voucher.voucher_id, programme_id=voucher.programme_id,
        holder_id=found.holder_id, receiver_id=found.receiver_id, amount=amount, price=found.price, fee=found.fee,
        currency=rules.currency, until=found.until, legs=posting.take(),
    )  # fmt: skip
    if asks_facts(state, rules, found.receiver_id):
        consented = TransferConsented(
            transfer_id=trade_id, programme_id=voucher.programme_id, voucher_id=voucher.voucher_id,
            holder_id=found.holder_id, receiver_id=found.receiver_id,
        )  # fmt: skip
        return [traded, proposed, consented]
    held = paid(amount, bid.order.price_bps) + found.fee
    sides = offer.less(amount), bid.less(amount, held)
    trade = CreditTrade(offer.order_id, bid.order_id, price_bps, held)
    return [traded, proposed, *_settled(state, posting, trade_id, trade, found, voucher, sides, at)]


def _bar(state: LedgerState, posting: Posting, offer: Side, bid: Side, refused: Refusal, at: At) -> list[Event]:
    """The end of the order that a refusal of its trade is about."""
    why = _why(refused)
    if why == "below_minimum":
        small = min(offer, bid, key=lambda each: each.order.remaining)
        return _close(state, posting, *small, "below_minimum", None, at)
    barred_side = offer if _is_of_offer(refused, offer.order.party_id) else bid
    return _close(state, posting, *barred_side, "not_permitted", why, at)


def _why(refused: Refusal) -> str:
    return str(dict(refused.detail).get("why", refused.code.value))


def _is_of_offer(refused: Refusal, seller_id: str) -> bool:
    return _why(refused) in OF_OFFER or dict(refused.detail).get("party_id") == seller_id


def _close(
    state: LedgerState, posting: Posting, order_id: str, order: CreditOrder, reason: Closing, why: str | None, at: At
) -> list[Event]:
    """The end of an order, which may have changed in this entry; what comes back of a dead voucher ends with it."""
    if order.voucher_id is None:
        posting.leg("release", state.currency(order.programme_id), cash(order.party_id), CREDIT_BIDS, order.held)
    else:
        posting.leg("release", order.voucher_id, owner(order.party_id), CREDIT_OFFERS, order.remaining)
    closed = CreditOrderClosed(
        order_id=order_id, party_id=order.party_id, programme_id=order.programme_id, reason=reason, why=why,
        legs=posting.take(),
    )  # fmt: skip
    if order.voucher_id is None or not order.remaining:
        return [closed]
    draws = [Draw(voucher_id=order.voucher_id, amount=order.remaining)]
    return [closed, *bury(state, posting, order.party_id, draws, at)]


# how a trade ends -----------------------------------------------------------------------------------------------------


def deliver(state: LedgerState, trade_id: str, found: Transfer, voucher: Voucher, at: At) -> list[Event]:
    """Settle a trade that waited for what is attested of its buyer."""
    trade = state.credit.trades[trade_id]
    return _settled(state, Posting(state.accounts), trade_id, trade, found, voucher, _sides(state, trade), at)


def _sides(state: LedgerState, trade: CreditTrade) -> tuple[Side | None, Side | None]:
    """The orders of a trade that are open."""
    offer, bid = (state.credit.orders.get(each) for each in (trade.offer_id, trade.bid_id))
    return offer and Side(trade.offer_id, offer), bid and Side(trade.bid_id, bid)


def _settled(
    state: LedgerState,
    posting: Posting,
    trade_id: str,
    trade: CreditTrade,
    found: Transfer,
    voucher: Voucher,
    sides: tuple[Side | None, Side | None],
    at: At,
) -> list[Event]:
    """Part and price change hands; orders of which nothing is left, or too little to be handed on, are over."""
    rules = cast("Rules", state.rules_of(voucher))
    events = settle(state, trade_id, found, voucher, at, posting=posting, held=trade.held)
    events.append(
        CreditSettled(
            trade_id=trade_id,
            offer_id=trade.offer_id,
            bid_id=trade.bid_id,
            programme_id=voucher.programme_id,
            version=voucher.version,
            month=month_of(rules, voucher.expires_at) or None,
            amount=found.amount,
            price_bps=trade.price_bps,
            price=found.price,
        )
    )
    least = parse_amount(rules.document.transfer.min_amount or "0")
    for side in sides:
        if side is None:
            continue
        order = side.order._replace(pending=side.order.pending - found.amount)
        if not order.remaining and not order.pending:
            events += _close(state, posting, side.order_id, order, "filled", None, at)
        elif 0 < order.remaining < least:
            events += _close(state, posting, side.order_id, order, "below_minimum", None, at)
    return events


def fail(state: LedgerState, posting: Posting, trade_id: str, at: At, refused: Refusal | None = None) -> list[Event]:
    """A trade is not settled: its parts are on the book again, but of the order that bars it, and of what has ended.

    `refused`: why not; None if it waited in vain: the bid is over, too, or else the two would wait again for ever.
    """
    trade, found = state.credit.trades[trade_id], state.encumbrances.transfers[trade_id]
    voucher, (offer, bid) = state.vouchers.open[found.voucher_id], _sides(state, trade)
    over = state.over(voucher, at.time) or at.time >= voucher.expires_at
    posting.leg("release", voucher.voucher_id, owner(found.holder_id), TRANSFERS, found.amount)
    if offer is not None and not over:
        posting.leg("hold", voucher.voucher_id, owner(found.holder_id), CREDIT_OFFERS, found.amount)
    if bid is None:
        posting.leg("release", state.currency(voucher.programme_id), cash(found.receiver_id), CREDIT_BIDS, trade.held)
    events: list[Event] = [
        CreditTradeFailed(
            trade_id=trade_id,
            offer_id=trade.offer_id,
            bid_id=trade.bid_id,
            voucher_id=voucher.voucher_id,
            programme_id=voucher.programme_id,
            amount=found.amount,
            legs=posting.take(),
        )
    ]
    if offer is None or over:
        draws = [Draw(voucher_id=voucher.voucher_id, amount=found.amount)]
        events += bury(state, posting, found.holder_id, draws, at)
    if refused is None and over:
        return events
    by_offer = refused is not None and _is_of_offer(refused, found.holder_id)
    side = offer if by_offer else bid
    if side is None or (by_offer and over):
        return events
    restored, why = side.less(-found.amount, 0 if by_offer else -trade.held), "no_answer"
    if refused is not None:
        why = _why(refused)
    return [*events, *_close(state, posting, *restored, "not_permitted", why, at)]


# evolve ---------------------------------------------------------------------------------------------------------------


def credit_offered(state: LedgerState, event: CreditOffered, at: At) -> None:
    """Apply an offer."""
    state.book(event.legs)
    state.encumber(event.order_id, OnOffer(event.voucher_id, event.party_id, event.amount))
    state.credit.open(event.order_id, _order(event, event.voucher_id, 0, at))


def credit_bid_placed(state: LedgerState, event: CreditBidPlaced, at: At) -> None:
    """Apply a bid."""
    state.book(event.legs)
    state.credit.open(event.order_id, _order(event, None, event.held, at))


def _order(event: CreditOffered | CreditBidPlaced, voucher_id: str | None, held: int, at: At) -> CreditOrder:
    return CreditOrder(
        programme_id=event.programme_id, version=event.version, month=event.month or "", party_id=event.party_id,
        voucher_id=voucher_id, price_bps=event.price_bps, remaining=event.amount, pending=0, held=held,
        immediate=event.time_in_force == "IOC", until=event.until, entry=at.index, item=at.item,
    )  # fmt: skip


def credit_traded(state: LedgerState, event: CreditTraded, _at: At) -> None:
    """Apply that two orders met: both have so much less on the book."""
    state.book(event.legs)
    offer, bid = (Side(each, state.credit.orders[each]) for each in (event.offer_id, event.bid_id))
    held = paid(event.amount, bid.order.price_bps) + event.fee
    state.credit.trades[event.trade_id] = CreditTrade(event.offer_id, event.bid_id, event.price_bps, held)
    for side in (offer.less(event.amount), bid.less(event.amount, held)):
        state.credit.change(side.order_id, side.order)
    _list(state, event.offer_id)


def credit_settled(state: LedgerState, event: CreditSettled, _at: At) -> None:
    """Apply that a trade is settled; its transfer was, by the event before."""
    _end(state, event)


def credit_trade_failed(state: LedgerState, event: CreditTradeFailed, _at: At) -> None:
    """Apply that a trade is not settled."""
    state.book(event.legs)
    state.disencumber(event.trade_id)
    trade = state.credit.trades[event.trade_id]
    _end(state, event)
    for order_id, back, held in (
        (event.offer_id, any(leg.credit == CREDIT_OFFERS for leg in event.legs), 0),
        (event.bid_id, True, trade.held),
    ):
        order = state.credit.orders.get(order_id)
        if order is not None and back:
            changed = order._replace(remaining=order.remaining + event.amount, held=order.held + held)
            state.credit.change(order_id, changed)
    state.credit.leave_later(event.offer_id)
    _list(state, event.offer_id)


def _end(state: LedgerState, event: CreditSettled | CreditTradeFailed) -> None:
    state.credit.trades.pop(event.trade_id)
    for order_id in (event.offer_id, event.bid_id):
        order = state.credit.orders.get(order_id)
        if order is not None:
            state.credit.change(order_id, order._replace(pending=order.pending - event.amount))


def _list(state: LedgerState, offer_id: str) -> None:
    """What is encumbered for an offer is what it has on the book."""
    order, on_offer = state.credit.orders.get(offer_id), state.encumbrances.on_offer.get(offer_id)
    amount = 0 if order is None else order.remaining
    if order is not None and amount:
        state.encumber(offer_id, OnOffer(str(order.voucher_id), order.party_id, amount))
    elif on_offer is not None:
        state.disencumber(offer_id)


def credit_order_closed(state: LedgerState, event: CreditOrderClosed, _at: At) -> None:
    """Apply the end of an order."""
    state.book(event.legs)
    state.credit.close(event.order_id)
    _list(state, event.order_id)
