"""How vouchers are issued, suspended, reinstated, revoked and given back, and when issuance removes them.

The ledger says how they end. A voucher of which a part is held stays known, as it may have to be until a contract has
ended; once nothing is left of it, it is removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from counterfoil.contract.ensure import ensure
from counterfoil.contract.events import ProgrammePublished
from counterfoil.contract.limits import MAX_REASON
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.hidden import not_yours
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.aid import entries, freed, may_free
from counterfoil.issuance.claimed import Purpose
from counterfoil.issuance.commands import (
    IssueVoucher,
    ReinstateVoucher,
    ReturnVoucher,
    RevokeVoucherV1,
    SuspendVoucherV1,
)
from counterfoil.issuance.events import (
    BudgetRecycled,
    IssueReversed,
    VoucherGranted,
    VoucherIssued,
    VoucherReinstated,
    VoucherReturned,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.issuance.facts import facts_of_party
from counterfoil.issuance.judging import award, history_of, left_of, moves
from counterfoil.issuance.laws import lawful, unlawful
from counterfoil.issuance.programmes import duties_in, growing_programme
from counterfoil.issuance.state import Grant, IssuanceState, Programme, Voucher
from counterfoil.issuance.words import TOGETHER
from counterfoil.ledger.events import VoucherCancelled, VoucherClosed, VoucherExpired, taken_from
from counterfoil.ledger.transfer_events import VoucherSurrendered
from counterfoil.programme import conditions
from counterfoil.programme.case import History
from counterfoil.programme.granting import grant
from counterfoil.programme.models import MODELS
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import expires_at, issues, needs_project


def issue_voucher(state: IssuanceState, body: IssueVoucher, actor: Party, at: At) -> Decision:
    """A voucher under the programme's current version, within its limits and the uncommitted budget."""
    beneficiary = state.directory.parties.get(body.beneficiary_id)
    if beneficiary is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.beneficiary_id)
    if (refused := not_taking_part(beneficiary)) is not None:
        return refused
    programme = growing_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if (over := too_many(state, body.programme_id, body.beneficiary_id)) is not None:
        return over
    room = state.room(programme, programme.issued)
    if body.amount > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=room)
    terms = state.terms(body.programme_id)
    least = 0 if isinstance(terms, Rules) or not state.rules.minimum_face else terms.min_face
    if body.amount < least:
        return refuse(Code.FACE_TOO_SMALL, amount=body.amount, min_face=least)
    if programme.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=body.programme_id)
    if isinstance(terms, Rules) and needs_project(terms):
        return refuse(Code.PERIOD_NOT_VALID, field="project_ends")
    if not issues(terms, at.time):
        return refuse(Code.PROGRAMME_NOT_OPEN, programme_id=body.programme_id)
    if "beneficiary" not in beneficiary.roles:
        return refuse(Code.PARTY_NOT_A_BENEFICIARY, party_id=body.beneficiary_id)
    held = Held(Duty.BENEFICIARY, body.beneficiary_id)
    if (together := not_separate(state, held, *duties_in(state, programme, body.beneficiary_id))) is not None:
        return together
    if isinstance(terms, Rules):
        return _under_document(state, body, programme, terms, beneficiary, at)
    return _under_terms(state, body, programme, terms, beneficiary, at)


def _under_terms(
    state: IssuanceState, body: IssueVoucher, programme: Programme, terms: ProgrammeTerms, beneficiary: Party, at: At
) -> Decision:
    cap = terms.beneficiary_cap
    group_issued = state.counted(body.programme_id, beneficiary.group_id)
    if group_issued + body.amount > cap:
        return refuse(Code.CAP_EXCEEDED, group_id=beneficiary.group_id, cap=cap, issued=group_issued)
    if body.amount > programme.uncommitted:
        return refuse(Code.APPROPRIATION_EXCEEDED, uncommitted=programme.uncommitted)
    return [
        VoucherIssued(
            voucher_id=at.new_id("vch"),
            programme_id=body.programme_id,
            version=programme.current.version,
            beneficiary_id=body.beneficiary_id,
            face=body.amount,
            not_before=at.time,
            expires_at=expires_at(terms, at.time),
            issue_seq=programme.vouchers_issued + 1,
            uncommitted_after=programme.uncommitted - body.amount,
            group_issued_after=group_issued + body.amount,
        )
    ]


