"""What holds of the ledger at every index, checked from the state alone and apart from the code that keeps it.

Every asset is closed under double entry, nothing is overdrawn, and each balance that stands for several things (what is
held, what is obligated) is the sum of those things. One pass over the state, whatever its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.ledger.accounts import Position, may_overdraw
from counterfoil.ledger.chart import BONDS, CANCELLED, CIRCULATION, CO_PAYMENTS, EXPIRED, REDEEMED, budget, cash, holder
from counterfoil.ledger.lots import Lot
from counterfoil.ledger.state import LedgerState

Held = Counter[tuple[str, str]]
"""(account, asset) -> amount held."""


def check_ledger(state: LedgerState) -> list[str]:
    """Every finding as text; none if all is well. Reads the state once and changes nothing."""
    held = _held(state)
    return [
        *_double_entry(state),
        *_holds(state),
        *_held_balances(state, held),
        *_vouchers(state),
        *_programmes(state),
        *_currencies(state),
    ]


def _double_entry(state: LedgerState) -> Iterator[str]:
    """Debits equal credits in each asset, counters are in range, and only sources of value are below zero."""
    for asset, accounts in state.accounts.assets.items():
        positions = accounts.values()
        if sum(p.debits_posted for p in positions) != sum(p.credits_posted for p in positions):
            yield f"{asset}: posted debits and credits differ"
        if sum(p.debits_pending for p in positions) != sum(p.credits_pending for p in positions):
            yield f"{asset}: pending debits and credits differ"
        for account, position in accounts.items():
            yield from (f"{asset}: {account} {problem}" for problem in _position(account, position))


def _position(account: str, p: Position) -> Iterator[str]:
    if min(p.debits_posted, p.credits_posted, p.debits_pending, p.credits_pending) < 0:
        yield "has a negative counter"
    if max(abs(p.posted), p.debits_pending, p.credits_pending) > MAX_AMOUNT:
        yield "is out of range"
    if p.n < 1:
        yield "has no posting"
    if p.available < 0 and not may_overdraw(account):
        yield f"is overdrawn by {-p.available}"
    if p.posted and account in (CO_PAYMENTS, BONDS):
        yield f"keeps {p.posted}, though what passes through it is passed on"


def _holds(state: LedgerState) -> Iterator[str]:
    """Every hold is worth keeping, and a contract's subsidy is the share of all it was invoiced, rounded once."""
    for hold_id, bid in state.holds.bids.items():
        if bid.nodes < 1 or bid.cash < 0 or any(draw.amount < 1 for draw in bid.draws):
            yield f"bid {hold_id} holds nothing or less"
    for hold_id, bond in state.holds.bonds.items():
        if bond.cash < 0:
            yield f"bond {hold_id} is below zero"
    for contract_id, contract in state.holds.contracts.items():
        if contract.bond < 0 or contract.cash < 0 or any(draw.amount < 1 for draw in contract.draws):
            yield f"contract {contract_id} holds less than nothing"
        if contract.subsidised != state.terms(contract.programme_id, contract.version).subsidy(contract.invoiced):
            yield f"contract {contract_id}: subsidy is not the share of what was invoiced"


def _held(state: LedgerState) -> Held:
    """What the holds say is held, by position."""
    held: Held = Counter()
    for bid in state.holds.bids.values():
        held[cash(bid.party_id), state.terms(bid.programme_id, bid.version).currency] += bid.cash
        for draw in bid.draws:
            held[holder(bid.party_id), draw.voucher_id] += draw.amount
    for bond in state.holds.bonds.values():
        held[cash(bond.party_id), bond.currency] += bond.cash
    for contract in state.holds.contracts.values():
        currency = state.terms(contract.programme_id, contract.version).currency
        held[cash(contract.beneficiary_id), currency] += contract.cash
        held[cash(contract.provider_id), currency] += contract.bond
        for draw in contract.draws:
            held[holder(contract.beneficiary_id), draw.voucher_id] += draw.amount
    return held


