"""Contracts: a trade turns its orders' holds into one for its price and one for its bond, which end with the contract.

Of an ended contract a small record is kept: its parties and terms, and what was invoiced and captured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from counterfoil.contract.ensure import ensure
from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.bids import bid_traded
from counterfoil.ledger.chart import BONDS, cash
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import BondReleased, BondSlashed, ContractFunded, PurchaseJudged
from counterfoil.ledger.holds import BidNeed, BondRate, Hold, split, total
from counterfoil.ledger.notice_events import BondDivided, DeliveryEnded
from counterfoil.ledger.payment import Parts, divide, keep, purchase_of, reasons
from counterfoil.ledger.releases import free, release, release_legs
from counterfoil.ledger.restoring import restore
from counterfoil.ledger.state import Contract, EndedContract, LedgerState
from counterfoil.matching.auction_events import Trade, TradeCleared
from counterfoil.matching.cover_events import CoverQuoted
from counterfoil.programme.paying import Paid, Purchase, pays
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import Terms
from counterfoil.redemption.events import ContractCancelled, ContractCompleted, ProviderDefaulted, UsageAccepted
from counterfoil.redemption.notice_events import ContractWithdrawn
from counterfoil.redemption.reclaim_events import DeliveryReclaimed


def is_funded(
    state: LedgerState,
    event: UsageAccepted
    | ContractCompleted
    | ContractCancelled
    | ContractWithdrawn
    | DeliveryReclaimed
    | ProviderDefaulted,
) -> bool:
    """Whether the contract's trade has arrived from matching, and the contract has not ended."""
    return event.contract_id in state.contracts


def fund_contract(state: LedgerState, event: Trade, at: At) -> Sequence[Event]:
    """Keep the trade's price held for its contract, release what the limit held above it, assign the bond.

    A trade with no hold here for either order belongs to another ledger.
    """
    if ("bid", event.bid_id) not in state.holds.open and ("offer", event.offer_id) not in state.holds.open:
        return []
    hold: Hold[BidNeed] = state.holds.open["bid", event.bid_id]
    offer: Hold[BondRate] = state.holds.open["offer", event.offer_id]
    bid, rate = hold.terms, offer.terms
    terms, held = state.terms(bid.programme_id, bid.version), Parts(total(hold.draws), hold.cash)
    purchase = purchase_of(event, at)
    paid = pays(terms, purchase)
    subsidy, co_payment = divide(event.notional, paid.subsidy, held)
    vouchers, rest = split(hold.draws, subsidy)
    left = Parts(held.vouchers - subsidy, held.cash - co_payment)
    if isinstance(event, TradeCleared) and event.bid_nodes_left:
        keep_subsidy, keep_cash = left  # what the bid needs for its other hours is released as the auction ends
    else:
        keep_subsidy, keep_cash = keep(terms, bid, held, left, event.bid_nodes_left)
    _, released = split(rest, keep_subsidy)
    released_cash = left.cash - keep_cash
    ensure(released_cash >= 0, "a hold covers every trade of its bid")
    posting = Posting(state.accounts)
    release_legs(posting, hold, released, released_cash)
    funded = ContractFunded(
        contract_id=event.trade_id,
        bid_id=event.bid_id,
        offer_id=event.offer_id,
        vouchers=vouchers,
        cash=co_payment,
        bond=rate.price * event.nodes * event.gpus_per_node * event.hours * rate.bps // BPS,
        bid_nodes_left=event.bid_nodes_left,
        released_vouchers=released,
        released_cash=released_cash,
        legs=posting.take(),
    )
    judged = judged_purchase(terms, event, purchase, paid)
    return [funded, *judged, *bury(state, posting, hold.owner_id, released, at)]


def judged_purchase(terms: Terms, event: Trade, purchase: Purchase, paid: Paid) -> Sequence[Event]:
    """What a document's rules said of a trade, for the record."""
    if not isinstance(terms, Rules):
        return []
    return [
        PurchaseJudged(
            contract_id=event.trade_id, programme_id=event.programme_id, version=event.version,
            rules_hash=terms.digest, **purchase._asdict(), subsidy=paid.subsidy, explanation=reasons(paid),
        )
    ]  # fmt: skip