_SAID: Final = ("cap", "regime", "envelope", "left", "limit", "counted", "amount", "floor")
"""The values of a refusal that are told."""
_TEXT: Final = 40
"""Characters of a value in a refusal: the outcome has to fit into a batch."""
_CODES: Final[Mapping[str, Code]] = {
    "below_floor": Code.FACE_TOO_SMALL,
    "budget_exhausted": Code.APPROPRIATION_EXCEEDED,
}
"""The code of a refusal, by that of the step that refuses; all others are caps and ceilings."""


def _under_document(
    state: IssuanceState, body: IssueVoucher, programme: Programme, rules: Rules, beneficiary: Party, at: At
) -> Decision:
    """The document's rules judge; the reasons are part of the event."""
    day, group_id = rules.day(at.time), beneficiary.group_id
    refused = _not_directly(state, rules) or _not_eligible(state, rules, beneficiary.party_id, at)
    if (refused := refused or unlawful(state, rules, day)) is not None:
        return refused
    voucher_id = at.new_id("vch")
    rules = lawful(state, rules, day)
    itself = dict.fromkeys(("PROJECT", "CONTRACT", "FUNDING_AWARD", "PROVIDER"), voucher_id)
    subjects: dict[Any, str] = {
        "PROGRAMME": body.programme_id, "BENEFICIARY": beneficiary.party_id, "GROUP": group_id, **itself,
    }  # fmt: skip
    history = History(history_of(state, rules, subjects, day))
    found = grant(rules, subjects, body.amount, day, history, left_of(state, rules, day))
    if found.refusal is not None:
        texts = {name: text[:_TEXT] for name, text in found.refusal.texts.items() if name in _SAID}
        return refuse(_CODES.get(found.refusal.code, Code.CAP_EXCEEDED), why=found.refusal.code, **texts)
    if body.amount > programme.uncommitted:
        return refuse(Code.APPROPRIATION_EXCEEDED, uncommitted=programme.uncommitted)
    moved = moves(state, rules, history, found.counts, found.envelopes, day, day)
    return [
        VoucherGranted(
            voucher_id=voucher_id,
            programme_id=body.programme_id,
            version=programme.current.version,
            rules_hash=rules.digest,
            beneficiary_id=body.beneficiary_id,
            face=body.amount,
            not_before=at.time,
            expires_at=expires_at(rules, at.time),
            issue_seq=programme.vouchers_issued + 1,
            uncommitted_after=programme.uncommitted - body.amount,
            group_issued_after=state.counted(body.programme_id, group_id) + body.amount,
            counted=(*moved, award(state, rules, group_id, day)),
            explanation=tuple(each.sentence[:MAX_REASON] for each in found.steps),
        ),
        *entries(state, rules, moved, voucher_id, body.beneficiary_id, day),
    ]


def _not_directly(state: IssuanceState, rules: Rules) -> Refusal | None:
    """Whether the document has vouchers given for applications alone, after a review or decided together, or with
    claims after use."""
    review, mode = rules.document.review, rules.document.budget.exhaustion.mode
    model = rules.document.redemption.model
    if not MODELS[model].applies:
        return refuse(Code.DECIDED_BY_APPLICATION, mode=model) if state.rules.claims_after_use else None
    reviewed = review is not None and len(review.steps) > 0
    return refuse(Code.DECIDED_BY_APPLICATION, mode=mode) if reviewed or mode in TOGETHER else None


def _not_eligible(state: IssuanceState, rules: Rules, party_id: str, at: At) -> Refusal | None:
    """Whether attested facts say that the document bars a party. For what nobody attests, who issues signs."""
    try:
        facts = facts_of_party(state, rules, party_id, rules.day(at.time))
    except ValueError as problem:
        return refuse(Code.NOT_GRANTED, why="facts_contradict", says=f"{problem}"[:_TEXT])
    provider = facts.get("listed_provider")
    if not rules.document.providers.may_be_beneficiary and provider is not None and provider.value is True:
        return refuse(Code.NOT_GRANTED, why="provider_as_beneficiary")
    for each in rules.document.eligibility:
        if conditions.judge(each.when, facts, rules.day(at.time)).holds is False:
            return refuse(Code.NOT_GRANTED, why="not_eligible", rule=each.id)
    return None


