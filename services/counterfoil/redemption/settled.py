"""What is owed back of a payment is owed once: by reversals and by orders to give back together (from rules 8 on).

A payment keeps whose subsidy is in it, by contract. An order takes of what may still be reversed of these contracts, so
neither way takes what the other took; what an appeal does not uphold may be reversed again. A payment that came back is
part of the provider's next one, with what was taken of it. Claims on invoices have no captures that could be reversed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from counterfoil.redemption.state import RedemptionState
from counterfoil.redemption.taken_back import Line, Settled

Key = tuple[str, str]


def settle(state: RedemptionState, key: Key, programme_id: str, lines: Mapping[str, int]) -> None:
    """Know what is in a payment of a settlement: these lines, and what came back to be paid again."""
    back = state.came_back.take((programme_id, key[1])) or Settled(0, ())
    state.settled[key] = Settled(back.taken, _merged(back.lines, (Line(*each) for each in lines.items())))


def come_back(state: RedemptionState, key: Key, programme_id: str, taken: int | None) -> None:
    """Know that a payment is payable again. `taken`: what was ordered of it in all, if it was paid."""
    found = state.settled.take(key)
    if found is None:
        return
    owner = (programme_id, key[1])
    before = state.came_back.get(owner, Settled(0, ()))
    sum_taken = before.taken + (found.taken if taken is None else taken)
    state.came_back[owner] = Settled(sum_taken, _merged(before.lines, found.lines))


def reversed_of(state: RedemptionState, key: Key) -> int:
    """How much of the subsidy in a payment was reversed or taken back already, micro-units."""
    found = state.settled.get(key, Settled(0, ()))
    return sum(max(line.amount - state.reversible.get(line.contract_id, 0), 0) for line in found.lines)


def draw(state: RedemptionState, key: Key, amount: int) -> tuple[Line, ...]:
    """Let so much of a payment not be reversed any more, its contracts in their order; what of each it was."""
    drawn = []
    for line in state.settled.get(key, Settled(0, ())).lines:
        part = min(amount, line.amount, state.reversible.get(line.contract_id, 0))
        if part:
            drawn.append(Line(line.contract_id, part))
            state.keep_reversible(line.contract_id, -part)
            amount -= part
    return tuple(drawn)


def give_back(state: RedemptionState, drawn: Iterable[Line], upheld: int) -> None:
    """Let what is not upheld of an order be reversed again."""
    for line in drawn:
        kept = min(upheld, line.amount)
        upheld -= kept
        if line.amount > kept:
            state.keep_reversible(line.contract_id, line.amount - kept)


def _merged(*lines: Iterable[Line]) -> tuple[Line, ...]:
    found: dict[str, int] = {}
    for each in lines:
        for line in each:
            found[line.contract_id] = found.get(line.contract_id, 0) + line.amount
    return tuple(Line(*each) for each in found.items())
