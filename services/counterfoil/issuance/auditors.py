"""Who may read what others may not: auditors, appointed for a programme by its issuer, or for all by an operator.

The role alone gives nothing. An auditor is related to nobody whose acts it audits: in a programme its issuer, providers
and beneficiaries, anywhere treasurers and operators; one for all programmes to nobody with any of these roles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.commands import AppointAuditor, DismissAuditor
from counterfoil.issuance.events import AuditorAppointed, AuditorDismissed
from counterfoil.issuance.programmes import duties_in, own_programme
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.words import ALL

_EVERYWHERE: Final[Mapping[str, Duty]] = {"operator": Duty.OPERATOR, "treasurer": Duty.TREASURER}
"""Duties that go with a role, whatever the programme."""
_ANYWHERE: Final[Mapping[str, Duty]] = {
    **_EVERYWHERE, "issuer": Duty.ISSUER, "provider": Duty.PROVIDER, "beneficiary": Duty.BENEFICIARY,
}  # fmt: skip
"""Duties that a role allows in some programme."""


def appoint_auditor(state: IssuanceState, body: AppointAuditor, actor: Party, _at: At) -> Decision:
    """Let an auditor read a programme of the actor, or everything."""
    if (refused := _not_to_give(state, body, actor)) is not None:
        return refused
    auditor = state.directory.parties.get(body.auditor_id)
    if auditor is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.auditor_id)
    if (refused := not_taking_part(auditor)) is not None:
        return refused
    appointed, most = state.auditors_of(body.programme_id or ALL), state.rules.max_auditors
    if body.auditor_id in appointed:
        return refuse(Code.AUDITOR_ALREADY_APPOINTED, auditor_id=body.auditor_id)
    if len(appointed) >= most:
        return refuse(Code.OVER_LIMIT, field="auditor_id", limit=most)
    if "auditor" not in auditor.roles:
        return refuse(Code.PARTY_NOT_AN_AUDITOR, auditor_id=body.auditor_id)
    held = _held_by_related(state, body)
    return not_separate(state, Held(Duty.AUDITOR, body.auditor_id), *held) or [
        AuditorAppointed(auditor_id=body.auditor_id, programme_id=body.programme_id)
    ]


def dismiss_auditor(state: IssuanceState, body: DismissAuditor, actor: Party, _at: At) -> Decision:
    """End an appointment. A stopped issuer or operator cannot: it is being looked at."""
    if (refused := _not_to_give(state, body, actor)) is not None:
        return refused
    if body.auditor_id not in state.auditors_of(body.programme_id or ALL):
        return refuse(Code.AUDITOR_NOT_APPOINTED, auditor_id=body.auditor_id)
    return [AuditorDismissed(auditor_id=body.auditor_id, programme_id=body.programme_id, reason=body.reason)]


def _not_to_give(state: IssuanceState, body: AppointAuditor | DismissAuditor, actor: Party) -> Refusal | None:
    """Why the command is not the actor's to give: a programme is its issuer's, all of them are an operator's."""
    needs = "operator" if body.programme_id is None else "issuer"
    if needs not in actor.roles:
        return refuse(Code.ROLE_NOT_ALLOWED, needs=needs)
    programme = None if body.programme_id is None else own_programme(state, body.programme_id, actor)
    return programme if isinstance(programme, Refusal) else None


def _held_by_related(state: IssuanceState, body: AppointAuditor) -> Iterator[Held]:
    """The duties of the auditor to be, and of those related to it, where it would audit."""
    if body.programme_id is not None:
        yield from duties_in(state, state.programmes[body.programme_id], body.auditor_id)
    roles = _ANYWHERE if body.programme_id is None else _EVERYWHERE
    for each in sorted(state.directory.related_to(body.auditor_id)):
        for role in state.directory.parties[each].roles:
            if role in roles:
                yield Held(roles[role], each)


# evolve -------------------------------------------------------------------------------------------------------------


def auditor_appointed(state: IssuanceState, event: AuditorAppointed, _at: At) -> None:
    """Apply an appointment."""
    state.appoint(event.programme_id or ALL, event.auditor_id)


def auditor_dismissed(state: IssuanceState, event: AuditorDismissed, _at: At) -> None:
    """Apply the end of an appointment."""
    state.dismiss(event.programme_id or ALL, event.auditor_id)
