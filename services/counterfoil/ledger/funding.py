"""How the ledger pays for a trade: holds of bids and bonds, funding of contracts, capture, release, default.

Each function answers one event of another service with the events that the ledger makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from counterfoil.contract.ensure import ensure
from counterfoil.contract.limits import BPS, MAX_VOUCHERS_PER_HOLD
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.decider import At, ServiceState
from counterfoil.ledger.accounts import Accounts, Effect, Posting
from counterfoil.ledger.events import (
    BondHeld,
    BondReleased,
    BondSlashed,
    ContractFunded,
    Draw,
    HoldCaptured,
    HoldPlaced,
    HoldReduced,
    HoldRefused,
    HoldReleased,
    VoucherCancelled,
    VoucherExpired,
)
from counterfoil.ledger.holds import BidHold, Contract, Holds, split
from counterfoil.ledger.vouchers import CANCELLED, CIRCULATION, EXPIRED, REDEEMED, Lot, Terms, Vouchers, holder
from counterfoil.matching.events import (
    BidClosed,
    BidReceived,
    BidReduced,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from counterfoil.redemption.events import ContractCompleted, ProviderDefaulted, UsageAccepted

CO_PAYMENTS = "co_payments"
BONDS = "bonds"
_PRECEDENCE = tuple(Code)


class State(ServiceState):
    """The ledger's whole state."""

    __slots__ = ("accounts", "currencies", "holds", "terms", "vouchers")

    def __init__(self) -> None:
        super().__init__()
        self.accounts = Accounts()
        self.vouchers = Vouchers()
        self.holds = Holds()
        self.terms: dict[tuple[str, int], Terms] = {}
        self.currencies: dict[str, str] = {}


def cash(party_id: str) -> str:
    """The account of a party's own currency."""
    return f"cash/{party_id}"


def budget(programme_id: str) -> str:
    """The asset in which a programme's budget is kept."""
    return f"budget:{programme_id}"


# placing ------------------------------------------------------------------------------------------------------------


def hold_bond(state: State, event: OfferReceived, _at: At) -> Sequence[Event]:
    """Hold an offer's bond on the provider's cash."""
    if event.bond > state.accounts.find(cash(event.provider_id), event.currency).available:
        return [HoldRefused(hold_id=event.offer_id, kind="bond", code=Code.EXCEEDS_AVAILABLE)]
    posting = Posting(state.accounts)
    posting.leg("hold", event.currency, cash(event.provider_id), BONDS, event.bond)
    return [
        BondHeld(
            hold_id=event.offer_id,
            provider_id=event.provider_id,
            currency=event.currency,
            amount=event.bond,
            price=event.price,
            bps=event.bond_bps,
            legs=posting.take(),
        )
    ]


def hold_bid(state: State, event: BidReceived, at: At) -> Sequence[Event]:
    """Hold a bid's funds: the programme's share from vouchers, the co-payment from cash."""
    chosen = _choose(state, event, at)
    if isinstance(chosen, Code):
        return [HoldRefused(hold_id=event.bid_id, kind="bid", code=chosen)]
    draws, terms = chosen
    money = _need(terms, event.cost_per_node, event.nodes, event.partial)[1]
    if money > state.accounts.find(cash(event.beneficiary_id), event.currency).available:
        return [HoldRefused(hold_id=event.bid_id, kind="bid", code=Code.EXCEEDS_AVAILABLE)]
    posting = Posting(state.accounts)
    _voucher_legs(posting, "hold", event.beneficiary_id, draws)
    posting.leg("hold", event.currency, cash(event.beneficiary_id), CO_PAYMENTS, money)
    return [
        HoldPlaced(
            hold_id=event.bid_id,
            party_id=event.beneficiary_id,
            programme_id=event.programme_id,
            version=terms.version,
            currency=event.currency,
            nodes=event.nodes,
            cost_per_node=event.cost_per_node,
            partial=event.partial,
            vouchers=draws,
            cash=money,
            legs=posting.take(),
        )
    ]


def _need(terms: Terms, cost_per_node: int, nodes: int, partial: bool) -> tuple[int, int]:
    """(voucher part, cash part) that a bid needs for `nodes` nodes.

    The voucher part is floored, so the cash parts of several trades may together need one micro-unit more per trade
    than the whole: a partial bid holds that much more.
    """
    whole = cost_per_node * nodes
    subsidy = terms.subsidy(whole)
    return subsidy, whole - subsidy + (max(nodes - 1, 0) if partial and terms.rounds else 0)