def complete(state: LedgerState, event: ContractCompleted, at: At) -> Sequence[Event]:
    """A delivered contract: what was not used goes back to the beneficiary, the bond to the provider.

    Of the bond what belongs to GPU-minutes that were not delivered goes to the beneficiary, too.
    """
    forfeited = _undelivered(state, event.contract_id) if state.rules.bonds_each_minute else 0
    if forfeited:
        posting = Posting(state.accounts)
        released = release(state, posting, event.contract_id, _price(state, event.contract_id), "delivered", at)
        return [*released, _divided(state, posting, event.contract_id, "shortfall", forfeited, forfeited)]
    return _end_well(state, event.contract_id, "delivered", at)


def cancel(state: LedgerState, event: ContractCancelled, at: At) -> Sequence[Event]:
    """A contract that both sides cancelled: the price goes back to the beneficiary, the bond to the provider."""
    return [*_end_well(state, event.contract_id, "cancelled", at), *_ended_early(state, event.contract_id)]


def _end_well(state: LedgerState, contract_id: str, how: Literal["delivered", "cancelled"], at: At) -> Sequence[Event]:
    posting = Posting(state.accounts)
    released = release(state, posting, contract_id, _price(state, contract_id), how, at)
    bond = _bond(state, contract_id)
    release_legs(posting, bond, (), bond.cash)
    ended = BondReleased(
        contract_id=contract_id, provider_id=bond.owner_id, reason=how, amount=bond.cash, legs=posting.take()
    )
    return [*released, ended]


def default(state: LedgerState, event: ProviderDefaulted, at: At) -> Sequence[Event]:
    """A failed contract: what was not delivered goes back to the beneficiary, with time to use it, and the bond too."""
    posting, price = Posting(state.accounts), _price(state, event.contract_id)
    released = free(posting, event.contract_id, price, "provider_default")
    restored = restore(state, posting, price.owner_id, price.draws, at)
    early = _ended_early(state, event.contract_id) if event.cause == "withdrawn" else ()
    bond, beneficiary_id = _bond(state, event.contract_id), state.contracts[event.contract_id].beneficiary_id
    if event.cause == "withdrawn" and state.rules.bonds_each_minute:
        forfeited = _undelivered(state, event.contract_id)
        if forfeited < bond.cash:
            divided = _divided(state, posting, event.contract_id, "default", forfeited, forfeited)
            return [released, *restored, divided, *early]
    posting.leg("capture", bond.currency, cash(bond.owner_id), BONDS, bond.cash)
    posting.leg("post", bond.currency, BONDS, cash(beneficiary_id), bond.cash)
    ended = BondSlashed(
        contract_id=event.contract_id,
        provider_id=bond.owner_id,
        beneficiary_id=beneficiary_id,
        amount=bond.cash,
        legs=posting.take(),
    )
    return [released, *restored, ended, *early]


def _ended_early(state: LedgerState, contract_id: str) -> Sequence[Event]:
    """Hours that may still be to come are to be delivered no more, and matching may sell their nodes again."""
    return [DeliveryEnded(contract_id=contract_id, forfeits_bps=None)] if state.rules.notice_table else ()


def withdraw(_state: LedgerState, event: ContractWithdrawn, _at: At) -> Sequence[Event]:
    """A contract given up with notice: matching says what could replace it, and all of its money waits for that."""
    return [DeliveryEnded(contract_id=event.contract_id, forfeits_bps=event.forfeits_bps)]


def compensate(state: LedgerState, event: CoverQuoted, at: At) -> Sequence[Event]:
    """The price goes back to the beneficiary, with time to use it, and of the bond what the replacement costs more.

    At least the part forfeited for the notice, at most all of it; all of it where nothing replaces the contract.
    """
    contract_id, posting = event.contract_id, Posting(state.accounts)
    price, bond = _price(state, contract_id), _bond(state, contract_id).cash
    released = free(posting, contract_id, price, "withdrawn")
    restored = restore(state, posting, price.owner_id, price.draws, at)
    least = bond * event.forfeits_bps // BPS
    paid = owed_of_bond(bond, least, event.cover)
    divided = _divided(state, posting, contract_id, "notice", least, paid)
    return [released, *restored, replace(divided, offer_id=event.offer_id, cover=event.cover)]


