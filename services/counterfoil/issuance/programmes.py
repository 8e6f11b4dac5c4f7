"""Programme versions, and the providers that a programme accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final, cast

from counterfoil.contract.canonical import canonical
from counterfoil.contract.events import ProgrammePublished, ProgrammePublishedV1, Published
from counterfoil.contract.forms import dump
from counterfoil.contract.limits import MAX_NAME
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.contract.times import DAY, SECOND
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.core.paper import unknown_currency
from counterfoil.core.rule_fields import Rules
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.aid import differs
from counterfoil.issuance.commands import (
    DemandFourEyes,
    ListProvider,
    PublishProgramme,
    PublishProgrammeV1,
)
from counterfoil.issuance.events import (
    FourEyesDemanded,
    ProviderListed,
)
from counterfoil.issuance.state import IssuanceState, Programme
from counterfoil.issuance.words import ALL
from counterfoil.programme.findings import NEW_IN_10, Finding
from counterfoil.programme.form.document import Document
from counterfoil.programme.form.identity import MoneyUnit
from counterfoil.programme.lint import lint, lint_change
from counterfoil.programme.reading import BadDocument, read_bytes
from counterfoil.programme.rules import Rules as DocumentRules
from counterfoil.programme.rules import rules_of
from counterfoil.programme.terms import issues, needs_project
from counterfoil.programme.tranches import MAX_TRANCHES

_WHERE: Final = 80
"""Characters of a place in a document that a refusal names: its outcome has to fit into a batch."""


def publish_programme(state: IssuanceState, body: PublishProgramme, actor: Party, at: At) -> Decision:
    """A first or further version, as a document of the actor's lays down whose pieces are all there."""
    before = state.programmes.get(body.programme_id)
    if before is not None and before.current.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=body.programme_id)
    if (ending := state.phases.grants_nothing(body.programme_id)) is not None:
        return ending
    document_id = state.documents.find(actor.party_id, body.document_sha256)
    missing = None if document_id is None else next(state.documents.missing(document_id), None)
    if document_id is None or missing is not None:
        return refuse(Code.DOCUMENT_INCOMPLETE, piece=missing or 0)
    try:
        rules = rules_of(read_bytes(state.documents.data(document_id)))
    except BadDocument as problem:
        return refuse(Code.DOCUMENT_MALFORMED, why=problem.code, where=problem.where[:_WHERE])
    document = rules.document
    if not state.rules.keeps_aid and (unknown := _of_later_rules(document)) is not None:
        return unknown
    if (unfit := _unfit_life(state, document) or _unfit_conversion(state, document)) is not None:
        return unfit
    if document.id != body.programme_id:
        return refuse(Code.DOCUMENT_MALFORMED, why="other_programme", where="id")
    named = [*document.scope.classes] if not isinstance(document.scope.classes, str) else []
    found = lint(rules)
    if not state.rules.converts_by_provider:
        found = tuple(each for each in found if each.code not in NEW_IN_10)
    if before is not None:
        found += lint_change(state.documents.terms(before.current), rules)
    refused = (
        _unknown_classes(state, named)
        or (unknown_currency(state, rules.currency) if isinstance(document.unit, MoneyUnit) else None)
        or _not_next(state, before, document.version, rules.currency)
        or _contradictory(found)
        or differs(state, rules, rules.day(at.time))
        or _dead_from_the_start(rules)
    )
    if refused is not None:
        return refused
    warnings = sorted({each.code for each in found})
    return not_separate(state, Held(Duty.ISSUER, actor.party_id), *_auditors(state, body.programme_id, actor)) or [
        ProgrammePublished(
            programme_id=body.programme_id,
            version=document.version,
            issuer_id=actor.party_id,
            document_id=document_id,
            rules_hash=rules.digest,
            title=rules.title[:MAX_NAME],
            unit=rules.unit,
            warnings=tuple(warnings),
        )
    ]


def _of_later_rules(document: Document) -> Refusal | None:
    """Whether a document says what rules before version 7 had no member for: it was refused as unknown."""
    for index, each in enumerate(document.benefit.regimes):
        if each.excess is not None or each.unspent is not None:
            return refuse(Code.DOCUMENT_MALFORMED, why="malformed", where=f"benefit.regimes[{index}]")
    return None


