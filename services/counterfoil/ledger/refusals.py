"""Holds that are refused, and by how much too little is available; they leave nothing behind."""

from __future__ import annotations

from typing import Literal, NamedTuple

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.ledger.events import HoldRefused, HoldRefusedV1, Shortfall
from counterfoil.ledger.state import LedgerState


class Order(NamedTuple):
    """The order whose funds are to be held: its id, whose it is, and the programme that pays for a bid."""

    order_id: str
    purpose: Literal["bid", "offer"]
    party_id: str
    programme_id: str | None
    currency: str


def refused(state: LedgerState, order: Order, code: Code, lacking: tuple[Shortfall, ...] = ()) -> Event:
    """The event; by rules 1 to 4 it says why, and no more."""
    if not state.rules.states_shortfalls:
        return HoldRefusedV1(hold_id=order.order_id, purpose=order.purpose, code=code.value)
    return HoldRefused(
        hold_id=order.order_id,
        purpose=order.purpose,
        party_id=order.party_id,
        programme_id=order.programme_id,
        currency=order.currency,
        code=code.value,
        lacking=lacking,
    )


def not_available(
    state: LedgerState, order: Order, *, vouchers: tuple[int, int] = (0, 0), cash: tuple[int, int]
) -> Event:
    """The refusal for lack of funds. Of vouchers and of cash: what is needed, and what is available (micro-units)."""
    lacking: list[Shortfall] = []
    if vouchers[0] > vouchers[1]:
        lacking.append(Shortfall(of="vouchers", needed=vouchers[0], available=vouchers[1]))
    if cash[0] > cash[1]:
        lacking.append(Shortfall(of="cash", needed=cash[0], available=cash[1]))
    return refused(state, order, Code.EXCEEDS_AVAILABLE, tuple(lacking))


# evolve -------------------------------------------------------------------------------------------------------------


def hold_refused(_state: LedgerState, _event: HoldRefused | HoldRefusedV1, _at: At) -> None:
    """A refused hold leaves nothing behind."""
