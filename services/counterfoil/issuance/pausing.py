"""What stops for a time, or for good, in public: a party, a provider in a programme, a programme.

Whoever is stopped ends what it has under way, and contracts run on; nothing new begins. What follows in other logs is
decided there: orders leave the book (`matching/leaving.py`), claims wait (`redemption/claims.py`).
"""

from __future__ import annotations

from counterfoil.contract.events import PartyReinstated, PartySuspended
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.programmes import Listing
from counterfoil.issuance.commands import (
    DelistProvider,
    PauseProgramme,
    ReinstateParty,
    ReinstateProvider,
    ResumeProgramme,
    SuspendParty,
    SuspendProvider,
)
from counterfoil.issuance.events import (
    ProgrammePaused,
    ProgrammeResumed,
    ProviderDelisted,
    ProviderReinstated,
    ProviderSuspended,
)
from counterfoil.issuance.programmes import live_programme
from counterfoil.issuance.run_off_events import CreditPaused, CreditResumed
from counterfoil.issuance.state import IssuanceState


def suspend_party(state: IssuanceState, body: SuspendParty, _actor: Party, _at: At) -> Decision:
    """Stop a party; never the root operator, who reinstates whom another operator suspended."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if body.party_id == state.root_operator():
        return refuse(Code.ROOT_OPERATOR, party_id=body.party_id)
    if party.suspended:
        return refuse(Code.PARTY_SUSPENDED, party_id=body.party_id)
    return [PartySuspended(party_id=body.party_id, reason=body.reason)]


def reinstate_party(state: IssuanceState, body: ReinstateParty, _actor: Party, _at: At) -> Decision:
    """Lift a party's suspension."""
    party = state.directory.parties.get(body.party_id)
    if party is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if not party.suspended:
        return refuse(Code.PARTY_NOT_SUSPENDED, party_id=body.party_id)
    return [PartyReinstated(party_id=body.party_id, reason=body.reason)]


def delist_provider(state: IssuanceState, body: DelistProvider, actor: Party, _at: At) -> Decision:
    """Strike a provider, suspended or not, off one of the actor's programmes."""
    listing = _listing(state, body, actor)
    if isinstance(listing, Refusal):
        return listing
    return [ProviderDelisted(programme_id=body.programme_id, provider_id=body.provider_id, reason=body.reason)]


def suspend_provider(state: IssuanceState, body: SuspendProvider, actor: Party, _at: At) -> Decision:
    """Stop a provider in one of the actor's programmes."""
    listing = _listing(state, body, actor)
    if isinstance(listing, Refusal):
        return listing
    if listing == "suspended":
        return refuse(Code.PROVIDER_SUSPENDED, provider_id=body.provider_id)
    return [ProviderSuspended(programme_id=body.programme_id, provider_id=body.provider_id, reason=body.reason)]


def reinstate_provider(state: IssuanceState, body: ReinstateProvider, actor: Party, _at: At) -> Decision:
    """Lift a provider's suspension in one of the actor's programmes."""
    listing = _listing(state, body, actor)
    if isinstance(listing, Refusal):
        return listing
    if listing != "suspended":
        return refuse(Code.PROVIDER_NOT_SUSPENDED, provider_id=body.provider_id)
    return [ProviderReinstated(programme_id=body.programme_id, provider_id=body.provider_id, reason=body.reason)]


def pause_programme(state: IssuanceState, body: PauseProgramme, actor: Party, _at: At) -> Decision:
    """Stop one of the actor's programmes."""
    programme = live_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if programme.paused:
        return refuse(Code.PROGRAMME_PAUSED, programme_id=body.programme_id)
    paused = ProgrammePaused(programme_id=body.programme_id, reason=body.reason)
    return [paused, CreditPaused(programme_id=body.programme_id)] if _trades_credit(state) else [paused]


def resume_programme(state: IssuanceState, body: ResumeProgramme, actor: Party, _at: At) -> Decision:
    """Let one of the actor's programmes go on."""
    programme = live_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if not programme.paused:
        return refuse(Code.PROGRAMME_NOT_PAUSED, programme_id=body.programme_id)
    resumed = ProgrammeResumed(programme_id=body.programme_id, reason=body.reason)
    return [resumed, CreditResumed(programme_id=body.programme_id)] if _trades_credit(state) else [resumed]


def _trades_credit(state: IssuanceState) -> bool:
    """Whether the ledger has books of credit, and has to hear of a pause by an event that it consumes."""
    return bool(state.rules.max_credit_orders_per_group)


def _listing(
    state: IssuanceState, body: DelistProvider | SuspendProvider | ReinstateProvider, actor: Party
) -> Listing | Refusal:
    """How the actor's programme has listed the provider."""
    programme = live_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    listing = state.listings.get((body.programme_id, body.provider_id))
    return refuse(Code.PROVIDER_NOT_LISTED, provider_id=body.provider_id) if listing is None else listing


# evolve -------------------------------------------------------------------------------------------------------------


def credit_told(_state: IssuanceState, _event: CreditPaused | CreditResumed, _at: At) -> None:
    """Changes nothing: the ledger mirrors it."""


def provider_delisted(state: IssuanceState, event: ProviderDelisted, _at: At) -> None:
    """Apply the end of a listing."""
    del state.listings[event.programme_id, event.provider_id]


def provider_suspended(state: IssuanceState, event: ProviderSuspended, _at: At) -> None:
    """Apply a provider's suspension."""
    state.listings[event.programme_id, event.provider_id] = "suspended"


def provider_reinstated(state: IssuanceState, event: ProviderReinstated, _at: At) -> None:
    """Apply the end of a provider's suspension."""
    state.listings[event.programme_id, event.provider_id] = "listed"


def programme_paused(state: IssuanceState, event: ProgrammePaused, _at: At) -> None:
    """Apply a pause."""
    state.programmes.edit(event.programme_id).paused = True


def programme_resumed(state: IssuanceState, event: ProgrammeResumed, _at: At) -> None:
    """Apply the end of a pause."""
    state.programmes.edit(event.programme_id).paused = False
    for window_id in state.windows.by_programme.get(event.programme_id, ()):
        state.windows.index(window_id)
    state.look_through(event.programme_id)