def _unfit_life(state: IssuanceState, document: Document) -> Refusal | None:
    """Whether a document has more parts of a voucher than an entry holds, or says what rules before version 8 lack."""
    parts, expiry = document.benefit.tranches, document.expiry
    if state.rules.releases_tranches:
        stranger = next((each for each in (part.attested_by for part in parts) if _unknown(state, each)), None)
        if stranger is not None:
            return refuse(Code.UNKNOWN_PARTY, party_id=stranger)
        many = len(parts) > MAX_TRANCHES
        return refuse(Code.OVER_LIMIT, field="benefit.tranches", limit=MAX_TRANCHES) if many else None
    for index, each in enumerate(parts):
        if each.attested_by is not None or each.release_on == "FORMER_USED" or each.used_share is not None:
            place = ".release_on" if each.attested_by is None and each.release_on == "FORMER_USED" else ""
            return refuse(Code.DOCUMENT_MALFORMED, why="malformed", where=f"benefit.tranches[{index}]{place}")
    if expiry.extensions is not None or expiry.extension_grounds is not None:
        return refuse(Code.DOCUMENT_MALFORMED, why="malformed", where="expiry")
    return None


def _unfit_conversion(state: IssuanceState, document: Document) -> Refusal | None:
    """Whether a document converts by a fraction, which rules before version 10 did not know."""
    if state.rules.converts_by_provider:
        return None
    for index, each in enumerate(document.conversions):
        if "/" in each.rate:
            return refuse(Code.DOCUMENT_MALFORMED, why="malformed", where=f"conversions[{index}].rate")
    return None


def _unknown(state: IssuanceState, party_id: str | None) -> bool:
    return party_id is not None and party_id not in state.directory.parties


def _contradictory(found: tuple[Finding, ...]) -> Refusal | None:
    for each in found:
        if each.severity == "error":
            where = each.places[0] if each.places else ""
            return refuse(Code.PROGRAMME_CONTRADICTORY, finding=each.code, where=where[:_WHERE])
    return None


def _dead_from_the_start(rules: DocumentRules) -> Refusal | None:
    """Whether a voucher that is issued on the first day would be expired or offline from the start."""
    if needs_project(rules):
        return None
    start = cast("int", rules.valid.start) * DAY - rules.offset
    return None if issues(rules, start) else refuse(Code.PERIOD_NOT_VALID, field="expiry")


def _unknown_classes(state: IssuanceState, classes: Iterable[str]) -> Refusal | None:
    unknown = [class_id for class_id in classes if class_id not in state.classes]
    return refuse(Code.UNKNOWN_CLASS, class_id=unknown[0]) if unknown else None


def _not_next(state: IssuanceState, before: Programme | None, version: int, currency: str) -> Refusal | None:
    """Whether a version does not follow the last one of its programme, in its currency."""
    last = 0 if before is None else before.current.version
    if version != last + 1:
        return refuse(Code.VERSION_NOT_NEXT, next=last + 1)
    if before is not None and (known := state.documents.terms(before.current).currency) != currency:
        return refuse(Code.CURRENCY_MISMATCH, currency=known)
    return None


def publish_programme_v1(state: IssuanceState, body: PublishProgrammeV1, actor: Party, _at: At) -> Decision:
    """A first or further version; an issuer may change the terms of its own programmes for vouchers to come."""
    terms = body.terms
    unknown = [class_id for class_id in terms.classes if class_id not in state.classes]
    if unknown:
        return refuse(Code.UNKNOWN_CLASS, class_id=unknown[0])
    if (no_currency := unknown_currency(state, terms.currency)) is not None:
        return no_currency
    programme = state.programmes.get(body.programme_id)
    if programme is not None and programme.current.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=body.programme_id)
    if (ending := state.phases.grants_nothing(body.programme_id)) is not None:
        return ending
    last = 0 if programme is None else programme.current.version
    if body.version != last + 1:
        return refuse(Code.VERSION_NOT_NEXT, next=last + 1)
    if not 0 < terms.share.num <= terms.share.den:
        return refuse(Code.RATE_NOT_A_SHARE, share=f"{terms.share.num}/{terms.share.den}")
    refused = _unfit_period(terms, state.rules) or unfit_lists(
        Listed("classes", terms.classes, state.rules.max_classes),
        Listed("regions", terms.regions, state.rules.max_regions),
    )
    if refused is not None:
        return refused
    if programme is not None and (currency := state.terms(body.programme_id).currency) != terms.currency:
        return refuse(Code.CURRENCY_MISMATCH, currency=currency)
    if state.rules.minimum_face and terms.min_face > terms.beneficiary_cap:
        return refuse(Code.MINIMUM_EXCEEDS_QUANTITY, field="min_face")
    return not_separate(state, Held(Duty.ISSUER, actor.party_id), *_auditors(state, body.programme_id, actor)) or [
        ProgrammePublishedV1(
            programme_id=body.programme_id,
            version=body.version,
            issuer_id=actor.party_id,
            terms_hash=sha256(canonical(dump(terms))).digest(),
            terms=terms,
        )
    ]


