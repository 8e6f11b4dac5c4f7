"""What of a programme in run-off nobody claims, or no bank pays, ends on a last day: it bars no closing for ever.

The days are those of the rules, or the most that one of its documents gives to claim after the use, if that is more,
from when the run-off began or something became claimable or payable last. What a payee owes is set off first.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from counterfoil.contract.record import Event
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.programme.expiry import NEVER
from counterfoil.programme.rules import Rules
from counterfoil.redemption.closing_events import ClaimLapsed, LastDaySet, UnclaimedLapsed
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
    days = state.rules.unclaimed_days or 0
    versions = [state.terms(programme_id, each) for each in sorted(state.programmes[programme_id])]
    documents = [each for each in versions if isinstance(each, Rules)]
    if not documents:
        return min(since + days * DAY, NEVER)
    days = max(days, *(each.document.redemption.claim_within_days or 0 for each in documents))
    newest = documents[-1]
    return min((newest.day(since) + days + 1) * DAY - newest.offset, NEVER)


def _unclaimed(state: RedemptionState, programme_id: str) -> Sequence[Event]:
    """What of the first provider's contracts is in no claim, of as many as an entry takes."""
    mine = {
        (state.claimable[contract_id].provider_id, contract_id): state.claimable[contract_id].amount
        for contract_id in state.claimable.owned(programme_id)
    }
    if not mine:
        return []
    provider_id = min(mine)[0]
    some = nsmallest(state.rules.max_items_per_sweep, (key for key in mine if key[0] == provider_id))
    offset = set_off(state, programme_id, provider_id, {key[1]: mine[key] for key in some}, lapses=True)
    taken = {} if offset is None else {part.contract_id: part.amount for part in offset.lines}
    parts = ((contract_id, mine[provider_id, contract_id] - taken.get(contract_id, 0)) for _, contract_id in some)
    lines = tuple(LinePart(contract_id=contract_id, amount=left) for contract_id, left in parts if left)
    events: list[Event] = [] if offset is None else [offset]
    if lines:
        key = (programme_id, provider_id)
        lapsed = sum(each.amount for each in lines)
        events.append(_lapsed(state, key, lines, lapsed, state.payable.get(key, 0)))
    return events


def _unpaid(state: RedemptionState, programme_id: str) -> Sequence[Event]:
    """What lapses of what is payable to the first payee; what it owes is set off, since this is no payment."""
    key = min(each for each in state.payable.owned(programme_id) if state.unpaid(each))
    unpaid, owed = state.unpaid(key), state.owed.get(key, 0)
    offset = min(unpaid, owed)
    parts = list(state.unpaid_claims.parts(key, unpaid - offset, state.came_back.get(key), state.reversible))
    most = state.rules.max_items_per_sweep
    amount = unpaid - offset if len(parts) <= most else sum(part for _, part in parts[:most])
    before: list[Event] = []
    if offset:
        before = [
            ClaimOffset(
                programme_id=programme_id, provider_id=key[1], currency=state.currency(programme_id), lines=(),
                amount=offset, owed_after=owed - offset,
            )
        ]  # fmt: skip
    left = state.payable[key] - offset - amount
    of_claims = (
        ClaimLapsed(claim_id=claim_id, programme_id=programme_id, provider_id=key[1], amount=part)
        for claim_id, part in parts[:most]
    )
    return [*before, _lapsed(state, key, (), amount, left), *of_claims]


def _lapsed(
    state: RedemptionState, key: tuple[str, str], lines: tuple[LinePart, ...], amount: int, left: int
) -> UnclaimedLapsed:
    programme_id, provider_id = key
    return UnclaimedLapsed(
        programme_id=programme_id, provider_id=provider_id, currency=state.currency(programme_id), lines=lines,
        amount=amount, payable_after=left,
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
        # what was reversed since it was claimed is not to be taken twice
        left = state.reversible.get(part.contract_id, 0)
        state.keep_reversible(part.contract_id, -min(part.amount, left))
    if not event.lines:
        key = (event.programme_id, event.provider_id)
        gone = state.payable[key] - event.payable_after
        put(state.payable, key, event.payable_after)
        put(state.sent_back, key, max(state.sent_back.get(key, 0) - gone, 0))
    state.last_days.ended()


def claim_lapsed(state: RedemptionState, event: ClaimLapsed, _at: At) -> None:
    """Apply what of it a claim was: it cannot be given back."""
    state.keep_reversible(event.claim_id, -event.amount)
    state.unpaid_claims.lapsed((event.programme_id, event.provider_id), event.claim_id)
