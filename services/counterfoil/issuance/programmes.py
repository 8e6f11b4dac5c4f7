"""Issuance's state, and what it decides of programmes, their budgets and providers.

Conservation per programme, at every index: appropriated + recycled = issued + uncommitted, and uncommitted >= 0. What
was issued to one group of related parties counts towards its cap for good, whatever becomes of the vouchers.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Literal

from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import dump_body
from counterfoil.contract.ensure import ensure
from counterfoil.contract.limits import MAX_AMOUNT, MAX_CLASSES, MAX_REGIONS, MIN_WINDOW
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import FixedExpiry
from counterfoil.contract.times import SECOND
from counterfoil.core.decider import At, Decision, ServiceState, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import AppropriateBudget, ListProvider, PublishProgramme
from counterfoil.issuance.events import BudgetAppropriated, BudgetRecycled, ProgrammePublished, ProviderListed

VoucherStatus = Literal["active", "suspended", "revoked"]


class Programme:
    """A programme: `rules` is its current version. Its listed providers, its totals, and the totals per group."""

    __slots__ = ("appropriated", "group_issued", "issued", "providers", "recycled", "rules", "vouchers_issued")

    def __init__(self, rules: ProgrammePublished) -> None:
        self.rules = rules
        self.appropriated = self.recycled = self.issued = self.vouchers_issued = 0
        self.providers: set[str] = set()
        self.group_issued: dict[str, int] = {}

    @property
    def uncommitted(self) -> int:
        """What may still be issued."""
        return self.appropriated + self.recycled - self.issued

    def is_open(self, time: int) -> bool:
        """Whether vouchers may be issued at `time`, and would not be born expired."""
        return self.rules.valid_from <= time < self.rules.valid_until and time < self.expires_at(time)

    def expires_at(self, time: int) -> int:
        """When a voucher issued at `time` ends."""
        expiry = self.rules.expiry
        return expiry.at if isinstance(expiry, FixedExpiry) else time + expiry.after_seconds * SECOND

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records; the rules are stated by their hash."""
        programme_id = self.rules.programme_id
        rules = [self.rules.issuer_id, self.rules.version, self.rules.rules_hash.hex()]
        totals = [str(self.appropriated), str(self.recycled), str(self.issued), self.vouchers_issued]
        yield f"programme/{programme_id}", [*rules, *totals]
        for provider_id in sorted(self.providers):
            yield f"listing/{programme_id}/{provider_id}", True
        for group_id, issued in self.group_issued.items():
            yield f"group/{programme_id}/{group_id}", str(issued)


class Voucher:
    """A voucher until the ledger reports its end."""

    __slots__ = ("beneficiary_id", "expires_at", "programme_id", "status")

    def __init__(self, programme_id: str, beneficiary_id: str, expires_at: int) -> None:
        self.programme_id, self.beneficiary_id, self.expires_at = programme_id, beneficiary_id, expires_at
        self.status: VoucherStatus = "active"


class State(ServiceState):
    """Issuance's whole state. `key_ids`, `open_vouchers` (by beneficiary) and `committed` sum up the other members."""

    __slots__ = ("classes", "committed", "key_ids", "open_vouchers", "programmes", "vouchers")

    def __init__(self) -> None:
        super().__init__()
        self.key_ids: set[str] = set()
        self.classes: dict[str, int] = {}
        self.programmes: dict[str, Programme] = {}
        self.vouchers: dict[str, Voucher] = {}
        self.open_vouchers: dict[str, int] = {}
        self.committed: dict[str, int] = {}  # by currency, over all programmes: appropriated + issued

    def room(self, currency: str) -> int:
        """How much more may be appropriated or issued before a counter of the ledger could overflow.

        Everything issued may come back, and claims and settlements add up over the programmes of a currency, so the
        ledger may have to count up to appropriated + issued of all of them.
        """
        return MAX_AMOUNT - self.committed.get(currency, 0)

    def commit(self, currency: str, amount: int) -> None:
        """Count an appropriation or an issue."""
        self.committed[currency] = self.committed.get(currency, 0) + amount

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records; a class's record is its last version."""
        yield from self.common_records()
        for class_id, version in self.classes.items():
            yield f"class/{class_id}", version
        for programme in self.programmes.values():
            yield from programme.records()
        for voucher_id, voucher in self.vouchers.items():
            terms = [voucher.programme_id, voucher.beneficiary_id, voucher.expires_at]
            yield f"voucher/{voucher_id}", [*terms, voucher.status]


# decide -------------------------------------------------------------------------------------------------------------


def publish_programme(state: State, body: PublishProgramme, actor: Party, _at: At) -> Decision:
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


def own_programme(state: State, programme_id: str, actor: Party) -> Programme | Refusal:
    """The programme, if it exists and is the actor's."""
    programme = state.programmes.get(programme_id)
    if programme is None:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=programme_id)
    if programme.rules.issuer_id != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=programme_id)
    return programme


def appropriate_budget(state: State, body: AppropriateBudget, actor: Party, _at: At) -> Decision:
    """More budget for a programme of the actor's."""
    programme = own_programme(state, body.programme_id, actor)
    if isinstance(programme, Refusal):
        return programme
    room = state.room(programme.rules.currency)
    if body.amount > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=room)
    return [
        BudgetAppropriated(
            programme_id=body.programme_id,
            amount=body.amount,
            document=body.document,
            uncommitted_after=programme.uncommitted + body.amount,
        )
    ]


def list_provider(state: State, body: ListProvider, actor: Party, _at: At) -> Decision:
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


# evolve -------------------------------------------------------------------------------------------------------------


def programme_published(state: State, event: ProgrammePublished, _at: At) -> None:
    """Apply a programme version; totals, listings and vouchers stay."""
    programme = state.programmes.get(event.programme_id)
    if programme is None:
        state.programmes[event.programme_id] = Programme(event)
    else:
        programme.rules = event


def budget_appropriated(state: State, event: BudgetAppropriated, _at: At) -> None:
    """Apply an appropriation."""
    programme = state.programmes[event.programme_id]
    programme.appropriated += event.amount
    state.commit(programme.rules.currency, event.amount)
    ensure(programme.uncommitted == event.uncommitted_after, f"budget of {event.programme_id} differs")


def budget_recycled(state: State, event: BudgetRecycled, _at: At) -> None:
    """Apply value that came back."""
    programme = state.programmes[event.programme_id]
    programme.recycled += event.amount
    ensure(programme.uncommitted == event.uncommitted_after, f"budget of {event.programme_id} differs")


def provider_listed(state: State, event: ProviderListed, _at: At) -> None:
    """Apply a listing."""
    state.programmes[event.programme_id].providers.add(event.provider_id)
