"""Which vouchers pay for a bid, and how much each."""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.contract.refusals import Code
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.contract.times import HOUR
from counterfoil.core.decider import At
from counterfoil.ledger.chart import owner
from counterfoil.ledger.events import (
    Draw,
)
from counterfoil.ledger.lots import Lot
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.events import (
    BidReceived,
)

_PRECEDENCE = tuple(Code)


def need(terms: ProgrammeTerms, cost_per_node: int, nodes: int, partial: bool) -> tuple[int, int]:
    """(voucher part, cash part) that a bid needs for `nodes` nodes.

    The voucher part is floored, so the cash parts of several trades may together need one micro-unit more per trade
    than the whole: a partial bid holds that much more.
    """
    whole = cost_per_node * nodes
    subsidy = terms.subsidy(whole)
    return subsidy, whole - subsidy + (max(nodes - 1, 0) if partial and terms.rounds else 0)


def choose(state: LedgerState, event: BidReceived, at: At) -> tuple[tuple[Draw, ...], int] | Code:
    """Which vouchers pay how much, and their version: those named, in their order, else usable ones as they expire.

    Vouchers of one hold are of one programme version: the first that covers the bid.
    """
    if event.programme_id not in state.programmes:
        return Code.UNKNOWN_PROGRAMME
    if not event.voucher_ids:
        lots = state.vouchers.of(event.beneficiary_id, event.programme_id)
        return _cover(state, event, (lot for lot in lots if _bar(state, lot, event, at) is None))
    named = [state.vouchers.lots.get(voucher_id) for voucher_id in event.voucher_ids]
    mine = [lot for lot in named if lot is not None and _theirs(state, lot, event)]
    if len(mine) < len(named):
        return Code.UNKNOWN_VOUCHER
    barred = [code for lot in mine if (code := _bar(state, lot, event, at)) is not None]
    if any(lot.version != mine[0].version for lot in mine):
        barred.append(Code.VERSIONS_DIFFER)
    return min(barred, key=_PRECEDENCE.index) if barred else _cover(state, event, mine)


def _cover(state: LedgerState, event: BidReceived, lots: Iterable[Lot]) -> tuple[tuple[Draw, ...], int] | Code:
    """Draw on the lots in order until those of one version cover the bid; no lot is looked at after that."""
    mine = owner(event.beneficiary_id)
    drawn: dict[int, tuple[int, list[Draw]]] = {}  # by version: what is still wanted, and the draws so far
    for lot in lots:
        terms = state.terms(lot.programme_id, lot.version)
        if lot.version not in drawn:
            drawn[lot.version] = (need(terms, event.cost_per_node, event.nodes, event.partial)[0], [])
        wanted, draws = drawn[lot.version]
        taken = min(wanted, state.accounts.find(mine, lot.voucher_id).available)
        if taken:
            draws.append(Draw(voucher_id=lot.voucher_id, amount=taken))
            drawn[lot.version] = (wanted - taken, draws)
        if taken == wanted:
            return Code.OVER_LIMIT if len(draws) > state.rules.max_vouchers_per_hold else (tuple(draws), lot.version)
    return Code.EXCEEDS_AVAILABLE


def _theirs(state: LedgerState, lot: Lot, event: BidReceived) -> bool:
    """Whether the voucher is of the bid's programme, and the bidder owns some of it or did."""
    positions = state.accounts.assets[lot.voucher_id]
    return lot.programme_id == event.programme_id and owner(event.beneficiary_id) in positions


def _bar(state: LedgerState, lot: Lot, event: BidReceived, at: At) -> Code | None:
    barred = lot.bar(at.time)
    if barred is None:
        terms = state.terms(lot.programme_id, lot.version)
        settled_by = terms.settled_by((event.latest + event.hours) * HOUR, state.rules.resolution_window)
        if not terms.hold_tolls_expiry and settled_by >= lot.expires_at:
            return Code.VOUCHER_EXPIRES_BEFORE_DELIVERY
    return barred
