"""Programme versions, and the providers that a programme accepts."""

from __future__ import annotations

from hashlib import sha256

from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import dump_body
from counterfoil.contract.limits import (
    MAX_CLASSES,
    MAX_REGIONS,
    MIN_WINDOW,
)
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import FixedExpiry
from counterfoil.contract.times import SECOND
from counterfoil.core.decider import At, Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import (
    ListProvider,
    PublishProgramme,
)
from counterfoil.issuance.events import (
    ProgrammePublished,
    ProviderListed,
)
from counterfoil.issuance.state import IssuanceState, Programme


def publish_programme(state: IssuanceState, body: PublishProgramme, actor: Party, _at: At) -> Decision:
    """A first or further version; an issuer may change the rules of its own programmes for vouchers to come."""
    unknown = [class_id for class_id in body.classes if class_id not in state.classes]
    if unknown:
        return refuse(Code.UNKNOWN_CLASS, class_id=unknown[0])
    programme = state.programmes.get(body.programme_id)
    if programme is not None and programme.rules.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=body.programme_id)
    last = 0 if programme is None else programme.rules.version
    if body.version != last + 1:
        return refuse(Code.VERSION_NOT_NEXT, next=last + 1)
    if not 0 < body.share.num <= body.share.den:
        return refuse(Code.RATE_NOT_A_SHARE, share=f"{body.share.num}/{body.share.den}")
    refused = _unfit_period(body) or _unfit_lists(body)
    if refused is not None:
        return refused
    if programme is not None and programme.rules.currency != body.currency:
        return refuse(Code.CURRENCY_MISMATCH, currency=programme.rules.currency)
    return [
        ProgrammePublished(
            programme_id=body.programme_id,
            version=body.version,
            rules_hash=sha256(canonical(dump_body(body))).digest(),
            issuer_id=actor.party_id,
            title=body.title,
            legal_basis=body.legal_basis,
            currency=body.currency,
            share=body.share,
            beneficiary_cap=body.beneficiary_cap,
            classes=body.classes,
            regions=body.regions,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            expiry=body.expiry,
            recycle=body.recycle,
            hold_tolls_expiry=body.hold_tolls_expiry,
            report_within_seconds=body.report_within_seconds,
            dispute_window_seconds=body.dispute_window_seconds,
        )
    ]


def _unfit_period(body: PublishProgramme) -> Refusal | None:
    if body.valid_from >= body.valid_until:
        return refuse(Code.PERIOD_NOT_VALID, field="valid_until")
    if isinstance(body.expiry, FixedExpiry):
        lasts = body.expiry.at > body.valid_from
    else:
        lasts = body.expiry.after_seconds > 0
    if not lasts:
        return refuse(Code.PERIOD_NOT_VALID, field="expiry")
    for field in ("report_within_seconds", "dispute_window_seconds"):
        if getattr(body, field) * SECOND < MIN_WINDOW:
            return refuse(Code.PERIOD_NOT_VALID, field=field, minimum_seconds=MIN_WINDOW // SECOND)
    return None


def _unfit_lists(body: PublishProgramme) -> Refusal | None:
    lists = (("classes", body.classes, MAX_CLASSES), ("regions", body.regions, MAX_REGIONS))
    for field, items, _ in lists:
        if len(set(items)) < len(items):
            return refuse(Code.DUPLICATE_ITEM, field=field)
    for field, items, _ in lists:
        if not items:
            return refuse(Code.EMPTY_LIST, field=field)
    for field, items, most in lists:
        if len(items) > most:
            return refuse(Code.OVER_LIMIT, field=field, limit=most)
    return None


def own_programme(state: IssuanceState, programme_id: str, actor: Party) -> Programme | Refusal:
    """The programme, if it exists and is the actor's."""
    programme = state.programmes.get(programme_id)
    if programme is None:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=programme_id)
    if programme.rules.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=programme_id)
    return programme


def list_provider(state: IssuanceState, body: ListProvider, actor: Party, _at: At) -> Decision:
    """Accredit a provider for a programme of the actor's."""
    provider = state.directory.parties.get(body.provider_id)
    if provider is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.provider_id)
    programme = own_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if body.provider_id in programme.providers:
        return refuse(Code.PROVIDER_ALREADY_LISTED, provider_id=body.provider_id)
    if "provider" not in provider.roles:
        return refuse(Code.PARTY_NOT_A_PROVIDER, provider_id=body.provider_id)
    return [ProviderListed(programme_id=body.programme_id, provider_id=body.provider_id)]


def programme_published(state: IssuanceState, event: ProgrammePublished, _at: At) -> None:
    """Apply a programme version; totals, listings and vouchers stay."""
    programme = state.programmes.get(event.programme_id)
    if programme is None:
        state.programmes[event.programme_id] = Programme(event)
    else:
        programme.rules = event


def provider_listed(state: IssuanceState, event: ProviderListed, _at: At) -> None:
    """Apply a listing."""
    state.programmes[event.programme_id].providers.add(event.provider_id)
