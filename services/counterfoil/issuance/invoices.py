"""Claims on invoices: what a voucher pays of them by its programme's document, instead of a purchase on the market.

An invoice is claimed once, in all programmes. What is due is taken of the voucher by the ledger; what of it is not
paid in the end is counted back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from counterfoil.contract.applications import ApplicationLine, FactGiven, PayerShare
from counterfoil.contract.ensure import ensure
from counterfoil.contract.invoices import (
    CapCounted,
    ClaimBasis,
    Evidence,
    InScope,
    Invoice,
    LineSeen,
    TierUsed,
    invoice_key,
)
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import CountingEvent
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.hidden import not_yours
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.aid import entries, freed
from counterfoil.issuance.claimed import Claimed, Permit, Purpose
from counterfoil.issuance.controlling import dependent
from counterfoil.issuance.facts import given, heard
from counterfoil.issuance.invoice_commands import ClaimInvoice, PermitClaim
from counterfoil.issuance.invoice_events import ClaimCountedBack, ClaimPermitted, InvoiceClaimed, InvoiceDue
from counterfoil.issuance.judging import (
    FACTS_BYTES,
    counting_days,
    explained,
    first_used,
    fitting,
    history_of,
    moves,
    plain,
    too_large,
)
from counterfoil.issuance.laws import CURRENCY, lawful, unlawful
from counterfoil.issuance.state import Grant, IssuanceState, Voucher
from counterfoil.ledger.events import ClaimReleased
from counterfoil.ledger.invoice_events import InvoiceRefused, InvoiceReturned
from counterfoil.programme.benefit import Evaluation, evaluate
from counterfoil.programme.case import History
from counterfoil.programme.claiming import ON_VOUCHER, asked_of, by_invoice, case_of
from counterfoil.programme.form.benefit import Scope
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import least_spent
from counterfoil.programme.values import floor_of
from counterfoil.programme.windows import is_taken
from counterfoil.redemption.closing_events import ClaimLapsed

_SAID: Final = 120
"""Characters of a reason that a refusal has: its outcome has to fit into a batch."""


class Asked(NamedTuple):
    """A voucher of which something is claimed, what it is for, by which rules, and whose it is.

    `permitted`: so much may be claimed of it by a provider; None: its holder claims.
    """

    voucher: Voucher
    purpose: Purpose
    rules: Rules
    holder: Party
    permitted: int | None


def permit_claim(state: IssuanceState, body: PermitClaim, actor: Party, at: At) -> Decision:
    """Let a provider claim of the actor's voucher."""
    asked = _asked(state, body.voucher_id, actor, at, "PROVIDER")
    if isinstance(asked, Refusal):
        return asked
    provider = state.directory.parties.get(body.provider_id)
    if provider is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.provider_id)
    if "provider" not in provider.roles:
        return refuse(Code.PARTY_NOT_A_PROVIDER, party_id=body.provider_id)
    if state.rules.exits and (stopped := not_taking_part(provider)) is not None:
        return stopped
    return [
        ClaimPermitted(
            voucher_id=body.voucher_id, programme_id=asked.voucher.programme_id, holder_id=actor.party_id,
            provider_id=body.provider_id, amount=body.amount,
        )
    ]  # fmt: skip


def claim_invoice(state: IssuanceState, body: ClaimInvoice, actor: Party, at: At) -> Decision:
    """Claim what the programme pays of an invoice."""
    permit = state.claims.permits.get((body.voucher_id, actor.party_id))
    holder = actor if permit is None else state.directory.parties[permit.holder_id]
    asked = _asked(state, body.voucher_id, holder, at, "BENEFICIARY" if permit is None else "PROVIDER")
    if isinstance(asked, Refusal):
        return asked
    if permit is not None:
        asked = asked._replace(permitted=permit.amount)
    day = asked.rules.day(at.time)
    refused = (
        _unfit(state, body, holder) or _out_of_time(asked.rules, body, day) or _of_the_other(state, asked, body, actor)
    )
    if refused is not None:
        return refused
    claim_id = at.new_id("inv")
    basis = _basis(state, asked, body, claim_id, day)
    try:
        judged = evaluate(asked.rules, case_of(asked.rules, basis, counts_asked=not state.rules.counts_granted))
    except ValueError as problem:
        return refuse(Code.NOT_GRANTED, why="facts_contradict", says=f"{problem}"[:_SAID])
    refused = _not_paid(asked.rules, body, judged) or _too_small(state, asked.rules, body, judged)
    return refused or _claimed(state, asked, body, actor, claim_id, basis, judged, at)


