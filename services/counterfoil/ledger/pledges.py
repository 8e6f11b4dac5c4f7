"""Vouchers as security: what is pledged cannot be spent until the pledgee releases or takes it, or the voucher ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import PLEDGES, owner
from counterfoil.ledger.commands import EnforcePledge, PledgeVoucher, ReleasePledge
from counterfoil.ledger.credit import end_offer, fail
from counterfoil.ledger.encumbrances import OnOffer, Pledge, Tranche, Transfer
from counterfoil.ledger.endings import bury
from counterfoil.ledger.events import Draw
from counterfoil.ledger.gains import count_gain
from counterfoil.ledger.handovers import Handing, asks_of_pledgee, not_a_pledgee, not_pledged, stated_facts
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.tranches import lapse
from counterfoil.ledger.transfer_events import PledgeAsked, PledgeEnforced, PledgeJudged, PledgeMade, PledgeReleased
from counterfoil.ledger.transfers import barred, close_transfer, no_room, too_many
from counterfoil.programme.rules import Rules


def pledge_voucher(state: LedgerState, body: PledgeVoucher, actor: Party, at: At) -> Decision:
    """Make value pending as security of another party."""
    pledgee = state.directory.parties.get(body.pledgee_id)
    if pledgee is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.pledgee_id)
    if (refused := not_taking_part(pledgee)) is not None:
        return refused
    voucher = state.held_voucher(body.voucher_id, actor.party_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    handing = Handing(actor.party_id, body.pledgee_id, body.amount)
    refused = (
        too_many(state, actor.party_id)
        or barred(state, voucher, at)
        or state.phases.grants_nothing(voucher.programme_id)
        or not_pledged(state, voucher, handing, at)
    )
    if refused is not None:
        return refused
    available = state.accounts.find(owner(actor.party_id), voucher.voucher_id).available
    if body.amount > available:
        return refuse(Code.EXCEEDS_AVAILABLE, available=available)
    posting = Posting(state.accounts)
    posting.leg("hold", voucher.voucher_id, owner(actor.party_id), PLEDGES, body.amount)
    made = PledgeMade(
        pledge_id=at.new_id("plg"),
        voucher_id=voucher.voucher_id,
        programme_id=voucher.programme_id,
        holder_id=actor.party_id,
        pledgee_id=body.pledgee_id,
        amount=body.amount,
        until=voucher.expires_at,
        legs=posting.take(),
    )
    rules = state.rules_of(voucher)
    if rules is None or not asks_of_pledgee(state, rules):
        return [made]
    asked = PledgeAsked(
        pledge_id=made.pledge_id,
        programme_id=made.programme_id,
        voucher_id=made.voucher_id,
        pledgee_id=made.pledgee_id,
    )
    return [made, asked]


def release_pledge(state: LedgerState, body: ReleasePledge, actor: Party, at: At) -> Decision:
    """Give the security up, as the pledgee alone may."""
    found = _own_pledge(state, body.pledge_id, actor)
    if isinstance(found, Refusal):
        return found
    return _release(state, Posting(state.accounts), body.pledge_id, found, "released", at)


def enforce_pledge(state: LedgerState, body: EnforcePledge, actor: Party, at: At) -> Decision:
    """Take what was pledged, while the voucher lives: it is the pledgee's from then on, as it was the holder's."""
    found = _own_pledge(state, body.pledge_id, actor)
    if isinstance(found, Refusal):
        return found
    if body.pledge_id in state.encumbrances.consents:
        return refuse(Code.TRANSFER_NOT_PERMITTED, why="pledgee_not_judged")
    voucher = state.vouchers.open[found.voucher_id]
    refused = no_room(state, voucher, actor.party_id) or barred(state, voucher, at)
    if refused is not None:
        return refused
    posting = Posting(state.accounts)
    posting.leg("release", voucher.voucher_id, owner(found.holder_id), PLEDGES, found.amount)
    posting.leg("post", voucher.voucher_id, owner(found.holder_id), owner(found.pledgee_id), found.amount)
    return [
        PledgeEnforced(
            pledge_id=body.pledge_id,
            voucher_id=voucher.voucher_id,
            programme_id=voucher.programme_id,
            holder_id=found.holder_id,
            pledgee_id=found.pledgee_id,
            amount=found.amount,
            hops=state.encumbrances.hops(voucher.voucher_id, found.holder_id, found.pledgee_id),
            expires_at=voucher.expires_at,
            reason=body.reason,
            legs=posting.take(),
        )
    ]


def judge_pledgee(state: LedgerState, event: FactsStated, found: Pledge, at: At) -> Sequence[Event]:
    """Let a pledge stand, or release it and say why; nothing for what is not what was asked."""
    voucher = state.vouchers.open[found.voucher_id]
    rules = cast("Rules", state.rules_of(voucher))
    if (event.voucher_id, event.party_id, event.rules_hash) != (found.voucher_id, found.pledgee_id, rules.digest):
        return []
    facts = stated_facts(rules, event, at)
    barred = refuse(Code.TRANSFER_NOT_PERMITTED, why="facts_contradict")
    refused = barred if facts is None else not_a_pledgee(state, voucher, facts, at)
    judged = PledgeJudged(
        pledge_id=event.transfer_id,
        programme_id=event.programme_id,
        voucher_id=event.voucher_id,
        pledgee_id=event.party_id,
        rules_hash=event.rules_hash,
        code=None if refused is None else refused.code.value,
        why=None if refused is None else dict(refused.detail).get("why"),
    )
    if refused is None:
        return [judged]
    return [*_release(state, Posting(state.accounts), event.transfer_id, found, "released", at), judged]


def _own_pledge(state: LedgerState, pledge_id: str, pledgee: Party) -> Pledge | Refusal:
    """The pledge, if it is open and the pledgee's."""
    found = state.encumbrances.pledges.get(pledge_id)
    if found is None or found.pledgee_id != pledgee.party_id:
        return refuse(Code.UNKNOWN_PLEDGE, pledge_id=pledge_id)
    return found


