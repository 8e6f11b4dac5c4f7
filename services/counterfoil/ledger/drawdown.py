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
from counterfoil.ledger.open_vouchers import Order as Place
from counterfoil.ledger.open_vouchers import Voucher
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


class _Order:
    """A bid that vouchers are to pay for: what it asks of a programme version is found out once."""

    def __init__(self, state: LedgerState, event: Bid, at: At) -> None:
        self.state, self.event, self.at = state, event, at
        self.mine = owner(event.beneficiary_id)
        self._needs: dict[int, Parts] = {}
        self._outside: dict[int, Code | None] = {}

    def terms(self, version: int) -> Terms:
        """The terms of a version of its programme."""
        return self.state.terms(self.event.programme_id, version)

    def need(self, version: int) -> Parts:
        """What it needs to be held, by the terms of a version."""
        found = self._needs.get(version)
        if found is None:
            found = self._needs[version] = need(self.terms(version), self.event, self.at)
        return found

    def available(self, voucher: Voucher) -> int:
        """What its party can spend of a voucher."""
        return self.state.accounts.find(self.mine, voucher.voucher_id).available

    def bar(self, voucher: Voucher) -> Code | None:
        """Why a voucher of its programme does not pay for it."""
        state, terms = self.state, self.terms(voucher.version)
        barred = state.bar(voucher, self.at.time) or self.outside(voucher.version)
        if barred is not None:
            return barred
        settled = settled_by(terms, delivery_ends(self.event), state.rules.resolution_window)
        if not terms.hold_tolls_expiry and settled >= captured_by(terms, voucher.expires_at):
            return Code.VOUCHER_EXPIRES_BEFORE_DELIVERY
        return self.too_small(voucher.version) if state.rules.least_spent else None

    def too_small(self, version: int) -> Code | None:
        """Whether vouchers of a version may not pay so little of it."""
        least = least_spent(self.terms(version))
        return Code.SPEND_TOO_SMALL if least and self.need(version).vouchers < least else None

    def outside(self, version: int) -> Code | None:
        """Why vouchers of a version may not pay for all that it may buy, if the rules in force ask for that."""
        if version not in self._outside:
            asked = self.state.rules.draws_in_scope
            self._outside[version] = _outside(self.state, self.terms(version), self.event) if asked else None
        return self._outside[version]


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
    order = _Order(state, event, at)
    if not event.voucher_ids:
        return _draw_down(order)
    named = [state.vouchers.open.get(voucher_id) for voucher_id in event.voucher_ids]
    mine = [voucher for voucher in named if voucher is not None and _theirs(state, voucher, event)]
    if len(mine) < len(named):
        return Code.UNKNOWN_VOUCHER
    barred = [code for voucher in mine if (code := order.bar(voucher)) is not None]
    if any(voucher.version != mine[0].version for voucher in mine):
        barred.append(Code.VERSIONS_DIFFER)
    return min(barred, key=_PRECEDENCE.index) if barred else _cover(order, mine)


def further(
    state: LedgerState, event: BidAmendmentRequested, draws: Sequence[Draw], wanted: int, version: int, at: At
) -> tuple[Draw, ...] | Code:
    """What vouchers of a version pay for a bid beyond its draws, as far as they can: those named, or any, in order."""
    order = _Order(state, event, at)
    if state.rules.least_spent and (small := order.too_small(version)) is not None:
        return small
    if event.voucher_ids:
        named = (state.vouchers.open.get(voucher_id) for voucher_id in event.voucher_ids)
        vouchers: Iterable[Voucher] = (each for each in named if each is not None and _theirs(state, each, event))
    else:
        vouchers = _in_order(order, state.vouchers.unheld(event.beneficiary_id, event.programme_id))
    more, known = list[Draw](), {draw.voucher_id for draw in draws}
    for voucher in vouchers:
        if not wanted:
            break
        taken = min(wanted, order.available(voucher))
        if taken and voucher.version == version and order.bar(voucher) is None:
            if voucher.voucher_id not in known and len(known) == _most(state, voucher):
                return Code.OVER_LIMIT
            known.add(voucher.voucher_id)
            more.append(Draw(voucher_id=voucher.voucher_id, amount=taken))
            wanted -= taken
    return tuple(more)