def _asked(state: IssuanceState, voucher_id: str, holder: Party, at: At, claimant: str) -> Asked | Refusal:
    """The voucher, if it is the holder's, and its document lets such a claimant claim."""
    voucher, purpose = state.vouchers.get(voucher_id), state.claims.purposes.get(voucher_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=voucher_id)
    rules = None if purpose is None else state.rules_under(purpose)
    rules = None if rules is None else lawful(state, rules, rules.day(at.time))
    stays = rules is None or rules.document.transfer.mode == "NONE"
    if stays and voucher.beneficiary_id != holder.party_id:  # who holds what was handed on, the ledger knows
        return not_yours(state.rules, Code.UNKNOWN_VOUCHER, voucher_id=voucher_id)
    if (shut := state.phases.shut(voucher.programme_id)) is not None:
        return shut
    if purpose is None or rules is None or not by_invoice(rules):
        return refuse(Code.NOT_CLAIMED_BY_INVOICE, why="not_by_invoice")
    if rules.document.redemption.claimant not in (claimant, "EITHER"):
        return refuse(Code.NOT_CLAIMED_BY_INVOICE, why="claimant")
    if (unlike := unlawful(state, rules, rules.day(at.time), CURRENCY)) is not None:
        return unlike  # what the voucher pays could not be added to what counts
    if voucher.status == "suspended":
        return refuse(Code.VOUCHER_SUSPENDED, voucher_id=voucher_id)
    if voucher.status in ("revoked", "returned"):
        return refuse(Code.VOUCHER_REVOKED, voucher_id=voucher_id)
    if voucher.status == "expired" or at.time >= voucher.expires_at:
        return refuse(Code.VOUCHER_EXPIRED, voucher_id=voucher_id)
    return Asked(voucher, purpose, rules, holder, None)


def _of_the_other(state: IssuanceState, asked: Asked, body: ClaimInvoice, actor: Party) -> Refusal | None:
    """Whether it is use of another provider than the one that claims, or the other side has claimed it."""
    providers = {each.provider_id for each in body.lines}
    if asked.permitted is not None and providers != {actor.party_id}:
        return refuse(Code.NOT_CLAIMED_BY_INVOICE, why="another_provider")
    starts, ends = used_in(body)
    others = (
        each
        for each in state.claims.of_holder(asked.voucher.programme_id, asked.holder.party_id)
        if each.claimant_id != actor.party_id and providers.intersection(each.providers)
    )
    if any(each.starts <= ends and starts <= each.ends for each in others):
        return refuse(Code.USE_ALREADY_CLAIMED, field="lines")
    return None


def _unfit(state: IssuanceState, body: ClaimInvoice, holder: Party) -> Refusal | None:
    most = state.rules.max_application_lines
    refused = unfit_lists(
        Listed("lines", [each.id for each in body.lines], most),
        Listed("other_support", [each.programme for each in body.other_support], most, may_be_empty=True),
        Listed("evidence", [(each.type, each.sha256) for each in body.evidence], most, may_be_empty=True),
    )
    if refused is not None:
        return refused
    for total in (sum(each.amount for each in body.lines), sum(each.quantity for each in body.lines)):
        if total > MAX_AMOUNT:
            return refuse(Code.AMOUNT_TOO_LARGE, amount=total, most=MAX_AMOUNT)
    for each in body.lines:
        if each.tax > each.amount:
            return refuse(Code.AMOUNT_TOO_LARGE, amount=each.tax, most=each.amount)
        if each.starts is None or each.ends is None or each.starts > each.ends:
            return refuse(Code.PERIOD_NOT_VALID, field="lines")
        if each.provider_id is not None and each.provider_id not in state.directory.parties:
            return refuse(Code.UNKNOWN_PARTY, party_id=each.provider_id)
    return not_free(state, body.invoice, body.lines, holder.party_id)


def not_free(
    state: IssuanceState, invoice: Invoice, lines: Sequence[ApplicationLine], beneficiary_id: str,
    claim_id: str | None = None,
) -> Refusal | None:  # fmt: skip
    """Whether another claim than `claim_id` has used an invoice, or credit notes left less of it than is claimed."""
    key = invoice_key(invoice).hex()
    if state.claims.is_taken(key, beneficiary_id, claim_id):
        return refuse(Code.INVOICE_ALREADY_CLAIMED, field="invoice")
    left = state.claims.left_of_invoices.get(key)
    over = left is not None and sum(each.amount for each in lines) > left
    return refuse(Code.EXCEEDS_INVOICE, left=left) if over else None


