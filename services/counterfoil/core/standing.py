"""Whether a party takes part in the market: one that is closed or suspended only ends what it has under way."""

from __future__ import annotations

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import refuse
from counterfoil.core.directory import Party


def not_taking_part(party: Party) -> Refusal | None:
    """Why the party begins nothing, and nothing is begun with it; None if it takes part."""
    if party.closed:
        return refuse(Code.PARTY_CLOSED, party_id=party.party_id)
    return refuse(Code.PARTY_SUSPENDED, party_id=party.party_id) if party.suspended else None
