"""What of a programme in run-off nobody claims, or no bank pays, ends on a last day: it bars no closing for ever.

The days are those that its document gives to claim after the use, else those of the rules, from when the run-off began
or something became claimable or payable last. What a payee owes the programme is set off first.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from counterfoil.contract.record import Event
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.programme.expiry import NEVER
from counterfoil.programme.rules import Rules
from counterfoil.redemption.closing_events import LastDaySet, UnclaimedLapsed
from counterfoil.redemption.events import ClaimOffset, LinePart
from counterfoil.redemption.last_days import LastDay
from counterfoil.redemption.reversals import set_off
from counterfoil.redemption.state import RedemptionState, put


def lapse(state: RedemptionState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: set the last day of a programme, or let lapse what it reached, of one payee an entry."""
    programme_id = state.last_days.reached(cutoff)
    if programme_id is None:
        return []
    day = state.last_days.table.get(programme_id)
    since = at.time if day is None else day.since
    until = _end(state, programme_id, since)
    if day is None or until > day.until:
        return [LastDaySet(programme_id=programme_id, since=since, until=until)]
    return _unclaimed(state, programme_id) or _unpaid(state, programme_id)


def _end(state: RedemptionState, programme_id: str, since: int) -> int:
    """The end of the last day, where the programme is; no later than times can be written."""
    terms, days = state.terms(programme_id, max(state.programmes[programme_id])), state.rules.unclaimed_days or 0
    if not isinstance(terms, Rules):
        return min(since + days * DAY, NEVER)
    within = terms.document.redemption.claim_within_days
    return min((terms.day(since) + (days if within is None else within) + 1) * DAY - terms.offset, NEVER)


def _unclaimed(state: RedemptionState, programme_id: str) -> Sequence[Event]:
    """What of the first provider's contracts is in no claim, of as many as an entry takes."""
    mine = {
        (each.provider_id, contract_id): each.amount
        for contract_id, each in state.claimable.items()
        if each.programme_id == programme_id
    }
    if not mine:
        return []
    provider_id = min(mine)[0]
    some = nsmallest(state.rules.max_items_per_sweep, (key for key in mine if key[0] == provider_id))
    offset = set_off(state, programme_id, provider_id, {key[1]: mine[key] for key in some})
    taken = {} if offset is None else {part.contract_id: part.amount for part in offset.lines}
    parts = ((contract_id, mine[provider_id, contract_id] - taken.get(contract_id, 0)) for _, contract_id in some)
    lines = tuple(LinePart(contract_id=contract_id, amount=left) for contract_id, left in parts if left)
    events: list[Event] = [] if offset is None else [offset]
    if lines:
        events.append(_lapsed(state, programme_id, provider_id, lines, sum(each.amount for each in lines)))
    return events


def _unpaid(state: RedemptionState, programme_id: str) -> Sequence[Event]:
    """What is payable to the first payee: it came back from the bank, or is too little."""
    key = min(each for each in state.payable if each[0] == programme_id)
    payable, owed = state.payable[key], state.owed.get(key, 0)
    offset = min(payable, owed) if state.sets_off(programme_id) else 0
    before: list[Event] = []
    if offset:
        before = [
            ClaimOffset(
                programme_id=programme_id, provider_id=key[1], currency=state.currency(programme_id), lines=(),
                amount=offset, owed_after=owed - offset,
            )
        ]  # fmt: skip
    return [*before, _lapsed(state, programme_id, key[1], (), payable - offset)]


def _lapsed(
    state: RedemptionState, programme_id: str, provider_id: str, lines: tuple[LinePart, ...], amount: int
) -> UnclaimedLapsed:
    return UnclaimedLapsed(
        programme_id=programme_id, provider_id=provider_id, currency=state.currency(programme_id), lines=lines,
        amount=amount,
    )  # fmt: skip


# evolve -------------------------------------------------------------------------------------------------------------


def last_day_set(state: RedemptionState, event: LastDaySet, _at: At) -> None:
    """Apply a last day."""
    state.last_days.table[event.programme_id] = LastDay(event.since, event.since, event.until)
    state.last_days.ended()
    state.last_days.expect(event.programme_id)


def unclaimed_lapsed(state: RedemptionState, event: UnclaimedLapsed, _at: At) -> None:
    """Apply that nobody gets it: it is neither claimable nor payable, and cannot be given back."""
    for part in event.lines:
        del state.claimable[part.contract_id]
        state.keep_reversible(part.contract_id, -part.amount)
    if not event.lines:
        put(state.payable, (event.programme_id, event.provider_id), 0)
    state.last_days.ended()
