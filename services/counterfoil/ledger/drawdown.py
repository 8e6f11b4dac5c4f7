"""Which vouchers pay for a bid, and how much each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.ledger.chart import owner
from counterfoil.ledger.events import (
    Draw,
)
from counterfoil.ledger.open_vouchers import Order, Voucher
from counterfoil.ledger.payment import Parts, delivery_ends, need
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.amendment_events import BidAmendmentRequested
from counterfoil.matching.events import BidReceived
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import Terms, captured_by, least_spent, on_market, settled_by

_PRECEDENCE = tuple(Code)
Bid = BidReceived | BidAmendmentRequested
_OUTSIDE = (
    Code.PROGRAMME_NOT_ON_MARKET,
    Code.CLASS_NOT_IN_PROGRAMME,
    Code.REGION_NOT_IN_PROGRAMME,
    Code.SPEND_TOO_SMALL,
)


class Choice(NamedTuple):
    """What vouchers of one programme version pay for a bid; `covers`: whether that is all that it needs of them."""

    version: int
    needs: Parts
    draws: tuple[Draw, ...]
    covers: bool


def choose(state: LedgerState, event: BidReceived, at: At) -> Choice | Code:
    """What each voucher pays: those named, in that order, else usable ones, in the order of the programme.

    Vouchers of one hold are of one programme version: the first that covers the bid; if none does, the one of which the
    least is missing, the newest one if there are no vouchers.
    """
    if event.programme_id not in state.programmes:
        return Code.UNKNOWN_PROGRAMME
    if not event.voucher_ids:
        return _draw_down(state, event, at)
    named = [state.vouchers.open.get(voucher_id) for voucher_id in event.voucher_ids]
    mine = [voucher for voucher in named if voucher is not None and _theirs(state, voucher, event)]
    if len(mine) < len(named):
        return Code.UNKNOWN_VOUCHER
    barred = [code for voucher in mine if (code := _bar(state, voucher, event, at)) is not None]
    if any(voucher.version != mine[0].version for voucher in mine):
        barred.append(Code.VERSIONS_DIFFER)
    return min(barred, key=_PRECEDENCE.index) if barred else _cover(state, event, at, mine)


def further(
    state: LedgerState, event: BidAmendmentRequested, draws: Sequence[Draw], wanted: int, version: int, at: At
) -> tuple[Draw, ...] | Code:
    """What vouchers of a version pay for a bid beyond its draws, as far as they can: those named, or any, in order."""
    terms = state.terms(event.programme_id, version)
    if state.rules.least_spent and (small := _too_small(terms, event, at)) is not None:
        return small
    if event.voucher_ids:
        named = (state.vouchers.open.get(voucher_id) for voucher_id in event.voucher_ids)
        vouchers: Iterable[Voucher] = (each for each in named if each is not None and _theirs(state, each, event))
    else:
        vouchers = _in_order(state, event, state.vouchers.of(event.beneficiary_id, event.programme_id))
    mine, more, known = owner(event.beneficiary_id), list[Draw](), {draw.voucher_id for draw in draws}
    for voucher in vouchers:
        if not wanted:
            break
        taken = min(wanted, state.accounts.find(mine, voucher.voucher_id).available)
        if taken and voucher.version == version and _bar(state, voucher, event, at) is None:
            if voucher.voucher_id not in known and len(known) == _most(state, voucher):
                return Code.OVER_LIMIT
            known.add(voucher.voucher_id)
            more.append(Draw(voucher_id=voucher.voucher_id, amount=taken))
            wanted -= taken
    return tuple(more)


def _draw_down(state: LedgerState, event: BidReceived, at: At) -> Choice | Code:
    """The usable vouchers pay. If none is, and one would be but for the order's classes or regions, that is why."""
    outside = list[Code]()
    found = _cover(state, event, at, _in_order(state, event, _usable(state, event, at, outside)))
    nothing = isinstance(found, Choice) and not found.covers and not found.draws
    return outside[0] if nothing and outside else found


def _usable(state: LedgerState, event: BidReceived, at: At, outside: list[Code]) -> Iterator[Voucher]:
    for voucher in state.vouchers.of(event.beneficiary_id, event.programme_id):
        barred = _bar(state, voucher, event, at)
        if barred is None:
            yield voucher
        elif barred in _OUTSIDE:
            outside.append(barred)


