"""What a hold gives back to its owner: part of it, or all that is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Effect, Posting
from counterfoil.ledger.chart import BONDS, CO_PAYMENTS, REDEEMED, cash, owner
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import Draw, HoldReduced, HoldReleased
from counterfoil.ledger.holds import Hold, total
from counterfoil.ledger.state import LedgerState


def reduce(
    state: LedgerState, hold_id: str, hold: Hold[Any], vouchers: tuple[Draw, ...], amount: int, nodes_left: int, at: At
) -> list[Event]:
    """Give back some vouchers and an amount of cash, because the order became smaller."""
    posting = Posting(state.accounts)
    release_legs(posting, hold, vouchers, amount)
    reduced = HoldReduced(
        hold_id=hold_id,
        purpose=hold.purpose,
        nodes_left=nodes_left,
        vouchers=vouchers,
        cash=amount,
        legs=posting.take(),
    )
    return [reduced, *bury(state, posting, hold.owner_id, vouchers, at)]


def release(state: LedgerState, posting: Posting, hold_id: str, hold: Hold[Any], reason: str, at: At) -> list[Event]:
    """Give back all that is left of a hold; what a dead voucher gets back ends."""
    released = free(posting, hold_id, hold, reason)
    return [released, *bury(state, posting, hold.owner_id, hold.draws, at)]


def free(posting: Posting, hold_id: str, hold: Hold[Any], reason: str) -> HoldReleased:
    """Give back all that is left of a hold; what becomes of it is for the caller to say."""
    release_legs(posting, hold, hold.draws, hold.cash)
    return HoldReleased(
        hold_id=hold_id,
        purpose=hold.purpose,
        reason=reason,
        vouchers=hold.draws,
        cash=hold.cash,
        legs=posting.take(),
    )


def release_legs(posting: Posting, hold: Hold[Any], vouchers: Sequence[Draw], amount: int) -> None:
    """The legs that give back so much of a hold."""
    voucher_legs(posting, "release", hold.owner_id, vouchers)
    held_in = BONDS if hold.purpose in ("offer", "bond") else CO_PAYMENTS
    posting.leg("release", hold.currency, cash(hold.owner_id), held_in, amount)


def voucher_legs(posting: Posting, effect: Effect, party_id: str, draws: Sequence[Draw]) -> None:
    """A leg for each draw on the vouchers of their owner."""
    for draw in draws:
        posting.leg(effect, draw.voucher_id, owner(party_id), REDEEMED, draw.amount)


# evolve -------------------------------------------------------------------------------------------------------------


def hold_reduced(state: LedgerState, event: HoldReduced, _at: At) -> None:
    """Apply a reduction; what is left of a bid's hold is for fewer nodes."""
    state.book(event.legs)
    hold = state.holds.open[event.purpose, event.hold_id].reduced(total(event.vouchers), event.cash)
    if event.purpose == "bid":
        hold = hold._replace(terms=hold.terms._replace(nodes=event.nodes_left))
    state.holds.put(event.hold_id, hold)


def hold_released(state: LedgerState, event: HoldReleased, _at: At) -> None:
    """Apply a release: the hold is over."""
    state.book(event.legs)
    state.holds.drop(event.purpose, event.hold_id)