def _out_of_time(rules: Rules, body: ClaimInvoice, day: int) -> Refusal | None:
    """Whether the invoice or its use is of the future, or too old, or no claims are taken on the day."""
    redemption, ends = rules.document.redemption, used_in(body)[1]
    for field, last in (("invoice", body.invoice.issued_on), ("lines", ends)):
        if last > day:
            return refuse(Code.DATE_IN_FUTURE, field=field)
    within = redemption.claim_within_days
    if not is_taken(redemption.windows, day) or (within is not None and day > ends + within):
        return refuse(Code.CLAIMS_CLOSED)
    return None


def used_in(body: ClaimInvoice) -> tuple[int, int]:
    """The first and the last day of the use that is claimed."""
    return min(each.starts or 0 for each in body.lines), max(each.ends or 0 for each in body.lines)


def _not_paid(rules: Rules, body: ClaimInvoice, judged: Evaluation) -> Refusal | None:
    """Whether the rules pay nothing of it, or less than is claimed, or ask for evidence that is not there."""
    providers = {each.provider_id for each in body.lines}
    if len(providers) > 1 and any(rule.cap.scope == "PROVIDER" for rule in rules.caps):
        return refuse(Code.NOT_CLAIMED_BY_INVOICE, why="several_providers")
    if judged.refusal is not None:
        reason = judged.reason or judged.refusal
        return refuse(Code.NOT_GRANTED, why=reason.code, says=plain(reason.sentence)[:_SAID])
    if body.amount is not None and judged.subsidy < body.amount:
        return refuse(Code.NOT_GRANTED, why="more_than_is_paid", pays=judged.subsidy)
    return evidence_missing(rules, body.evidence, paid_itself=judged.co_payment > 0)


def _too_small(state: IssuanceState, rules: Rules, body: ClaimInvoice, judged: Evaluation) -> Refusal | None:
    """Whether the document lets nothing so small be claimed at once."""
    least = least_spent(rules) if state.rules.least_spent else 0
    small = (judged.subsidy if body.amount is None else body.amount) < least
    return refuse(Code.SPEND_TOO_SMALL, least=least) if small else None


def evidence_missing(rules: Rules, evidence: tuple[Evidence, ...], *, paid_itself: bool) -> Refusal | None:
    """Evidence that the document asks for and that is not there; `paid_itself`: that of the co-payment, too."""
    own = rules.document.benefit.co_payment
    wanted = [each.type for each in rules.document.redemption.evidence if each.required]
    wanted += own.proof if own is not None and paid_itself else ()
    shown = {each.type for each in evidence}
    missing = next((each for each in wanted if each not in shown), None)
    return None if missing is None else refuse(Code.EVIDENCE_MISSING, type=missing)


# what it is judged by -----------------------------------------------------------------------------------------------


def _basis(state: IssuanceState, asked: Asked, body: ClaimInvoice, claim_id: str, day: int) -> ClaimBasis:
    rules, purpose, holder = asked.rules, asked.purpose, asked.holder
    providers = tuple(dict.fromkeys(each.provider_id or claim_id for each in body.lines))
    subjects: dict[Scope, str] = {
        "PROGRAMME": asked.voucher.programme_id,
        "BENEFICIARY": holder.party_id,
        "GROUP": holder.group_id,
        "PROJECT": purpose.project,
        "CONTRACT": purpose.contract_key,
        "FUNDING_AWARD": purpose.award,
        "PROVIDER": providers[0] if len(providers) == 1 else claim_id,
    }
    limits = (left_of_voucher(state, body.voucher_id), asked.permitted, body.amount)
    return ClaimBasis(
        day=day,
        subjects=tuple(InScope(scope=scope, subject=subject) for scope, subject in subjects.items()),
        applied=purpose.applied,
        contract=purpose.contract,
        lines=body.lines,
        seen=tuple(_seen(state, asked, body, holder.party_id)),
        facts=fitting(dict.fromkeys(_facts(state, asked, body, holder.party_id, day)), FACTS_BYTES),
        other_support=body.other_support,
        caps=purpose.caps,
        counted=tuple(counted(state, rules, subjects, day, ON_VOUCHER)),
        used=tuple(
            TierUsed(tier=tier, on=on) for tier, on in first_used(state, rules, holder.party_id).items()
        ),
        most=min(each for each in limits if each is not None),
    )  # fmt: skip


