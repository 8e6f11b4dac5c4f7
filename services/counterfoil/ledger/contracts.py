"""What a trade makes of the holds of its orders, and the end of a contract."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.ensure import ensure
from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.core.decider import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import BONDS, CO_PAYMENTS, cash
from counterfoil.ledger.drawdown import need
from counterfoil.ledger.events import (
    BondReleased,
    BondSlashed,
    ContractFunded,
)
from counterfoil.ledger.holds import Contract, split, total
from counterfoil.ledger.orders import release, voucher_legs
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.vouchers import bury
from counterfoil.matching.events import (
    TradeMatched,
)
from counterfoil.redemption.events import ContractCompleted, ProviderDefaulted, UsageAccepted


def fund_contract(state: LedgerState, event: TradeMatched, at: At) -> Sequence[Event]:
    """Keep the trade's price held for its contract, release what the limit held above it, assign the bond."""
    bid, bond = state.holds.bids[event.bid_id], state.holds.bonds[event.offer_id]
    terms = state.terms(bid.programme_id, bid.version)
    subsidy = terms.subsidy(event.notional)
    vouchers, rest = split(bid.draws, subsidy)
    keep_subsidy, keep_cash = need(terms, bid.cost_per_node, event.bid_nodes_left, bid.partial)
    _, released = split(rest, keep_subsidy)
    released_cash = bid.cash - (event.notional - subsidy) - keep_cash
    ensure(released_cash >= 0, "a hold covers every trade of its bid")
    posting = Posting(state.accounts)
    voucher_legs(posting, "release", bid.party_id, released)
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
    return [funded, *bury(state, posting, released, at)]


def complete(state: LedgerState, event: ContractCompleted, at: At) -> Sequence[Event]:
    """A delivered contract: what was not used goes back to the beneficiary, the bond to the provider."""
    contract = state.holds.contracts[event.contract_id]
    currency = state.terms(contract.programme_id, contract.version).currency
    posting = Posting(state.accounts)
    released = release(state, posting, event.contract_id, "delivered", contract, at)
    posting.leg("release", currency, cash(contract.provider_id), BONDS, contract.bond)
    bond = BondReleased(
        contract_id=event.contract_id, provider_id=contract.provider_id, amount=contract.bond, legs=posting.take()
    )
    return [*released, bond]


def default(state: LedgerState, event: ProviderDefaulted, at: At) -> Sequence[Event]:
    """A failed contract: what was not delivered goes back to the beneficiary, and the bond with it."""
    contract = state.holds.contracts[event.contract_id]
    currency = state.terms(contract.programme_id, contract.version).currency
    posting = Posting(state.accounts)
    released = release(state, posting, event.contract_id, "provider_default", contract, at)
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


def is_funded(state: LedgerState, event: UsageAccepted | ContractCompleted | ProviderDefaulted) -> bool:
    """Whether the contract is known here."""
    return event.contract_id in state.holds.contracts


def contract_funded(state: LedgerState, event: ContractFunded, _at: At) -> None:
    """Apply a contract's funds."""
    state.accounts.apply(event.legs)
    bid, bond = state.holds.bids[event.bid_id], state.holds.bonds[event.offer_id]
    bond.cash -= event.bond
    _, rest = split(bid.draws, total(event.vouchers))
    bid.draws, _ = split(rest, total(rest) - total(event.released_vouchers))
    bid.cash -= event.cash + event.released_cash
    bid.nodes = event.bid_nodes_left
    if event.bid_nodes_left == 0:
        del state.holds.bids[event.bid_id]
    state.holds.contracts[event.contract_id] = Contract(
        bid.party_id, bond.party_id, bid.programme_id, bid.version, event.vouchers, event.cash, event.bond
    )


def bond_ended(state: LedgerState, event: BondReleased | BondSlashed, _at: At) -> None:
    """Apply the end of a contract."""
    state.accounts.apply(event.legs)
    del state.holds.contracts[event.contract_id]