def _draw_down(order: _Order) -> Choice | Code:
    """The usable vouchers pay. If none is, and one would be but for the order's classes or regions, that is why.

    What is all held pays for nothing, so those with something to spend are looked at alone, unless they do not cover
    the bid: the others too say why. By a version of which it needs nothing any voucher covers it.
    """
    state, mine = order.state, (order.event.beneficiary_id, order.event.programme_id)
    paying = (version for version in state.vouchers.versions(*mine) if order.outside(version) is None)
    if all(order.need(version).vouchers for version in paying):
        found = _cover(order, _in_order(order, _usable(order, state.vouchers.unheld(*mine), [])))
        if not isinstance(found, Choice) or found.covers:
            return found
    outside = list[Code]()
    found = _cover(order, _in_order(order, _usable(order, state.vouchers.of(*mine), outside)))
    nothing = isinstance(found, Choice) and not found.covers and not found.draws
    return outside[0] if nothing and outside else found


def _usable(order: _Order, vouchers: Iterable[Voucher], outside: list[Code]) -> Iterator[Voucher]:
    for voucher in vouchers:
        barred = order.bar(voucher)
        if barred is None:
            yield voucher
        elif barred in _OUTSIDE:
            outside.append(barred)


def _in_order(order: _Order, vouchers: Iterable[Voucher]) -> Iterable[Voucher]:
    """First to expire first, unless the programme's newest document says that the smallest pay first."""
    newest = order.terms(max(order.state.programmes[order.event.programme_id]))
    if not isinstance(newest, Rules) or newest.document.spending.order != "SMALLEST_FIRST":
        return vouchers

    def size(voucher: Voucher) -> tuple[int, Place]:
        return order.available(voucher), voucher.order()

    return sorted(vouchers, key=size)


def _cover(order: _Order, vouchers: Iterable[Voucher]) -> Choice | Code:
    """Draw on the vouchers in order until those of one version cover the bid; later ones are not read."""
    drawn: dict[int, tuple[int, list[Draw]]] = {}  # by version: what is still wanted, and the draws so far
    for voucher in vouchers:
        if voucher.version not in drawn:
            drawn[voucher.version] = (order.need(voucher.version).vouchers, [])
        wanted, draws = drawn[voucher.version]
        taken = min(wanted, order.available(voucher))
        if taken:
            draws.append(Draw(voucher_id=voucher.voucher_id, amount=taken))
            drawn[voucher.version] = (wanted - taken, draws)
        if taken == wanted:
            too_many = len(draws) > _most(order.state, voucher)
            chosen = Choice(voucher.version, order.need(voucher.version), tuple(draws), covers=True)
            return Code.OVER_LIMIT if too_many else chosen
    if not drawn:
        newest = max(order.state.programmes[order.event.programme_id])
        return Choice(newest, order.need(newest), (), covers=False)
    version = min(drawn, key=lambda each: drawn[each][0])
    return Choice(version, order.need(version), tuple(drawn[version][1]), covers=False)


def _most(state: LedgerState, voucher: Voucher) -> int:
    """How many vouchers of a version pay for one order."""
    most, terms = state.rules.max_vouchers_per_hold, state.terms(voucher.programme_id, voucher.version)
    said = terms.document.spending.max_vouchers_per_order if isinstance(terms, Rules) else None
    return most if said is None else min(most, said)


def _theirs(state: LedgerState, voucher: Voucher, event: Bid) -> bool:
    """Whether the voucher is of the bid's programme, and the bidder has or had a position in it."""
    positions = state.accounts.assets[voucher.voucher_id]
    return voucher.programme_id == event.programme_id and owner(event.beneficiary_id) in positions


def _outside(state: LedgerState, terms: Terms, event: Bid) -> Code | None:
    """Why vouchers of a version may not pay for all that the order may buy."""
    if not on_market(terms, meters_in_kind=state.rules.meters_in_kind):
        return Code.PROGRAMME_NOT_ON_MARKET
    if not all(map(terms.allows_class, event.classes)):
        return Code.CLASS_NOT_IN_PROGRAMME
    return None if all(map(terms.allows_region, event.regions)) else Code.REGION_NOT_IN_PROGRAMME
