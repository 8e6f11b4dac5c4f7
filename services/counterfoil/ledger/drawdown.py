"""Which vouchers pay for a bid, and how much each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from counterfoil.contract.refusals import Code
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.ledger.chart import owner
from counterfoil.ledger.events import (
    Draw,
)
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.events import (
    BidReceived,
)
from counterfoil.programme.terms import paid_at_market, settled_by

_PRECEDENCE = tuple(Code)


def need(terms: ProgrammeTerms, cost_per_node: int, nodes: int, partial: bool) -> tuple[int, int]:
    """(voucher part, cash part) that a bid needs for `nodes` nodes.

    The voucher part is floored, so the cash parts of several trades may together need one micro-unit more per trade
    than the whole: a partial bid holds that much more.
    """
    whole = cost_per_node * nodes
    subsidy = terms.subsidy(whole)
    return subsidy, whole - subsidy + (max(nodes - 1, 0) if partial and terms.rounds else 0)


class Choice(NamedTuple):
    """What vouchers of one programme version pay for a bid; `covers`: whether that is all that it needs of them."""

    version: int
    draws: tuple[Draw, ...]
    covers: bool


def choose(state: LedgerState, event: BidReceived, at: At) -> Choice | Code:
    """What each voucher pays: those named, in that order, else usable ones, first to expire first.

    Vouchers of one hold are of one programme version: the first that covers the bid; if none does, the one of which the
    least is missing, the newest one if there are no vouchers.
    """
    if event.programme_id not in state.programmes:
        return Code.UNKNOWN_PROGRAMME
    if not event.voucher_ids:
        vouchers = state.vouchers.of(event.beneficiary_id, event.programme_id)
        return _cover(state, event, (voucher for voucher in vouchers if _bar(state, voucher, event, at) is None))
    named = [state.vouchers.open.get(voucher_id) for voucher_id in event.voucher_ids]
    mine = [voucher for voucher in named if voucher is not None and _theirs(state, voucher, event)]
    if len(mine) < len(named):
        return Code.UNKNOWN_VOUCHER
    barred = [code for voucher in mine if (code := _bar(state, voucher, event, at)) is not None]
    if any(voucher.version != mine[0].version for voucher in mine):
        barred.append(Code.VERSIONS_DIFFER)
    return min(barred, key=_PRECEDENCE.index) if barred else _cover(state, event, mine)


def _cover(state: LedgerState, event: BidReceived, vouchers: Iterable[Voucher]) -> Choice | Code:
    """Draw on the vouchers in order until those of one version cover the bid; later ones are not read."""
    mine = owner(event.beneficiary_id)
    drawn: dict[int, tuple[int, list[Draw]]] = {}  # by version: what is still wanted, and the draws so far
    for voucher in vouchers:
        terms = paid_at_market(state.terms(voucher.programme_id, voucher.version))
        if voucher.version not in drawn:
            drawn[voucher.version] = (need(terms, event.cost_per_node, event.nodes, event.partial)[0], [])
        wanted, draws = drawn[voucher.version]
        taken = min(wanted, state.accounts.find(mine, voucher.voucher_id).available)
        if taken:
            draws.append(Draw(voucher_id=voucher.voucher_id, amount=taken))
            drawn[voucher.version] = (wanted - taken, draws)
        if taken == wanted:
            too_many = len(draws) > state.rules.max_vouchers_per_hold
            return Code.OVER_LIMIT if too_many else Choice(voucher.version, tuple(draws), covers=True)
    if not drawn:
        return Choice(max(state.programmes[event.programme_id]), (), covers=False)
    version = min(drawn, key=lambda each: drawn[each][0])
    return Choice(version, tuple(drawn[version][1]), covers=False)


def _theirs(state: LedgerState, voucher: Voucher, event: BidReceived) -> bool:
    """Whether the voucher is of the bid's programme, and the bidder has or had a position in it."""
    positions = state.accounts.assets[voucher.voucher_id]
    return voucher.programme_id == event.programme_id and owner(event.beneficiary_id) in positions


def _bar(state: LedgerState, voucher: Voucher, event: BidReceived, at: At) -> Code | None:
    barred = voucher.bar(at.time)
    if barred is None:
        terms = state.terms(voucher.programme_id, voucher.version)
        settled = settled_by(terms, (event.latest + event.hours) * HOUR, state.rules.resolution_window)
        if not terms.hold_tolls_expiry and settled >= voucher.expires_at:
            return Code.VOUCHER_EXPIRES_BEFORE_DELIVERY
    return barred
