"""Hours of a contract that its provider reclaims: their price, and their part of the bond, as both are over."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.ensure import ensure
from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.capture import paid_by
from counterfoil.ledger.chart import BONDS, cash
from counterfoil.ledger.contracts import end_contract
from counterfoil.ledger.holds import Hold, split, total
from counterfoil.ledger.payment import Parts, divide
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.ledger.releases import release_legs
from counterfoil.ledger.restoring import restore
from counterfoil.ledger.state import LedgerState
from counterfoil.redemption.reclaim_events import DeliveryReclaimed


def reclaim(state: LedgerState, event: DeliveryReclaimed, at: At) -> Sequence[Event]:
    """The price of the reclaimed hours goes back, with time to use it, and their part of the bond is divided.

    Kept is what the hours before may still cost, in the parts in which vouchers and cash would pay it.
    """
    contract_id, contract = event.contract_id, state.contracts[event.contract_id]
    price: Hold[None] = state.holds.open["contract", contract_id]
    bond: Hold[None] = state.holds.open["bond", contract_id]
    held = Parts(total(price.draws), price.cash)
    left = held.vouchers + held.cash
    rest = left - event.amount
    ensure(rest >= 0, "a contract's hold covers the hours that are not reported yet")
    terms = state.terms(contract.programme_id, contract.version)
    wanted = paid_by(state, contract_id, terms, contract.invoiced + rest).subsidy - contract.subsidised
    kept = divide(rest, wanted, held)
    released, released_cash = split(price.draws, kept.vouchers)[1], held.cash - kept.cash
    part = bond.cash * event.amount // (left + contract.invoiced)
    paid = forfeited(part, event.forfeits_bps)
    posting = Posting(state.accounts)
    release_legs(posting, price, released, released_cash)
    posting.leg("capture", bond.currency, cash(bond.owner_id), BONDS, paid)
    posting.leg("post", bond.currency, BONDS, cash(contract.beneficiary_id), paid)
    release_legs(posting, bond, (), part - paid)
    reclaimed = ContractReclaimed(
        contract_id=contract_id,
        provider_id=bond.owner_id,
        beneficiary_id=contract.beneficiary_id,
        hour=event.hour,
        hours=event.hours,
        vouchers=released,
        cash=released_cash,
        bond=part,
        paid=paid,
        returned=part - paid,
        ends=event.ends,
        legs=posting.take(),
    )
    return [reclaimed, *restore(state, posting, price.owner_id, released, at)]


def forfeited(part: int, bps: int) -> int:
    """What of a part of a bond goes to the beneficiary, rounded down."""
    return part * bps // BPS


# evolve -------------------------------------------------------------------------------------------------------------


def contract_reclaimed(state: LedgerState, event: ContractReclaimed, at: At) -> None:
    """Apply it: what is held is for the hours before alone, and nothing where there are none."""
    state.book(event.legs)
    contract_id = event.contract_id
    if event.ends:
        state.holds.drop("contract", contract_id)
        end_contract(state, contract_id, at)
        return
    price: Hold[None] = state.holds.open["contract", contract_id]
    bond: Hold[None] = state.holds.open["bond", contract_id]
    state.holds.put(contract_id, price.reduced(total(event.vouchers), event.cash))
    state.holds.put(contract_id, bond.captured(0, event.bond))