def left_of_voucher(state: IssuanceState, voucher_id: str) -> int:
    """What was granted and is not claimed."""
    granted = state.grants.get(voucher_id)
    claimed = sum(each.left for each in state.claims.of(voucher_id))
    return 0 if granted is None else max(granted.left - claimed, 0)


def _seen(state: IssuanceState, asked: Asked, body: ClaimInvoice, holder_id: str) -> Iterator[LineSeen]:
    for each in body.lines:
        provider = each.provider_id
        listed = provider is not None and state.listings.get((asked.voucher.programme_id, provider)) == "listed"
        related = provider is not None and dependent(state, asked.rules, provider, holder_id)
        yield LineSeen(line=each.id, listed=listed, related=related)


def _facts(state: IssuanceState, asked: Asked, body: ClaimInvoice, holder_id: str, day: int) -> Iterator[FactGiven]:
    """What the rules ask for: of the holder now, of line and project as at the grant, of the line's provider now.

    What was attested of the holder at the grant counts, too, unless it was another's.
    """
    names, rules = asked_of(asked.rules), asked.rules
    lines = {each.id for each in body.lines}
    yield from given(rules, (each for each in heard(state, rules, holder_id, day) if each.name in names))
    kinds = rules.facts.kinds
    took_over = state.rules.judges_takers and holder_id != asked.voucher.beneficiary_id
    yield from (
        each
        for each in asked.purpose.facts
        if each.name in names
        and (each.line is None or each.line in lines)
        and not (took_over and kinds[each.name].of == "APPLICANT")
    )
    for line in body.lines:
        of_provider = () if line.provider_id is None else heard(state, rules, line.provider_id, day)
        facts = (each for each in of_provider if each.name in names and kinds[each.name].of == "PROVIDER")
        yield from given(rules, facts, line.id)


def counted(
    state: IssuanceState,
    rules: Rules,
    subjects: Mapping[Scope, str],
    day: int,
    counting: tuple[CountingEvent, ...],
    law_day: int | None = None,
) -> Iterator[CapCounted]:
    """What counts on a day towards limits for what a decision counts as."""
    law_day = day if law_day is None else law_day
    history = History(history_of(state, rules, subjects, law_day))
    days = counting_days(lawful(state, rules, law_day), day, law_day)
    limits: list[tuple[str, Scope, Sequence[CountingEvent]]] = [
        *((rule.cap.id, rule.cap.scope, rule.cap.counts) for rule in rules.caps),
        *((rule.key, rule.regime.unit, (rule.regime.counts_on,)) for rule in rules.regimes),
    ]
    for cap, scope, events in limits:
        for event in events:
            if event in counting:
                amount = history.total(cap, subjects[scope], event, days[cap])
                yield CapCounted(cap=cap, subject=subjects[scope], event=event, amount=amount)


def _claimed(
    state: IssuanceState, asked: Asked, body: ClaimInvoice, actor: Party, claim_id: str, basis: ClaimBasis,
    judged: Evaluation, at: At,
) -> Decision:  # fmt: skip
    rules, voucher = asked.rules, asked.voucher
    subjects = {each.scope: each.subject for each in basis.subjects}
    history = History(history_of(state, rules, subjects, basis.day))  # type: ignore[arg-type]
    counters = tuple(moves(state, rules, history, judged.counts, (), basis.day, basis.day))
    if too_large(judged, counters):
        return refuse(Code.AMOUNT_TOO_LARGE, amount=floor_of(judged.eligible), most=MAX_AMOUNT)
    claimed = InvoiceClaimed(
        claim_id=claim_id,
        programme_id=voucher.programme_id,
        version=asked.purpose.version,
        voucher_id=body.voucher_id,
        holder_id=asked.holder.party_id,
        claimant_id=actor.party_id,
        invoice=body.invoice,
        invoice_key=invoice_key(body.invoice),
        evidence=body.evidence,
        rules_hash=judged.digest,
        basis=basis,
        explanation=explained(judged),
        eligible=floor_of(judged.eligible),
        subsidy=judged.subsidy,
        co_payment=floor_of(judged.co_payment),
        counters=counters,
        payers=tuple(PayerShare(payer=payer, amount=amount) for payer, amount in judged.payers),
    )
    aid = entries(state, rules, counters, claim_id, asked.holder.party_id, basis.day)
    return [claimed, due(claimed, at), *aid]