def too_many(state: IssuanceState, programme_id: str, beneficiary_id: str) -> Refusal | None:
    """Whether the beneficiary has as many open vouchers as it may have, of the programme or of all."""
    rules, opened = state.rules, state.open_vouchers.get(beneficiary_id, {})
    for most, number in (
        (rules.max_open_vouchers_per_party, sum(opened.values())),
        (rules.max_open_vouchers_per_programme, opened.get(programme_id, 0)),
    ):
        if most is not None and number >= most:
            return refuse(Code.OVER_LIMIT, field="beneficiary_id", limit=most)
    return None


def suspend_voucher(state: IssuanceState, body: SuspendVoucherV1, actor: Party, at: At) -> Decision:
    """Bar new holds on a voucher."""
    voucher = own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    if (refused := _without_ground(state, body.voucher_id)) is not None:
        return refused
    if voucher.status == "suspended":
        return refuse(Code.VOUCHER_SUSPENDED, voucher_id=body.voucher_id)
    return dead(voucher, body.voucher_id, at) or [VoucherSuspended(voucher_id=body.voucher_id, reason=body.reason)]


def reinstate_voucher(state: IssuanceState, body: ReinstateVoucher, actor: Party, at: At) -> Decision:
    """Lift a suspension."""
    voucher = own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    if voucher.status != "suspended" and body.voucher_id not in state.suspensions.table:
        return refuse(Code.VOUCHER_NOT_SUSPENDED, voucher_id=body.voucher_id)
    return dead(voucher, body.voucher_id, at) or [VoucherReinstated(voucher_id=body.voucher_id)]


def revoke_voucher(state: IssuanceState, body: RevokeVoucherV1, actor: Party, at: At) -> Decision:
    """End a voucher, suspended or not; it cannot be reinstated."""
    voucher = own_voucher(state, body.voucher_id, actor)
    if isinstance(voucher, Refusal):
        return voucher
    refused = _without_ground(state, body.voucher_id) or dead(voucher, body.voucher_id, at)
    return refused or [VoucherRevoked(voucher_id=body.voucher_id, reason=body.reason)]


