"""Arm's length: who controls whom is attested, and judged by the tests and the share that a document names.

A chain counts as one link does. By an operator's word, who has the majority of another, or controls it otherwise, is of
one group with it, with all that follows: no trade with each other, shared caps and ceilings, duties kept apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.contract.events import GroupAttested
from counterfoil.contract.limits import BPS
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.groups import Fact
from counterfoil.issuance.control_commands import AttestControl
from counterfoil.issuance.control_events import ControlAttested
from counterfoil.issuance.controls import VOTES, Control
from counterfoil.issuance.state import IssuanceState
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_rate


def attest_control(state: IssuanceState, body: AttestControl, actor: Party, at: At) -> Decision:
    """What one undertaking has of another, at least one of them a party, by somebody related to neither."""
    sides = (body.owner_id, body.party_id)
    refused = (
        _unknown(state, body)
        or (refuse(Code.DATE_IN_FUTURE, field="on") if body.on > at.time // DAY + 1 else None)
        or _too_many(state, body)
    )
    for each in sides:
        attested = Held(Duty.ATTESTED, each)
        refused = refused or not_separate(state, Held(Duty.ATTESTER, actor.party_id), attested)
    if refused is not None:
        return refused
    attested_now = ControlAttested(
        owner_id=body.owner_id, party_id=body.party_id, kind=body.kind, share_bps=body.share_bps, on=body.on,
        source=body.source, attested_by=actor.party_id,
    )  # fmt: skip
    joined = _joined(state, body, actor, at) if _is_control(body) and "operator" in actor.roles else []
    return joined if isinstance(joined, Refusal) else [attested_now, *joined]


def _unknown(state: IssuanceState, body: AttestControl) -> Refusal | None:
    if body.owner_id == body.party_id:
        return refuse(Code.DUPLICATE_ITEM, field="party_id")
    if not {body.owner_id, body.party_id} & state.directory.parties.keys():
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if body.kind != VOTES and body.share_bps not in (0, BPS):
        return refuse(Code.RATE_NOT_A_SHARE, field="share_bps")
    known = state.controls.table.get((body.owner_id, body.party_id, body.kind))
    same = body.share_bps == (0 if known is None else known.share_bps)
    return refuse(Code.ALREADY_EXISTS, party_id=body.party_id) if same else None


def _too_many(state: IssuanceState, body: AttestControl) -> Refusal | None:
    most, key = state.rules.max_controls, (body.owner_id, body.party_id, body.kind)
    full = max(map(state.controls.number, key[:2])) >= most and key not in state.controls.table
    return refuse(Code.OVER_LIMIT, field="party_id", limit=most) if full else None


def _is_control(body: AttestControl) -> bool:
    return 2 * body.share_bps > BPS


def _joined(state: IssuanceState, body: AttestControl, actor: Party, at: At) -> list[Event] | Refusal:
    """The party, and those of its group, in the group of whoever controls it, if that is a party."""
    owner, party = (state.directory.parties.get(each) for each in (body.owner_id, body.party_id))
    if owner is None or party is None or owner.group_id == party.group_id:
        return []
    joining = sorted(state.directory.members(party.group_id))
    most = state.rules.max_parties_per_group
    if most is not None and state.directory.size(owner.group_id) + len(joining) > most:
        return refuse(Code.OVER_LIMIT, field="group_id", limit=most)
    return list(_into(state, owner.group_id, joining, body, actor, at))


def _into(
    state: IssuanceState, group_id: str, joining: list[str], body: AttestControl, actor: Party, at: At
) -> Iterator[Event]:
    for each in joining:
        after = state.directory.history(state.directory.parties[each]).attested(Fact(group_id, at.time, actor.party_id))
        yield GroupAttested(
            party_id=each, group_id=group_id, since=at.time, source=body.source, attested_by=actor.party_id,
            group_after=after.now(),
        )  # fmt: skip


def dependent(state: IssuanceState, rules: Rules, one: str, other: str) -> bool:
    """Whether buyer and provider are related, by their groups or by the tests that the document names."""
    if state.directory.related(one, other):
        return True
    terms = rules.document.contract.arms_length
    if terms is None or not state.rules.max_controls:
        return False
    return state.controls.linked(one, other, terms.tests, parse_rate(terms.threshold), state.directory.related_to)


# evolve -------------------------------------------------------------------------------------------------------------


def control_attested(state: IssuanceState, event: ControlAttested, _at: At) -> None:
    """Apply what is known from here on."""
    control = Control(event.share_bps, event.on, event.attested_by)
    state.controls.attest((event.owner_id, event.party_id, event.kind), control)