def end_encumbrances(state: LedgerState, cutoff: int, at: At) -> Sequence[Event]:
    """Timer: close transfers that nobody accepted in time, trades that waited in vain, and all that encumbers a voucher
    that has ended."""
    room, posting = state.rules.max_items_per_sweep, Posting(state.accounts)
    ended = [
        id_ for voucher_id in state.freeing.reached(cutoff, room) for id_ in sorted(state.encumbrances.on(voucher_id))
    ]
    events: list[Event] = []
    for id_ in list(dict.fromkeys([*ended, *state.lapsing.reached(cutoff, room)]))[:room]:
        each = state.encumbrances.find(id_)
        if isinstance(each, Pledge):
            events += _release(state, posting, id_, each, "voucher_ended", at)
        elif isinstance(each, Tranche):
            events += lapse(state, posting, id_, each, at)
        elif isinstance(each, OnOffer):
            events += end_offer(state, posting, id_, at)
        elif id_ in state.credit.trades:
            events += fail(state, posting, id_, at)
        elif each is not None:
            events += close_transfer(state, posting, id_, each, _why(state, each, at), at)
    return events


def _why(state: LedgerState, each: Transfer, at: At) -> Literal["lapsed", "voucher_ended"]:
    voucher = state.vouchers.open[each.voucher_id]
    return "voucher_ended" if voucher.dead or at.time >= voucher.expires_at else "lapsed"


def _release(
    state: LedgerState,
    posting: Posting,
    pledge_id: str,
    found: Pledge,
    reason: Literal["released", "voucher_ended"],
    at: At,
) -> list[Event]:
    posting.leg("release", found.voucher_id, owner(found.holder_id), PLEDGES, found.amount)
    over = PledgeReleased(
        pledge_id=pledge_id,
        voucher_id=found.voucher_id,
        programme_id=state.vouchers.open[found.voucher_id].programme_id,
        holder_id=found.holder_id,
        reason=reason,
        legs=posting.take(),
    )
    return [over, *bury(state, posting, found.holder_id, [Draw(voucher_id=found.voucher_id, amount=found.amount)], at)]


# evolve -------------------------------------------------------------------------------------------------------------


def pledge_made(state: LedgerState, event: PledgeMade, _at: At) -> None:
    """Apply a pledge."""
    state.book(event.legs)
    pledge = Pledge(event.voucher_id, event.holder_id, event.pledgee_id, event.amount, event.until)
    state.encumber(event.pledge_id, pledge)


def pledge_released(state: LedgerState, event: PledgeReleased, _at: At) -> None:
    """Apply the end of a pledge."""
    state.book(event.legs)
    state.disencumber(event.pledge_id)


def pledge_enforced(state: LedgerState, event: PledgeEnforced, at: At) -> None:
    """Apply that the pledgee took what was pledged."""
    state.book(event.legs)
    state.disencumber(event.pledge_id)
    count_gain(state, state.vouchers.open[event.voucher_id], event.pledgee_id, event.amount, at.time)
    state.encumbrances.pass_on(event.voucher_id, event.pledgee_id, event.hops, at.time)


def pledge_asked(state: LedgerState, event: PledgeAsked, _at: At) -> None:
    """Apply a question: the pledge is not enforced before it is answered."""
    state.encumbrances.consents[event.pledge_id] = True


def pledge_judged(state: LedgerState, event: PledgeJudged, _at: At) -> None:
    """Apply an answer: the pledge stands, or its release follows."""
    state.encumbrances.answered(event.pledge_id)
