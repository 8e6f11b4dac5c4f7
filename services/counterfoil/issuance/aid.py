"""The subsidy ledger: what a single undertaking is granted under a ceiling of law, in all programmes and outside them.

EU 2023/2831 for example: EUR 300,000 in any three years, counted at the grant and not at the payment. An amount counts
in the currency of the ceiling, the same for all programmes that name it: nothing is converted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from counterfoil.contract.applications import CounterMoved
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.references import same_as, same_paper
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.issuance.aid_commands import AttestAid, WithdrawAid
from counterfoil.issuance.aid_events import (
    AidAttested,
    AidCounted,
    AidCountedV1,
    AidCovered,
    AidFreed,
    AidWithdrawn,
    counted_by,
)
from counterfoil.issuance.aided import ZONES, Aid, overlaps, regimes_of
from counterfoil.issuance.counting import ALL_OF_THEM, REGIME
from counterfoil.issuance.laws import SAME, disagrees, known_law, lawful, others_of, regime_of, unlike
from counterfoil.issuance.state import IssuanceState
from counterfoil.programme.rules import Rules

_MOST: Final = MAX_AMOUNT // 4_096
"""What one attests of one party under a ceiling, micro-units: so that all that is attested can be added."""


def attest_aid(state: IssuanceState, body: AttestAid, actor: Party, at: At) -> Decision:
    """Aid from elsewhere, of a party that is not related to who attests it."""
    if body.party_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    today = at.time // DAY
    regime = regime_of(state, body.regime, today)
    if regime is None:
        return refuse(Code.UNKNOWN_REGIME, regime=body.regime)
    if body.currency != regime.currency:
        return refuse(Code.CURRENCY_MISMATCH, currency=regime.currency)
    if body.granted_on > today + 1:  # tomorrow has begun somewhere
        return refuse(Code.DATE_IN_FUTURE, field="granted_on")
    if regime.counts_until(body.granted_on) <= today:
        return refuse(Code.PERIOD_NOT_VALID, field="granted_on")
    mine = [aid for _, aid in state.aids.of(body.regime, body.party_id)]
    by_actor = [each for each in mine if each.attested_by == actor.party_id]
    once = state.rules.counts_grants_once
    if any(each.reference == _reference(state, body) for each in (by_actor if once else mine)):
        return refuse(Code.ALREADY_EXISTS, reference=body.reference)
    if len(by_actor) >= state.rules.max_aid:
        return refuse(Code.OVER_LIMIT, field="party_id", limit=state.rules.max_aid)
    counted, most = (by_actor, _MOST) if once else (mine, MAX_AMOUNT // 2)
    if sum(each.amount for each in counted) + body.amount > most:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount)
    together = not_separate(state, Held(Duty.ATTESTER, actor.party_id), Held(Duty.ATTESTED, body.party_id))
    if together is not None:
        return together
    attested = AidAttested(
        aid_id=at.new_id("aid"),
        regime=body.regime,
        party_id=body.party_id,
        subject=_subject(state, regime.unit, body.party_id, body.granted_on),
        currency=body.currency,
        granted_on=body.granted_on,
        amount=body.amount,
        grantor=body.grantor,
        reference=body.reference,
        source=body.source,
        attested_by=actor.party_id,
        counts_until=regime.counts_until(body.granted_on),
    )
    made = _aid(state, attested, at)
    return [attested, *_covered(state, [*state.aids.same(made), (attested.aid_id, made)])]


def _reference(state: IssuanceState, paper: AttestAid | AidAttested) -> str:
    """By what a grant is the same: its reference, and from rules 8 on its grantor, both in any spelling."""
    once = state.rules.counts_grants_once
    return f"{same_as(paper.grantor)}\n{same_paper(paper.reference)}" if once else paper.reference


def _covered(state: IssuanceState, grants: Sequence[tuple[str, Aid]]) -> Iterator[AidCovered]:
    """What changes in how the attestations of one grant cover each other."""
    if not state.rules.counts_grants_once:
        return
    for aid_id, covered in overlaps(grants):
        if covered != state.aids.covered.get(aid_id, 0):
            aid = dict(grants)[aid_id]
            yield AidCovered(aid_id=aid_id, regime=aid.regime, party_id=aid.party_id, covered=covered)


def _subject(state: IssuanceState, unit: str, party_id: str, day: int) -> str:
    """For whom it counts: the party, or the group that it belonged to at the end of that day."""
    return party_id if unit == "BENEFICIARY" else state.directory.group_of(party_id, (day + 1) * DAY - 1)


def withdraw_aid(state: IssuanceState, body: WithdrawAid, actor: Party, _at: At) -> Decision:
    """Aid that was attested wrongly; what its window has left behind is forgotten already."""
    aid = state.aids.attested.get(body.aid_id)
    if aid is None or (aid.attested_by != actor.party_id and "operator" not in actor.roles):
        return refuse(Code.UNKNOWN_AID, aid_id=body.aid_id)
    together = not_separate(state, Held(Duty.ATTESTER, actor.party_id), Held(Duty.ATTESTED, aid.party_id))
    others = [each for each in state.aids.same(aid) if each[0] != body.aid_id]
    return together or [
        AidWithdrawn(
            aid_id=body.aid_id,
            regime=aid.regime,
            party_id=aid.party_id,
            reason=body.reason,
            withdrawn_by=actor.party_id,
        ),
        *_covered(state, others),
    ]


def differs(state: IssuanceState, rules: Rules, today: int) -> Refusal | None:
    """Whether a document counts a ceiling of law, or its currency, otherwise than another programme does.

    Nor may the same programme change it once anything is counted: earlier grants were kept by the earlier window.
    """
    if not state.rules.keeps_aid:
        return None
    if (disagreement := disagrees(state, rules, today)) is not None:
        return disagreement
    for name, regime in regimes_of(rules):
        if state.aids.law(name, max(today, rules.valid.start or today)) is not None:
            continue
        coming = known_law(state, name, today)
        stays = state.rules.regimes_stay and (state.counters.counts(f"{REGIME}{name}") or _has_granted(state, rules))
        shared = stays or state.aids.is_attested(name)
        for programme_id, other in others_of(state, name, today):
            if coming is not None and unlike(other, coming.regime, SAME) is not None:
                continue  # it grants nothing once the law is in force
            if (shared or programme_id != rules.document.id) and other != regime:
                named = {"currency": other.currency, "months": other.months, "unit": other.unit}
                return refuse(Code.REGIME_DIFFERS, regime=name, **named, counts_on=other.counts_on)
    return None


def _has_granted(state: IssuanceState, rules: Rules) -> bool:
    """Whether what a programme granted, or is about to, may count later by an earlier version."""
    programme = state.programmes.get(rules.document.id)
    return programme is not None and (programme.issued > 0 or rules.document.id in state.windows.by_programme)


# what is granted ----------------------------------------------------------------------------------------------------


def entries(
    state: IssuanceState, rules: Rules, moved: Iterable[CounterMoved], grant_id: str, party_id: str, day: int
) -> Iterator[AidCounted | AidCountedV1]:
    """The entries of a grant in the subsidy ledger: one for each ceiling that it counts towards."""
    if not state.rules.keeps_aid:
        return
    rules = lawful(state, rules, day)
    regimes = dict(regimes_of(rules))
    ceilings = {rule.key: rule for rule in rules.regimes}
    for each in moved:
        rule = ceilings.get(each.cap)
        if rule is not None and each.after > each.before:
            name = rule.regime.regime
            made = AidCountedV1(
                grant_id=grant_id,
                regime=name,
                programme_id=rules.document.id,
                party_id=party_id,
                subject=each.subject,
                currency=rules.unit,
                granted_on=day,
                amount=each.after - each.before,
                ceiling=rule.limit,
                counted_before=each.before,
                counts_until=regimes[name].counts_until(day),
            )
            yield _by_law(state, made) if state.rules.max_laws else made


def _by_law(state: IssuanceState, made: AidCountedV1) -> AidCounted:
    """The same, and the version of the law that it was judged by."""
    found = state.aids.law(made.regime, made.granted_on)
    return counted_by(made, None if found is None else found[0])


def freed(
    state: IssuanceState, programme_id: str, grant_id: str, party_id: str, undone: Iterable[CounterMoved]
) -> Iterator[AidFreed]:
    """What of a grant counts no more towards ceilings of law."""
    if not state.rules.keeps_aid:
        return
    for each in undone:
        if each.cap.startswith(REGIME) and each.after > 0:
            yield AidFreed(
                grant_id=grant_id,
                regime=each.cap.removeprefix(REGIME),
                programme_id=programme_id,
                party_id=party_id,
                amount=each.after,
            )


def may_free(rules: Rules, counts: Iterable[CounterMoved]) -> tuple[CounterMoved, ...]:
    """What of a grant counts back if it is never used: all but what by its document counts for good."""
    for_good = {rule.key for rule in rules.regimes if rule.regime.unspent == "COUNTS"}
    return tuple(each for each in counts if each.cap not in for_good)


# evolve -------------------------------------------------------------------------------------------------------------


def aid_counted(state: IssuanceState, event: AidCounted | AidCountedV1, _at: At) -> None:
    """The grant has counted already; what the window has left behind is forgotten."""
    state.aids.forget(state.counters, event.regime, event.party_id, event.granted_on - ZONES)


def aid_freed(_state: IssuanceState, _event: AidFreed, _at: At) -> None:
    """It was counted back with its voucher or claim."""


def aid_attested(state: IssuanceState, event: AidAttested, at: At) -> None:
    """Apply aid from elsewhere."""
    state.aids.forget(state.counters, event.regime, event.party_id, at.time // DAY - ZONES)
    aid = _aid(state, event, at)
    state.aids.attest(event.aid_id, aid)
    _move(state, aid, aid.amount)


def _aid(state: IssuanceState, event: AidAttested, at: At) -> Aid:
    regime = regime_of(state, event.regime, at.time // DAY)
    return Aid(
        event.regime, event.party_id, event.subject, event.granted_on, event.amount, _reference(state, event),
        event.attested_by, "GRANTED" if regime is None else regime.counts_on,
    )  # fmt: skip


def aid_covered(state: IssuanceState, event: AidCovered, _at: At) -> None:
    """Count what the others do not; aid whose window has passed is gone."""
    if event.aid_id in state.aids.attested:
        aid, before = state.aids.attested[event.aid_id], state.aids.covered.get(event.aid_id, 0)
        state.aids.cover(event.aid_id, event.covered)
        _move(state, aid, before - event.covered)


def aid_withdrawn(state: IssuanceState, event: AidWithdrawn, _at: At) -> None:
    """Apply that it does not count."""
    counted = state.aids.counts(event.aid_id)
    _move(state, state.aids.drop(event.aid_id), -counted)


def _move(state: IssuanceState, aid: Aid, amount: int) -> None:
    moved = CounterMoved(cap=f"{REGIME}{aid.regime}", subject=aid.subject, event=aid.event, before=0, after=abs(amount))
    moved = moved if amount >= 0 else replace(moved, before=moved.after, after=0)
    state.counters.move(ALL_OF_THEM, aid.party_id, aid.on, moved)
