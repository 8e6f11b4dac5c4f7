"""Who is related to whom: facts that the operator or an issuer attests.

Nobody attests anything about itself or a party related to it. An issuer may say what joins a party that has no
relations to a group; only the operator may say what ends a relation, or changes the past.
"""

from __future__ import annotations

from counterfoil.contract.events import GroupAttested
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.groups import Fact
from counterfoil.issuance.commands import AttestGroup
from counterfoil.issuance.state import IssuanceState


def attest_group(state: IssuanceState, body: AttestGroup, actor: Party, at: At) -> Decision:
    """Attest the group of a party."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    history = state.directory.history(party)
    since = at.time if body.since is None else body.since
    after = history.attested(Fact(body.group_id, since, actor.party_id))
    if "operator" not in actor.roles and not (_is_alone(state, party) and after.now() == body.group_id):
        return refuse(Code.ROLE_NOT_ALLOWED, needs="operator", group_id=party.group_id)
    if history.at(since) == body.group_id:
        return refuse(Code.ALREADY_EXISTS, party_id=body.party_id, group_id=body.group_id)
    if since > at.time:
        return refuse(Code.PERIOD_NOT_VALID, field="since")
    most = state.rules.max_attestations
    if history.attested_by(actor.party_id) >= most:
        return refuse(Code.OVER_LIMIT, field="party_id", limit=most)
    refused = group_is_full(state, after.now(), joins=after.now() != party.group_id) or not_separate(
        state, Held(Duty.ATTESTER, actor.party_id), Held(Duty.ATTESTED, body.party_id)
    )
    return refused or [
        GroupAttested(
            party_id=body.party_id,
            group_id=body.group_id,
            since=since,
            source=body.source,
            attested_by=actor.party_id,
            group_after=after.now(),
        )
    ]


def group_is_full(state: IssuanceState, group_id: str, *, joins: bool = True) -> Refusal | None:
    """Why no further party may join the group; None if one may, or none does."""
    most = state.rules.max_parties_per_group
    if not joins or most is None or state.directory.size(group_id) < most:
        return None
    return refuse(Code.OVER_LIMIT, field="group_id", limit=most)


def _is_alone(state: IssuanceState, party: Party) -> bool:
    return state.directory.size(party.group_id) == 1