def _choose(state: State, event: BidReceived, at: At) -> tuple[tuple[Draw, ...], Terms] | Code:
    """Which vouchers pay how much: those named, in their order, else usable ones in draw-down order.

    Vouchers of one hold are of one programme version: the first that covers the bid.
    """
    if event.programme_id not in state.currencies:
        return Code.UNKNOWN_PROGRAMME
    if not event.voucher_ids:
        lots = state.vouchers.of(event.beneficiary_id, event.programme_id)
        return _cover(state, event, (lot for lot in lots if _bar(state, lot, event, at) is None))
    named = [state.vouchers.lots.get(voucher_id) for voucher_id in event.voucher_ids]
    mine = [lot for lot in named if lot is not None and _theirs(lot, event)]
    if len(mine) < len(named):
        return Code.UNKNOWN_VOUCHER
    barred = [code for lot in mine if (code := _bar(state, lot, event, at)) is not None]
    if any(lot.version != mine[0].version for lot in mine):
        barred.append(Code.VERSIONS_DIFFER)
    return min(barred, key=_PRECEDENCE.index) if barred else _cover(state, event, mine)


def _cover(state: State, event: BidReceived, lots: Iterable[Lot]) -> tuple[tuple[Draw, ...], Terms] | Code:
    """Draw on the lots in order until those of one version cover the bid; no lot is looked at after that."""
    drawn: dict[int, tuple[int, list[Draw]]] = {}  # by version: what is still wanted, and the draws so far
    for lot in lots:
        terms = state.terms[lot.programme_id, lot.version]
        if lot.version not in drawn:
            drawn[lot.version] = (_need(terms, event.cost_per_node, event.nodes, event.partial)[0], [])
        wanted, draws = drawn[lot.version]
        taken = min(wanted, _available(state, lot))
        if taken:
            draws.append(Draw(voucher_id=lot.voucher_id, amount=taken))
            drawn[lot.version] = (wanted - taken, draws)
        if taken == wanted:
            return Code.OVER_LIMIT if len(draws) > MAX_VOUCHERS_PER_HOLD else (tuple(draws), terms)
    return Code.EXCEEDS_AVAILABLE


def _theirs(lot: Lot, event: BidReceived) -> bool:
    return lot.beneficiary_id == event.beneficiary_id and lot.programme_id == event.programme_id


def _bar(state: State, lot: Lot, event: BidReceived, at: At) -> Code | None:
    barred = lot.bar(at.time)
    if barred is None:
        terms = state.terms[lot.programme_id, lot.version]
        settled_by = (event.latest + event.hours) * HOUR + terms.settle_within * SECOND
        if not terms.tolls and settled_by >= lot.expires_at:
            return Code.VOUCHER_EXPIRES_BEFORE_DELIVERY
    return barred


def _available(state: State, lot: Lot) -> int:
    return state.accounts.find(holder(lot.beneficiary_id), lot.voucher_id).available


# trading ------------------------------------------------------------------------------------------------------------


def fund_contract(state: State, event: TradeMatched, at: At) -> Sequence[Event]:
    """Keep the trade's price held for its contract, release what the limit held above it, assign the bond.

    A trade of which neither order is held here is another ledger's.
    """
    if event.bid_id not in state.holds.bids and event.offer_id not in state.holds.bonds:
        return []
    bid, bond = state.holds.bids[event.bid_id], state.holds.bonds[event.offer_id]
    terms = state.terms[bid.programme_id, bid.version]
    subsidy = terms.subsidy(event.notional)
    vouchers, rest = split(bid.draws, subsidy)
    keep_subsidy, keep_cash = _need(terms, bid.cost_per_node, event.bid_nodes_left, bid.partial)
    _, released = split(rest, keep_subsidy)
    released_cash = bid.cash - (event.notional - subsidy) - keep_cash
    ensure(released_cash >= 0, "a hold covers every trade of its bid")
    posting = Posting(state.accounts)
    _voucher_legs(posting, "release", bid.party_id, released)
    posting.leg("release", event.currency, cash(bid.party_id), CO_PAYMENTS, released_cash)
    funded = ContractFunded(
        contract_id=event.trade_id,
        bid_id=event.bid_id,
        offer_id=event.offer_id,
        vouchers=vouchers,
        cash=event.notional - subsidy,
        bond=bond.price * event.nodes * event.gpus_per_node * event.hours * bond.bps // BPS,
        bid_nodes_left=event.bid_nodes_left,
        released_vouchers=released,
        released_cash=released_cash,
        legs=posting.take(),
    )
    return [funded, *_bury(state, posting, released, at)]