def due(claimed: InvoiceClaimed, at: At) -> InvoiceDue:
    """What the ledger is to do about a claim."""
    return InvoiceDue(
        claim_id=claimed.claim_id,
        programme_id=claimed.programme_id,
        version=claimed.version,
        voucher_id=claimed.voucher_id,
        holder_id=claimed.holder_id,
        payee_id=claimed.claimant_id,
        invoice_number=claimed.invoice.number,
        amount=claimed.subsidy,
        claimed_at=at.time,
    )


def count_back(state: IssuanceState, event: InvoiceRefused | InvoiceReturned | ClaimReleased, _at: At) -> list[Event]:
    """What of a claim is not paid counts no more; nothing for a claim that is not one on an invoice."""
    claimed = state.claims.claimed.get(event.claim_id)
    if claimed is None:
        return []
    if isinstance(event, InvoiceRefused):
        amount, reason = claimed.left, event.reason
    else:
        amount, reason = min(event.amount, claimed.left), "returned" if isinstance(event, InvoiceReturned) else "denied"
    over = reason != "denied" and amount == claimed.left
    return _counted_back(state, claimed, event.claim_id, amount, reason, over=over)


def count_back_lapsed(state: IssuanceState, event: ClaimLapsed, _at: At) -> list[Event]:
    """What of a claim lapsed since no bank paid it counts no more; its invoice stays used, as that of a denied one."""
    claimed = state.claims.claimed.get(event.claim_id)
    if claimed is None:  # another shard's
        return []
    return _counted_back(state, claimed, event.claim_id, min(event.amount, claimed.left), "lapsed", over=False)


def _counted_back(
    state: IssuanceState, claimed: Claimed, claim_id: str, amount: int, reason: str, *, over: bool
) -> list[Event]:
    if not amount:
        return []
    counted_back = ClaimCountedBack(
        claim_id=claim_id, programme_id=claimed.programme_id, amount=amount, over=over, reason=reason
    )
    undone = Grant(claimed.on, claimed.left, claimed.counts).parted(amount)[1].counts
    return [counted_back, *freed(state, claimed.programme_id, claim_id, claimed.holder_id, undone)]


# evolve -------------------------------------------------------------------------------------------------------------


def invoice_claimed(state: IssuanceState, event: InvoiceClaimed, _at: At) -> None:
    """Apply a claim: its invoice is used, and it counts as paid."""
    starts = min(each.starts or 0 for each in event.basis.lines)
    ends = max(each.ends or 0 for each in event.basis.lines)
    providers = tuple(dict.fromkeys(each.provider_id for each in event.basis.lines if each.provider_id is not None))
    claimed = Claimed(
        event.programme_id, event.voucher_id, event.holder_id, event.claimant_id, event.invoice_key, event.basis.day,
        starts, ends, providers, event.subsidy, event.counters,
    )  # fmt: skip
    state.claims.add(event.claim_id, claimed)
    if state.rules.credits_invoices:
        state.claims.invoiced(event.claim_id, sum(each.amount for each in event.basis.lines))
    permit = state.claims.permits.get((event.voucher_id, event.claimant_id))
    if permit is not None:
        left = permit._replace(amount=permit.amount - event.subsidy)
        state.claims.permit(event.voucher_id, event.claimant_id, left)
    for each in event.counters:
        state.counters.move(event.programme_id, event.holder_id, event.basis.day, each)


def claim_permitted(state: IssuanceState, event: ClaimPermitted, _at: At) -> None:
    """Apply what a provider may claim."""
    state.claims.permit(event.voucher_id, event.provider_id, Permit(event.holder_id, event.amount))


def invoice_due(_state: IssuanceState, _event: InvoiceDue, _at: At) -> None:
    """What follows from it is for the ledger."""


def claim_counted_back(state: IssuanceState, event: ClaimCountedBack, _at: At) -> None:
    """Apply that part of a claim is not paid."""
    before = state.claims.claimed[event.claim_id]
    rest, back = Grant(before.on, before.left, before.counts).parted(event.amount)
    ensure(back.left == event.amount, f"{event.claim_id} has less than is counted back")
    for each in back.counts:
        state.counters.move(event.programme_id, before.holder_id, before.on, replace(each, before=each.after, after=0))
    if event.over:
        state.claims.drop(event.claim_id, keeps_notes=state.rules.keeps_notes)
    else:
        state.claims.claimed[event.claim_id] = before._replace(left=rest.left, counts=rest.counts)