def owed_of_bond(bond: int, least: int, cover: int | None) -> int:
    """What a contract given up with notice costs: `cover` is what another costs more, None if there is no other."""
    return bond if cover is None else max(least, min(cover, bond))


def _undelivered(state: LedgerState, contract_id: str) -> int:
    """The part of a bond that belongs to what was not delivered, by its price, in micro-units, rounded down."""
    price, bond = _price(state, contract_id), _bond(state, contract_id).cash
    left = total(price.draws) + price.cash
    whole = left + state.contracts[contract_id].invoiced
    return bond * left // whole if whole else 0


def _divided(
    state: LedgerState,
    posting: Posting,
    contract_id: str,
    cause: Literal["notice", "shortfall", "default"],
    least: int,
    paid: int,
) -> BondDivided:
    """So much of a bond goes to the beneficiary, and the rest back to the provider."""
    bond, beneficiary_id = _bond(state, contract_id), state.contracts[contract_id].beneficiary_id
    posting.leg("capture", bond.currency, cash(bond.owner_id), BONDS, paid)
    posting.leg("post", bond.currency, BONDS, cash(beneficiary_id), paid)
    release_legs(posting, bond, (), bond.cash - paid)
    return BondDivided(
        contract_id=contract_id,
        provider_id=bond.owner_id,
        beneficiary_id=beneficiary_id,
        cause=cause,
        least=least,
        offer_id=None,
        cover=None,
        paid=paid,
        returned=bond.cash - paid,
        legs=posting.take(),
    )


def _price(state: LedgerState, contract_id: str) -> Hold[None]:
    return state.holds.open["contract", contract_id]


def _bond(state: LedgerState, contract_id: str) -> Hold[None]:
    return state.holds.open["bond", contract_id]


# evolve -------------------------------------------------------------------------------------------------------------


def contract_funded(state: LedgerState, event: ContractFunded, _at: At) -> None:
    """Apply a contract: its price leaves the bid's hold, its bond the offer's."""
    state.book(event.legs)
    bid = bid_traded(state, event)
    offer: Hold[BondRate] = state.holds.open["offer", event.offer_id]
    state.holds.put(event.offer_id, offer.captured(0, event.bond))
    contract_id, currency = event.contract_id, bid.currency
    state.holds.put(contract_id, Hold("contract", bid.owner_id, currency, event.vouchers, event.cash, None))
    state.holds.put(contract_id, Hold("bond", offer.owner_id, currency, (), event.bond, None))
    terms = bid.terms
    state.contracts[contract_id] = Contract(bid.owner_id, offer.owner_id, terms.programme_id, terms.version)


def purchase_judged(state: LedgerState, event: PurchaseJudged, _at: At) -> None:
    """Apply what a trade buys: its reports are judged by it."""
    state.purchases[event.contract_id] = Purchase(*(getattr(event, name) for name in Purchase._fields))


def delivery_ended(_state: LedgerState, _event: DeliveryEnded, _at: At) -> None:
    """Changes nothing: the holds of the contract end by events of their own."""


def bond_ended(state: LedgerState, event: BondReleased | BondSlashed | BondDivided, at: At) -> None:
    """Apply the end of a contract, the hold for its price having been released just before."""
    state.book(event.legs)
    end_contract(state, event.contract_id, at)


def end_contract(state: LedgerState, contract_id: str, at: At) -> None:
    """Keep the small record of a contract that has ended, whose legs are booked."""
    state.holds.drop("bond", contract_id)
    if contract_id in state.purchases:
        del state.purchases[contract_id]
    state.ended[contract_id] = EndedContract(state.contracts.pop(contract_id), at.time)