def reduce_bid(state: State, event: BidReduced, at: At) -> Sequence[Event]:
    """Give back what a smaller bid no longer needs."""
    bid = state.holds.bids.get(event.bid_id)
    if bid is None:
        return []
    terms = state.terms[bid.programme_id, bid.version]
    keep_subsidy, keep_cash = _need(terms, bid.cost_per_node, event.nodes_left, bid.partial)
    _, released = split(bid.draws, keep_subsidy)
    posting = Posting(state.accounts)
    _voucher_legs(posting, "release", bid.party_id, released)
    posting.leg("release", terms.currency, cash(bid.party_id), CO_PAYMENTS, bid.cash - keep_cash)
    reduced = HoldReduced(
        hold_id=event.bid_id,
        nodes_left=event.nodes_left,
        vouchers=released,
        cash=bid.cash - keep_cash,
        legs=posting.take(),
    )
    return [reduced, *_bury(state, posting, released, at)]


def reduce_bond(state: State, event: OfferReduced, _at: At) -> Sequence[Event]:
    """Give back the bond of the nodes taken off an offer."""
    bond = state.holds.bonds.get(event.offer_id)
    if bond is None:
        return []
    freed = min(event.bond_released, bond.cash)
    posting = Posting(state.accounts)
    posting.leg("release", bond.currency, cash(bond.party_id), BONDS, freed)
    return [HoldReduced(hold_id=event.offer_id, nodes_left=0, vouchers=(), cash=freed, legs=posting.take())]


def release_order(state: State, event: BidClosed | OfferClosed, at: At) -> Sequence[Event]:
    """Give back the rest of the hold of an order that left the book; nothing if its hold was refused."""
    order_id = event.bid_id if isinstance(event, BidClosed) else event.offer_id
    bond = state.holds.bonds.get(order_id)
    posting = Posting(state.accounts)
    if bond is not None:
        posting.leg("release", bond.currency, cash(bond.party_id), BONDS, bond.cash)
        legs = posting.take()
        return [HoldReleased(hold_id=order_id, reason=event.reason, vouchers=(), cash=bond.cash, legs=legs)]
    bid = state.holds.bids.get(order_id)
    return [] if bid is None else _release(state, posting, order_id, event.reason, bid, at)


# delivery -----------------------------------------------------------------------------------------------------------


def capture(state: State, event: UsageAccepted, _at: At) -> Sequence[Event]:
    """Pay accepted usage: vouchers are redeemed, the provider gets a claim on the programme and the co-payment.

    The subsidy of all invoices so far is floor(invoiced x share), so rounding never adds up.
    """
    contract = state.holds.contracts[event.contract_id]
    terms = state.terms[contract.programme_id, contract.version]
    subsidy = terms.subsidy(contract.invoiced + event.amount) - contract.subsidised
    co_payment = event.amount - subsidy
    vouchers, _ = split(contract.draws, subsidy)
    ensure(co_payment <= contract.cash, "a contract's cash covers its co-payments")
    payer, payee = contract.beneficiary_id, contract.provider_id
    posting = Posting(state.accounts)
    _voucher_legs(posting, "capture", payer, vouchers)
    posting.leg("post", terms.currency, f"claims_payable/{contract.programme_id}", f"claims/{payee}", subsidy)
    posting.leg("capture", terms.currency, cash(payer), CO_PAYMENTS, co_payment)
    posting.leg("post", terms.currency, CO_PAYMENTS, cash(payee), co_payment)
    return [
        HoldCaptured(
            contract_id=event.contract_id,
            report_id=event.report_id,
            programme_id=contract.programme_id,
            provider_id=payee,
            currency=terms.currency,
            invoice=event.amount,
            vouchers=vouchers,
            subsidy=subsidy,
            co_payment=co_payment,
            legs=posting.take(),
        )
    ]