def _auditors(state: IssuanceState, programme_id: str, issuer: Party) -> Iterator[Held]:
    """The auditors of a programme, or of all, that are related to its issuer."""
    for each in sorted(state.auditors_of(programme_id) | state.auditors_of(ALL)):
        if state.directory.related(issuer.party_id, each):
            yield Held(Duty.AUDITOR, each)


def _unfit_period(terms: ProgrammeTerms, rules: Rules) -> Refusal | None:
    if terms.valid_from >= terms.valid_until:
        return refuse(Code.PERIOD_NOT_VALID, field="valid_until")
    if not issues(terms, terms.valid_from):
        return refuse(Code.PERIOD_NOT_VALID, field="expiry")
    shortest = rules.min_window
    for field in ("report_within_seconds", "dispute_window_seconds"):
        if getattr(terms, field) * SECOND < shortest:
            return refuse(Code.PERIOD_NOT_VALID, field=field, minimum_seconds=shortest // SECOND)
    return None


def own_programme(state: IssuanceState, programme_id: str, actor: Party) -> Programme | Refusal:
    """The programme, if it exists and is the actor's."""
    programme = state.programmes.get(programme_id)
    if programme is None:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=programme_id)
    if programme.current.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=programme_id)
    return programme


def live_programme(state: IssuanceState, programme_id: str, actor: Party) -> Programme | Refusal:
    """The same, unless it is closed."""
    found = own_programme(state, programme_id, actor)
    return found if isinstance(found, Refusal) else state.phases.shut(programme_id) or found


def growing_programme(state: IssuanceState, programme_id: str, actor: Party) -> Programme | Refusal:
    """The same, unless it grants nothing new."""
    found = own_programme(state, programme_id, actor)
    return found if isinstance(found, Refusal) else state.phases.grants_nothing(programme_id) or found


def list_provider(state: IssuanceState, body: ListProvider, actor: Party, _at: At) -> Decision:
    """Accredit a provider for one of the actor's programmes."""
    provider = state.directory.parties.get(body.provider_id)
    if provider is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.provider_id)
    if (refused := not_taking_part(provider)) is not None:
        return refused
    programme = live_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if (body.programme_id, body.provider_id) in state.listings:
        return refuse(Code.PROVIDER_ALREADY_LISTED, provider_id=body.provider_id)
    if "provider" not in provider.roles:
        return refuse(Code.PARTY_NOT_A_PROVIDER, provider_id=body.provider_id)
    held = Held(Duty.PROVIDER, body.provider_id)
    return not_separate(state, held, *duties_in(state, programme, body.provider_id)) or [
        ProviderListed(programme_id=body.programme_id, provider_id=body.provider_id)
    ]


def demand_four_eyes(state: IssuanceState, body: DemandFourEyes, actor: Party, _at: At) -> Decision:
    """Demand two signatories for an act in one of the actor's programmes; a thief of one key could take it back."""
    programme = live_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    if (body.programme_id, body.act) in state.four_eyes:
        return refuse(Code.ALREADY_EXISTS, programme_id=body.programme_id, act=body.act)
    return [FourEyesDemanded(programme_id=body.programme_id, act=body.act)]


def duties_in(state: IssuanceState, programme: Programme, party_id: str) -> Iterator[Held]:
    """The duties in a programme of its issuer, of a party, and of the parties related to that."""
    programme_id = programme.current.programme_id
    yield Held(Duty.ISSUER, programme.current.issuer_id)
    for each in sorted(state.directory.related_to(party_id)):
        if (programme_id, each) in state.listings:
            yield Held(Duty.PROVIDER, each)
        if (programme_id, each) in state.issued_to:
            yield Held(Duty.BENEFICIARY, each)
        if each in state.auditors_of(programme_id) or each in state.auditors_of(ALL):
            yield Held(Duty.AUDITOR, each)


# evolve -------------------------------------------------------------------------------------------------------------


def programme_published(state: IssuanceState, event: Published, _at: At) -> None:
    """Apply a programme version; totals, listings and vouchers stay."""
    if isinstance(event, ProgrammePublished):
        state.documents.published(event)
        state.documents_due.ended()
    if event.programme_id in state.programmes:
        state.programmes.edit(event.programme_id).current = event
    else:
        state.programmes[event.programme_id] = Programme(event)
    state.aids.named(event.programme_id, state.terms(event.programme_id))


def four_eyes_demanded(state: IssuanceState, event: FourEyesDemanded, _at: At) -> None:
    """Apply a demand."""
    state.four_eyes[event.programme_id, event.act] = True


def provider_listed(state: IssuanceState, event: ProviderListed, _at: At) -> None:
    """Apply a listing."""
    state.listings[event.programme_id, event.provider_id] = "listed"