def _in_order(state: LedgerState, event: Bid, vouchers: Iterable[Voucher]) -> Iterable[Voucher]:
    """First to expire first, unless the programme's newest document says that the smallest pay first."""
    newest = state.terms(event.programme_id, max(state.programmes[event.programme_id]))
    if not isinstance(newest, Rules) or newest.document.spending.order != "SMALLEST_FIRST":
        return vouchers
    mine = owner(event.beneficiary_id)

    def size(voucher: Voucher) -> tuple[int, Order]:
        return state.accounts.find(mine, voucher.voucher_id).available, voucher.order()

    return sorted(vouchers, key=size)


def _cover(state: LedgerState, event: BidReceived, at: At, vouchers: Iterable[Voucher]) -> Choice | Code:
    """Draw on the vouchers in order until those of one version cover the bid; later ones are not read."""
    mine = owner(event.beneficiary_id)
    needs: dict[int, Parts] = {}
    drawn: dict[int, tuple[int, list[Draw]]] = {}  # by version: what is still wanted, and the draws so far
    for voucher in vouchers:
        if voucher.version not in drawn:
            terms = state.terms(voucher.programme_id, voucher.version)
            needs[voucher.version] = need(terms, event, at)
            drawn[voucher.version] = (needs[voucher.version].vouchers, [])
        wanted, draws = drawn[voucher.version]
        taken = min(wanted, state.accounts.find(mine, voucher.voucher_id).available)
        if taken:
            draws.append(Draw(voucher_id=voucher.voucher_id, amount=taken))
            drawn[voucher.version] = (wanted - taken, draws)
        if taken == wanted:
            too_many = len(draws) > _most(state, voucher)
            chosen = Choice(voucher.version, needs[voucher.version], tuple(draws), covers=True)
            return Code.OVER_LIMIT if too_many else chosen
    if not drawn:
        newest = max(state.programmes[event.programme_id])
        return Choice(newest, need(state.terms(event.programme_id, newest), event, at), (), covers=False)
    version = min(drawn, key=lambda each: drawn[each][0])
    return Choice(version, needs[version], tuple(drawn[version][1]), covers=False)


def _most(state: LedgerState, voucher: Voucher) -> int:
    """How many vouchers of a version pay for one order."""
    most, terms = state.rules.max_vouchers_per_hold, state.terms(voucher.programme_id, voucher.version)
    said = terms.document.spending.max_vouchers_per_order if isinstance(terms, Rules) else None
    return most if said is None else min(most, said)


def _theirs(state: LedgerState, voucher: Voucher, event: Bid) -> bool:
    """Whether the voucher is of the bid's programme, and the bidder has or had a position in it."""
    positions = state.accounts.assets[voucher.voucher_id]
    return voucher.programme_id == event.programme_id and owner(event.beneficiary_id) in positions


def _bar(state: LedgerState, voucher: Voucher, event: Bid, at: At) -> Code | None:
    barred = state.bar(voucher, at.time)
    if barred is None:
        terms = state.terms(voucher.programme_id, voucher.version)
        barred = _outside(state, terms, event) if state.rules.draws_in_scope else None
        settled = settled_by(terms, delivery_ends(event), state.rules.resolution_window)
        if barred is None and not terms.hold_tolls_expiry and settled >= captured_by(terms, voucher.expires_at):
            return Code.VOUCHER_EXPIRES_BEFORE_DELIVERY
        if barred is None and state.rules.least_spent:
            return _too_small(terms, event, at)
    return barred


def _too_small(terms: Terms, event: Bid, at: At) -> Code | None:
    """Whether vouchers of a version may not pay so little of an order."""
    least = least_spent(terms)
    return Code.SPEND_TOO_SMALL if least and need(terms, event, at).vouchers < least else None


def _outside(state: LedgerState, terms: Terms, event: Bid) -> Code | None:
    """Why vouchers of a version may not pay for all that the order may buy."""
    if not on_market(terms, meters_in_kind=state.rules.meters_in_kind):
        return Code.PROGRAMME_NOT_ON_MARKET
    if not all(map(terms.allows_class, event.classes)):
        return Code.CLASS_NOT_IN_PROGRAMME
    return None if all(map(terms.allows_region, event.regions)) else Code.REGION_NOT_IN_PROGRAMME
