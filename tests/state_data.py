"""A state is its records: the marked ones are all that changed, and loaded they are the state again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import orjson

from counterfoil.contract.canonical import canonical
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.decider import Decider
from counterfoil.core.rules import LATEST
from counterfoil.core.table import take_touched
from counterfoil.ledger.price_book import PriceBook
from counterfoil.matching.auction_state import Auctions
from counterfoil.matching.book import Book
from counterfoil.matching.capacity import Capacity
from counterfoil.matching.ladder import Ladder, RestingOffer
from counterfoil.matching.position_state import Positions
from counterfoil.matching.resting import RestingBids, RestingOffers
from counterfoil.matching.state import MatchingState
from counterfoil.matching.waiting_bids import WaitingBids
from tests.snapshots import PLAIN, slots

_FOR_EVER = 1 << 62
_ALIKE = (*PLAIN, msgspec.Struct)  # equal if they are; of a record, all members are compared


_SMALL = 6  # records up to which a state is compared after every step, larger ones less often
_OLDER_EVERY = 8  # of so many steps by rules that are not the newest, one is compared: the states are of the same kind


def unwatched(steps: int, state: Any) -> int:
    """How many steps to let pass before the next that is compared, where `steps` would be due to the state's size."""
    return steps if state.rules.number == LATEST else max(steps, _OLDER_EVERY - 1)


class Mirror:
    """What a reader knows who is told only what changed."""

    def __init__(self) -> None:
        self.known: dict[str, bytes] = {}
        self._steps_left = 0

    def leave_out(self, steps: int) -> None:
        """Compare none of the next steps: those of a world that every test begins with are compared by one."""
        self._steps_left = steps

    def check(self, decider: Decider[Any], state: Any) -> None:
        """After a step: what is marked is all that changed, and the records are all of the state."""
        if self._steps_left:
            self._steps_left -= 1
            return
        self.follow(decider, state)
        check_load(decider, state)
        self._steps_left = unwatched(len(self.known) // _SMALL, state)

    def follow(self, decider: Decider[Any], state: Any) -> None:
        """Take what changed, and compare with all there is."""
        for key, value in take_touched(state.tables):
            if value is None:
                self.known.pop(key, None)
            else:
                self.known[key] = canonical(value)
        records = list(decider.records(state))
        every = {key: canonical(value) for key, value in records}
        assert len(records) == len(every), "two records share a key"
        different = {key for key in every.keys() | self.known.keys() if every.get(key) != self.known.get(key)}
        assert not different, f"written without a mark: {sorted(different)}"


def loaded(decider: Decider[Any], state: Any) -> Any:
    """The state loaded from its records, which arrive as bytes and in another order than they were made in."""
    records = {key: canonical(value) for key, value in decider.records(state)}
    if isinstance(state, MatchingState):
        decider = replace(decider, initial=lambda: MatchingState(state.rule))  # the naive rule has a book of its own
    return decider.load((key, orjson.loads(records[key])) for key in sorted(records, reverse=True))


def check_load(decider: Decider[Any], state: Any) -> None:
    """Loaded, a state is the same to the last private attribute, and so are its records."""
    again = loaded(decider, state)
    assert not any(table.touched for table in again.tables)
    again.rules = state.rules  # a test may have rules of its own, under the number of others
    assert not (found := list(differences(picture(again), picture(state), "state"))), found
    assert dict(decider.records(again)) == dict(decider.records(state))
    assert decider.due(again) == decider.due(state)


def differences(one: Any, other: Any, path: str) -> Iterator[str]:
    """Where two pictures differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from differences(one.get(name), other.get(name), f"{path}.{name}")
    elif one != other:
        yield f"{path}: {one} and {other}"


def picture(thing: Any) -> object:
    """All that a state holds, but for what decides nothing: marks, caches, and the order of dictionaries."""
    return _picture(thing, ())


def _picture(thing: Any, within: tuple[int, ...]) -> object:
    if isinstance(thing, _ALIKE):
        return thing
    if id(thing) in within:
        return "within"
    within = (*within, id(thing))
    if isinstance(thing, Capacity):
        return thing.runs()
    if isinstance(thing, Deadlines):
        return [due for due in thing._in_order() if due[0] < _FOR_EVER]
    if isinstance(thing, Ladder):
        return [resting.offer.offer_id for block in thing._blocks for resting in block]
    if isinstance(thing, WaitingBids):
        return [waiting[3].bid_id for block in thing._blocks for waiting in block]
    if isinstance(thing, PriceBook):
        return [[(order_id, thing.quantity(order_id)) for order_id in thing.orders(bids)] for bids in (True, False)]
    if isinstance(thing, Mapping):
        return {str(key): _picture(value, within) for key, value in thing.items()}
    if isinstance(thing, set | frozenset):
        return sorted(map(repr, thing))
    if isinstance(thing, list | tuple):
        return [_picture(each, within) for each in thing]
    if callable(thing) and hasattr(thing, "__qualname__"):
        return thing.__qualname__
    names = [*slots(type(thing)), *getattr(thing, "__dict__", {})]
    left_out = {"touched", "tables"}  # what the tables hold is met under its own name
    left_out |= {"_terms"} if isinstance(thing, Book) else set()  # places differ, and what the bids state is compared
    left_out |= {"_starts", "place"} if isinstance(thing, RestingOffer) else set()
    left_out |= {"outcome"} if isinstance(thing, Auctions) else set()  # what it keeps is computed again
    left_out |= {"_rooms"} if isinstance(thing, Positions) else set()  # likewise
    if isinstance(thing, RestingOffers | RestingBids):
        left_out |= {"_book", "_received", "_admitted", "_versions"}
    return {name: _picture(getattr(thing, name), within) for name in names if name not in left_out}