def complete(state: State, event: ContractCompleted, at: At) -> Sequence[Event]:
    """A delivered contract: what was not used goes back to the beneficiary, the bond to the provider."""
    contract = state.holds.contracts[event.contract_id]
    currency = state.terms[contract.programme_id, contract.version].currency
    posting = Posting(state.accounts)
    released = _release(state, posting, event.contract_id, "delivered", contract, at)
    posting.leg("release", currency, cash(contract.provider_id), BONDS, contract.bond)
    bond = BondReleased(
        contract_id=event.contract_id, provider_id=contract.provider_id, amount=contract.bond, legs=posting.take()
    )
    return [*released, bond]


def default(state: State, event: ProviderDefaulted, at: At) -> Sequence[Event]:
    """A failed contract: what was not delivered goes back to the beneficiary, and the bond with it."""
    contract = state.holds.contracts[event.contract_id]
    currency = state.terms[contract.programme_id, contract.version].currency
    posting = Posting(state.accounts)
    released = _release(state, posting, event.contract_id, "provider_default", contract, at)
    posting.leg("capture", currency, cash(contract.provider_id), BONDS, contract.bond)
    posting.leg("post", currency, BONDS, cash(contract.beneficiary_id), contract.bond)
    bond = BondSlashed(
        contract_id=event.contract_id,
        provider_id=contract.provider_id,
        beneficiary_id=contract.beneficiary_id,
        amount=contract.bond,
        legs=posting.take(),
    )
    return [*released, bond]


# ending -------------------------------------------------------------------------------------------------------------


def end(state: State, posting: Posting, lot: Lot, how: Literal["expired", "cancelled"]) -> Event:
    """End the life of a voucher's unheld value; what is held follows when its hold is released."""
    owner = holder(lot.beneficiary_id)
    amount = posting.draft(owner, lot.voucher_id).available
    recycled = how == CANCELLED or state.terms[lot.programme_id, lot.version].recycle
    posting.leg("post", lot.voucher_id, owner, how, amount)
    posting.leg("post", budget(lot.programme_id), "obligated", "appropriation" if recycled else "lapsed", amount)
    voucher_id, programme_id, legs = lot.voucher_id, lot.programme_id, posting.take()
    if how == CANCELLED:
        return VoucherCancelled(voucher_id=voucher_id, programme_id=programme_id, amount=amount, legs=legs)
    return VoucherExpired(voucher_id=voucher_id, programme_id=programme_id, amount=amount, recycled=recycled, legs=legs)


def _bury(state: State, posting: Posting, released: Sequence[Draw], at: At) -> list[Event]:
    """Value given back to a dead voucher never becomes available again: it ends as its voucher did.

    A voucher that ran out is dead by ledger time alone; if the sweep has yet to come, all its unheld value ends here.
    """
    ended: list[Event] = []
    for draw in released:
        lot = state.vouchers.lots[draw.voucher_id]
        if lot.dead or at.time >= lot.expires_at:
            ended.append(end(state, posting, lot, CANCELLED if lot.status == "revoked" else EXPIRED))
    return ended


def drop_if_over(state: State, voucher_id: str) -> None:
    """Forget a dead voucher once nothing of it is held; its value must then be accounted for to the last unit."""
    lot = state.vouchers.lots.get(voucher_id)
    if lot is None or not lot.dead or state.accounts.find(holder(lot.beneficiary_id), voucher_id).posted:
        return
    ended = sum(state.accounts.find(account, voucher_id).posted for account in (REDEEMED, EXPIRED, CANCELLED))
    issued = -state.accounts.find(CIRCULATION, voucher_id).posted
    ensure(ended == lot.face == issued, f"voucher {voucher_id} does not add up")
    state.vouchers.drop(lot)
    state.accounts.drop_asset(voucher_id)


def _release(
    state: State, posting: Posting, hold_id: str, reason: str, held: BidHold | Contract, at: At
) -> list[Event]:
    party_id = held.party_id if isinstance(held, BidHold) else held.beneficiary_id
    currency = state.terms[held.programme_id, held.version].currency
    _voucher_legs(posting, "release", party_id, held.draws)
    posting.leg("release", currency, cash(party_id), CO_PAYMENTS, held.cash)
    released = HoldReleased(hold_id=hold_id, reason=reason, vouchers=held.draws, cash=held.cash, legs=posting.take())
    return [released, *_bury(state, posting, held.draws, at)]


def _voucher_legs(posting: Posting, effect: Effect, party_id: str, draws: Sequence[Draw]) -> None:
    for draw in draws:
        posting.leg(effect, draw.voucher_id, holder(party_id), REDEEMED, draw.amount)