def return_voucher(state: IssuanceState, body: ReturnVoucher, actor: Party, at: At) -> Decision:
    """End a voucher, suspended or not, at the wish of whom it was issued to."""
    voucher = state.vouchers.get(body.voucher_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    if voucher.beneficiary_id != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    over = state.phases.shut(voucher.programme_id) or dead(voucher, body.voucher_id, at)
    return over or [VoucherReturned(voucher_id=body.voucher_id, reason=body.reason)]


def _without_ground(state: IssuanceState, voucher_id: str) -> Refusal | None:
    """Whether a voucher can be stopped on a ground alone (`freezing.py`): its document names some, or none."""
    named = state.rules.names_grounds and voucher_id in state.claims.purposes
    return refuse(Code.GROUND_NOT_IN_RULES, why="no_ground") if named else None


def own_voucher(state: IssuanceState, voucher_id: str, actor: Party) -> Voucher | Refusal:
    """The voucher, if it is of a programme of the actor's that is not closed."""
    voucher = state.vouchers.get(voucher_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=voucher_id)
    if state.programmes[voucher.programme_id].current.issuer_id != actor.party_id:
        return not_yours(state.rules, Code.UNKNOWN_VOUCHER, voucher_id=voucher_id)
    return state.phases.shut(voucher.programme_id) or voucher


def dead(voucher: Voucher, voucher_id: str, at: At) -> Refusal | None:
    """Whether the voucher was revoked or given back, or has expired by ledger time, reported by the ledger or not."""
    if voucher.status in ("revoked", "returned"):
        return refuse(Code.VOUCHER_REVOKED, voucher_id=voucher_id)
    over = voucher.status == "expired" or at.time >= voucher.expires_at
    return refuse(Code.VOUCHER_EXPIRED, voucher_id=voucher_id) if over else None


def take_over_end(state: IssuanceState, event: VoucherExpired | VoucherCancelled, _at: At) -> Sequence[Event]:
    """Mirror the end of a voucher, and record what may be issued again.

    The ledger reports the end of a voucher in several events if it has many owners or if some of it is held. The first
    one is mirrored; that of a voucher known to be revoked or given back, only by rules 1 to 3. What ended in every hand
    there, and seems to go on here, ends here too (rules 8).
    """
    voucher, follows = state.vouchers.get(event.voucher_id), state.rules.follows_vouchers
    news = voucher is not None and (not follows or (isinstance(event, VoucherExpired) and voucher.status != "expired"))
    # A part that its holder surrendered just before it gave back the rest looked like a voucher that goes on elsewhere.
    lives = voucher is not None and voucher.status in ("active", "suspended")
    news = news or (lives and isinstance(event, VoucherCancelled) and state.rules.returns_own_part)
    ended: list[Event] = [event] if news else []
    recycled = event.recycled if isinstance(event, VoucherExpired) else True
    if not recycled or event.amount == 0 or event.programme_id not in state.programmes:  # or another shard's
        return ended
    uncommitted = state.programmes[event.programme_id].uncommitted + event.amount
    what: dict[str, Any] = {
        "programme_id": event.programme_id, "amount": event.amount, "uncommitted_after": uncommitted,
    }  # fmt: skip
    if voucher is None or voucher.group_id is None or not follows or isinstance(event, VoucherExpired):
        return [*ended, BudgetRecycled(source_id=event.voucher_id, **what)]
    by_hand = state.rules.frees_cap_by_hand
    own = taken_from(event.legs, voucher.beneficiary_id) if by_hand else event.amount
    return [*ended, *_freed(state, event.voucher_id, voucher, own, event.amount - own)]


def take_over_surrender(state: IssuanceState, event: VoucherSurrendered, _at: At) -> Sequence[Event]:
    """Mirror that a holder gave value back, and record that it may be issued again."""
    voucher = state.vouchers.get(event.voucher_id)
    if voucher is None:  # another shard's
        return []
    own = event.amount if event.holder_id == voucher.beneficiary_id else 0
    freed = _freed(state, event.voucher_id, voucher, own, event.amount - own)
    return [event, *freed, *_goes_on(voucher, event)]


def _goes_on(voucher: Voucher, event: VoucherSurrendered) -> Sequence[Event]:
    """What becomes of a voucher that was given back here, while the ledger had it in other hands, too."""
    if voucher.status != "returned":
        return []
    if event.suspended:
        return [VoucherSuspended(voucher_id=event.voucher_id, reason="it was suspended before it was given back")]
    return [VoucherReinstated(voucher_id=event.voucher_id)]


def _freed(state: IssuanceState, voucher_id: str, voucher: Voucher, own: int, others: int) -> Sequence[Event]:
    """What may be issued again of value that was cancelled unspent: of the first owner's, and of later hands'.

    The first owner's counts no more towards the cap of its group. What it handed on, it has had.
    """
    events: list[Event] = []
    programme_id, uncommitted = voucher.programme_id, state.programmes[voucher.programme_id].uncommitted
    if voucher.group_id is None:
        own, others = 0, own + others
    if own:
        counted = state.counted(programme_id, voucher.group_id or "")
        events.append(
            IssueReversed(
                voucher_id=voucher_id, programme_id=programme_id, amount=own,
                group_issued_after=counted - own, uncommitted_after=uncommitted + own,
            )
        )  # fmt: skip
        granted, purpose = state.grants.get(voucher_id), state.claims.purposes.get(voucher_id)
        if granted is not None and purpose is not None:
            events += freed(state, programme_id, purpose.award, voucher.beneficiary_id, granted.parted(own)[1].counts)
    if others:
        after = uncommitted + own + others
        events.append(
            BudgetRecycled(source_id=voucher_id, programme_id=programme_id, amount=others, uncommitted_after=after)
        )
    return events


def take_over_close(state: IssuanceState, event: VoucherClosed, _at: At) -> Sequence[Event]:
    """Mirror that nothing is left of a voucher."""
    return [event] if event.voucher_id in state.vouchers else []


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_issued(state: IssuanceState, event: VoucherIssued | VoucherGranted, _at: At) -> None:
    """Apply an issue."""
    programme = state.programmes.edit(event.programme_id)
    group_id = state.directory.parties[event.beneficiary_id].group_id
    programme.issued += event.face
    state.commit(state.terms(event.programme_id).currency, event.face)
    programme.vouchers_issued += 1
    state.count(event.programme_id, event.beneficiary_id, group_id, event.face)
    state.open(event.voucher_id, Voucher(event.programme_id, event.beneficiary_id, group_id, event.expires_at))
    after = (programme.uncommitted, state.counted(event.programme_id, group_id))
    same = after == (event.uncommitted_after, event.group_issued_after)
    ensure(same and programme.uncommitted >= 0, f"budget of {event.programme_id} differs")


def voucher_granted(state: IssuanceState, event: VoucherGranted, at: At) -> None:
    """Apply an issue under a document: it counts towards the limits of its programme."""
    voucher_issued(state, event, at)
    rules = cast("Rules", state.terms(event.programme_id))
    day = rules.day(at.time)
    state.grants[event.voucher_id] = Grant(day, event.face, may_free(rules, event.counted))
    own = event.voucher_id
    current = cast("ProgrammePublished", state.programmes[event.programme_id].current)
    document = (current.version, current.document_id, current.rules_hash)
    state.claims.purposes[own] = Purpose(*document, project=own, contract_key=own, award=own)
    for each in event.counted:
        state.counters.move(event.programme_id, event.beneficiary_id, day, each)


def issue_reversed(state: IssuanceState, event: IssueReversed, at: At) -> None:
    """Apply that value was cancelled unspent."""
    programme, voucher = state.programmes.edit(event.programme_id), state.vouchers[event.voucher_id]
    group_id = voucher.group_id or ""
    programme.issued -= event.amount
    state.commit(state.terms(event.programme_id).currency, -event.amount)
    state.count(event.programme_id, voucher.beneficiary_id, group_id, -event.amount)
    after = (programme.uncommitted, state.counted(event.programme_id, group_id))
    same = after == (event.uncommitted_after, event.group_issued_after)
    ensure(same and programme.issued >= 0, f"budget of {event.programme_id} differs")
    granted = state.grants.get(event.voucher_id)
    if granted is not None:
        state.grants[event.voucher_id], undone = granted.parted(event.amount)
        for each in undone.counts:
            back = replace(each, before=each.after, after=0)
            state.counters.move(event.programme_id, voucher.beneficiary_id, granted.on, back)
    state.budget_freed(event.programme_id, at)


def voucher_surrendered(_state: IssuanceState, _event: VoucherSurrendered, _at: At) -> None:
    """What follows from it are events of their own."""


def voucher_ended(state: IssuanceState, event: VoucherExpired | VoucherCancelled, _at: At) -> None:
    """Apply the end that the ledger reported of a voucher, or of a first part of it."""
    if not state.rules.follows_vouchers:
        state.close(event.voucher_id)
    elif isinstance(event, VoucherExpired):
        state.vouchers.edit(event.voucher_id).status = "expired"
    else:
        state.vouchers.edit(event.voucher_id).status = "returned"


def voucher_closed(state: IssuanceState, event: VoucherClosed, _at: At) -> None:
    """Remove a voucher of which nothing is left."""
    state.close(event.voucher_id)
    if event.voucher_id in state.grants:
        del state.grants[event.voucher_id]
    state.claims.forget(event.voucher_id)
    state.suspensions.forget(event.voucher_id)


def voucher_suspended(state: IssuanceState, event: VoucherSuspended, _at: At) -> None:
    """Apply a suspension; one that was ordered has begun."""
    state.vouchers.edit(event.voucher_id).status = "suspended"
    ordered = state.suspensions.table.get(event.voucher_id)
    if ordered is not None:
        state.suspensions.keep(event.voucher_id, ordered._replace(begun=True))


def voucher_reinstated(state: IssuanceState, event: VoucherReinstated, at: At) -> None:
    """Apply a reinstatement; of a voucher that goes on after it was given back, an order that waits goes on, too."""
    voucher, ordered = state.vouchers.edit(event.voucher_id), state.suspensions.table.get(event.voucher_id)
    waits = voucher.status == "returned" and ordered is not None and not ordered.begun
    voucher.status = "active"
    if waits and ordered is not None and state.rules.sums_suspensions:
        state.suspensions.keep(event.voucher_id, ordered)
    else:
        state.suspensions.lifted(event.voucher_id, at.time, sums=state.rules.sums_suspensions)


def voucher_revoked(state: IssuanceState, event: VoucherRevoked, _at: At) -> None:
    """Apply a revocation."""
    state.vouchers.edit(event.voucher_id).status = "revoked"
    state.suspensions.forget(event.voucher_id)


def voucher_returned(state: IssuanceState, event: VoucherReturned, _at: At) -> None:
    """Apply that a voucher was given back; it may go on in other hands, as long suspended as it was."""
    state.vouchers.edit(event.voucher_id).status = "returned"
    if state.rules.sums_suspensions:
        state.suspensions.due.ended()
    else:
        state.suspensions.forget(event.voucher_id)