def _held_balances(state: LedgerState, held: Held) -> Iterator[str]:
    """What is pending on each position is the sum of the holds on it, no more and no less."""
    for asset, accounts in state.accounts.assets.items():
        for account, position in accounts.items():
            stated = held.pop((account, asset), 0)
            if position.debits_pending != stated:
                yield f"{asset}: {account} has {position.debits_pending} held, its holds say {stated}"
    for (account, asset), amount in held.items():
        if amount:
            yield f"{asset}: {account} has no posting, its holds say {amount}"


def _vouchers(state: LedgerState) -> Iterator[str]:
    """face = holder's + redeemed + expired + cancelled, each >= 0; of a dead voucher only what is held is left."""
    for voucher_id, lot in state.vouchers.lots.items():
        yield from (f"voucher {voucher_id}: {problem}" for problem in _voucher(state, lot))
    for asset in state.accounts.assets:
        if not asset.startswith("budget:") and not _is_currency(asset) and asset not in state.vouchers.lots:
            yield f"{asset}: balances of a voucher that is not open"


def _voucher(state: LedgerState, lot: Lot) -> Iterator[str]:
    accounts = state.accounts.assets.get(lot.voucher_id, {})
    known = (holder(lot.beneficiary_id), REDEEMED, EXPIRED, CANCELLED)
    parts = [state.accounts.find(account, lot.voucher_id).posted for account in known]
    if sum(parts) != lot.face or min(parts) < 0:
        yield f"face {lot.face} is not the sum of {parts}"
    if state.accounts.find(CIRCULATION, lot.voucher_id).posted != -lot.face:
        yield "what was put into circulation is not its face"
    if len(accounts) != sum(1 for account in (*known, CIRCULATION) if account in accounts):
        yield "somebody else has a part of it"
    if lot.dead and state.accounts.find(known[0], lot.voucher_id).available:
        yield "it is dead, and some of it can be spent"


def _programmes(state: LedgerState) -> Iterator[str]:
    """appropriated = appropriation + obligated + disbursed + lapsed; obligated = live vouchers + unsettled claims."""
    live: Counter[str] = Counter()
    for lot in state.vouchers.lots.values():
        live[lot.programme_id] += state.accounts.find(holder(lot.beneficiary_id), lot.voucher_id).posted
    for programme_id in state.programmes:
        currency = state.currency(programme_id)
        asset = budget(programme_id)
        names = ("appropriation", "obligated", "disbursed", "lapsed")
        parts = [state.accounts.find(account, asset).posted for account in names]
        appropriated = -state.accounts.find("funding", asset).posted
        if sum(parts) != appropriated or min(parts) < 0:
            yield f"{asset}: appropriated {appropriated} is not the sum of {parts}"
        unsettled = -state.accounts.find(f"claims_payable/{programme_id}", currency).posted - parts[2]
        if unsettled < 0 or parts[1] != live[programme_id] + unsettled:
            yield f"{asset}: obligated {parts[1]} is not live {live[programme_id]} and unsettled {unsettled}"


def _currencies(state: LedgerState) -> Iterator[str]:
    """What was settled in a currency is what its programmes disbursed; cash and bank mirror each other."""
    disbursed: Counter[str] = Counter()
    for programme_id in state.programmes:
        currency = state.currency(programme_id)
        disbursed[currency] += state.accounts.find("disbursed", budget(programme_id)).posted
    for asset, accounts in state.accounts.assets.items():
        if _is_currency(asset):
            cash_of_all = sum(p.posted for account, p in accounts.items() if account.startswith("cash/"))
            if cash_of_all != -state.accounts.find("bank", asset).posted:
                yield f"{asset}: the parties' cash is not what the bank received"
            if state.accounts.find("settled", asset).posted != disbursed[asset]:
                yield f"{asset}: settled is not what was disbursed"


def _is_currency(asset: str) -> bool:
    return len(asset) == 3 and asset.isupper()
