"""What a programme says, in sentences: for issuers before they sign, and for everybody who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from counterfoil.programme.claiming import by_invoice
from counterfoil.programme.form.benefit import Cap, Tier, Tranche
from counterfoil.programme.form.identity import ComputeUnit
from counterfoil.programme.form.life import (
    ClaimWindowExpiry,
    FixedExpiry,
    InactivityExpiry,
    PeriodEndExpiry,
    ProjectEndExpiry,
    RelativeExpiry,
)
from counterfoil.programme.form.redemption import Claimant, Model, Windows
from counterfoil.programme.periods import spelled
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount, parse_rate, percent, written
from counterfoil.programme.wording import condition_text


class Section(NamedTuple):
    """A heading and its sentences."""

    heading: str
    sentences: tuple[str, ...]


_MODELS: dict[Model, str] = {
    "POST_USE_REIMBURSEMENT": "There is no voucher before the use: what was used and paid is claimed, and paid back.",
    "APPLY_THEN_CLAIM": "A voucher is granted on application; what was used and paid is claimed against it.",
    "APPLY_THEN_DEDUCT": "A voucher is granted on application and deducted from the contract; the issuer settles it.",
    "DEDUCT_AT_PROVIDER": "The buyer pays the rest, and the provider claims the subsidy.",
    "DISCOUNT_AT_PROVIDER": "The provider gives a discount until the project's maximum, and claims it.",
    "IN_KIND": "Compute is allocated and drawn by metering; nothing is paid.",
}
_CLAIMANTS: dict[Claimant, str] = {
    "BENEFICIARY": "The beneficiary claims.",
    "PROVIDER": "The provider claims.",
    "EITHER": "Beneficiary or provider claims, for each hour of use one of them and never both.",
    "NONE": "Nobody claims.",
}
_TRANSFERS = {
    "NONE": "Vouchers cannot be handed on.",
    "INTRA_GROUP": "Vouchers can be handed on between related parties.",
    "ISSUER_APPROVED": "Vouchers can be handed on if the issuer approves each time.",
    "SURRENDER_REISSUE": "The issuer takes a voucher back and issues another to the new holder.",
    "CLOSED_MARKET": "Vouchers can be handed on to whoever is eligible.",
    "OPEN": "Vouchers can be handed on to any party.",
}


def described(rules: Rules) -> tuple[Section, ...]:
    """The programme in sentences, in the order of its document; sections without a rule are left out."""
    made = (
        Section("Programme", tuple(_identity(rules))),
        Section("Budget", tuple(_budget(rules))),
        Section("Benefit", tuple(_benefit(rules))),
        Section("Who may apply", tuple(_eligibility(rules))),
        Section("What may be bought", tuple(_scope(rules))),
        Section("Redemption", tuple(_redemption(rules))),
        Section("Transfer", tuple(_transfer(rules))),
        Section("Expiry", (*_parts(rules), *_expiry(rules))),
        Section("Control", tuple(_control(rules))),
    )
    return tuple(each for each in made if each.sentences)


def _money(rules: Rules, text: str) -> str:
    return f"{written(parse_amount(text))} {rules.unit}"


def _identity(rules: Rules) -> Iterator[str]:
    document = rules.document
    for language, title in document.title.items():
        yield f"{title} ({language}), version {document.version}, of {document.issuer.name}."
    for basis in document.legal_basis:
        yield f"Legal basis: {', '.join(each for each in (basis.title, basis.document, basis.date) if each)}."
    until = f"to {document.valid.end}" if document.valid.end else "without a last day"
    yield f"It grants from {document.valid.start} {until}, by days of UTC{document.valid.utc_offset}."
    unit = document.unit
    kind = "an allocation of compute" if isinstance(unit, ComputeUnit) else "money"
    yield f"Vouchers are {kind}, counted in {rules.unit}."


def _budget(rules: Rules) -> Iterator[str]:
    budget = rules.document.budget
    for each in budget.envelopes:
        amount = "what is appropriated" if each.amount is None else _money(rules, each.amount)
        what = f" for {', '.join(each.instruments)}" if each.instruments else ""
        rolls = "; what is left rolls over" if each.rolls_over else ""
        yield f"{each.id}: {amount}{what}, {spelled(each.period)}{rolls}."
    modes = {
        "FIRST_COME": "first come, first served",
        "RANKED": "by score",
        "PRO_RATA": "all in proportion",
        "LOTTERY": "by lottery with a committed seed",
        "QUEUE": "by time, and the rest wait",
        "TOTAL_CONTROL": "by time, in whole amounts only",
    }
    yield f"When it is short: {modes[budget.exhaustion.mode]}."
    if budget.funding:
        yield (
            "Borne by " + ", ".join(f"{each.payer} {percent(parse_rate(each.share))}" for each in budget.funding) + "."
        )


def _benefit(rules: Rules) -> Iterator[str]:
    benefit = rules.document.benefit
    basis = benefit.basis.lower().replace("_", " ")
    for tier in benefit.tiers:
        yield _tier(rules, tier, basis)
    for cap in benefit.caps:
        yield _cap(rules, cap)
    if benefit.floor is not None:
        measure = benefit.floor.measure.lower().replace("_", " ")
        yield f"Nothing is paid below {_money(rules, benefit.floor.amount)} of {measure}."
    if benefit.prorata is not None:
        count = (
            "the first and the last day" if benefit.prorata.day_count == "INCLUSIVE" else "the difference of the dates"
        )
        yield f"Of a contract the part in the reference period counts, by {count}."
    if benefit.rounding is not None:
        step = ", at each step" if benefit.rounding.at_each_step else ""
        mode = benefit.rounding.mode.lower().replace("_", " ")
        yield f"Rounding: {mode} to {_money(rules, benefit.rounding.quantum)}{step}."
    if benefit.co_payment is not None:
        yield f"The beneficiary bears at least {percent(parse_rate(benefit.co_payment.min_share))} itself."
    for each in benefit.stacking:
        if not each.allowed:
            yield f"Whoever has support of {each.other} gets none."
        if each.aggregate_max is not None:
            share = percent(parse_rate(each.aggregate_max))
            yield f"With {each.other}, all support together is at most {share} of what is eligible."
    for regime in benefit.regimes:
        ceiling = _money(rules, regime.ceiling)
        yield f"{regime.regime}: at most {ceiling} in {regime.months} months for each {regime.unit.lower()}."
        if regime.excess == "REFUSE":
            yield f"What would pass {regime.regime} is refused whole."
        if regime.unspent == "COUNTS":
            yield f"What is granted counts towards {regime.regime}, used or not."


def _tier(rules: Rules, tier: Tier, basis: str) -> str:
    what = f" for {', '.join(tier.instruments)}" if tier.instruments else ""
    when = f", if {condition_text(tier.when)}" if tier.when is not None else ""
    until = f", of the first {_money(rules, tier.until)}" if tier.until is not None else ""
    months = f", for {tier.max_months} months at most" if tier.max_months is not None else ""
    return f"{percent(parse_rate(tier.rate))} of the {basis}{what}{when}{until}{months} ({tier.id})."


def _cap(rules: Rules, cap: Cap) -> str:
    amount = "what its approval says" if cap.amount is None else f"{written(parse_amount(cap.amount))}"
    unit = "" if cap.of == "GRANTS" or cap.amount is None else f" {rules.unit}"
    of = {"SUBSIDY": "", "ELIGIBLE_AMOUNT": " of eligible amount", "QUANTITY": " in quantity", "GRANTS": " grants"}[
        cap.of
    ]
    what = f" for {', '.join(cap.instruments)}" if cap.instruments else ""
    period = f", {spelled(cap.period)}" if cap.period is not None else ""
    events = " and ".join(each.lower() for each in cap.counts)
    waived = f", unless {condition_text(cap.waived_when)}" if cap.waived_when is not None else ""
    scope = cap.scope.lower().replace("_", " ")
    return f"At most {amount}{unit}{of}{what} for each {scope}{period}, counted when {events}{waived} ({cap.id})."


def _eligibility(rules: Rules) -> Iterator[str]:
    for each in rules.document.eligibility:
        text = each.text or condition_text(each.when)
        yield f"{text} ({each.id})."
    if not rules.document.providers.may_be_beneficiary:
        yield "A listed provider may hold no vouchers."


def _scope(rules: Rules) -> Iterator[str]:
    document = rules.document
    scope, contract = document.scope, document.contract
    if scope.include:
        yield f"Eligible: {', '.join(scope.include)}."
    if scope.exclude:
        yield f"Not eligible: {', '.join(scope.exclude)}."
    if scope.workloads:
        yield f"For {', '.join(scope.workloads)}."
    for name, values in (("classes", scope.classes), ("regions", scope.regions)):
        yield (
            f"Any {'class' if name == 'classes' else 'region'}."
            if isinstance(values, str)
            else (f"{name.capitalize()}: {', '.join(values)}.")
        )
    if scope.line_when is not None:
        yield f"Only where {condition_text(scope.line_when)}."
    if contract.max_term_days is not None:
        yield f"Contracts of at most {contract.max_term_days} days."
    if contract.arms_length is not None:
        tests = ", ".join(each.lower().replace("_", " ") for each in contract.arms_length.tests)
        yield (
            f"Buyer and provider must not be related, by any chain: who is ({tests}; of votes more than"
            f" {percent(parse_rate(contract.arms_length.threshold))}), is attested."
        )
    modes = {
        "OPEN": "Any provider of the market",
        "REGISTER": "Providers that the issuer lists",
        "TENDER": "Providers chosen by tender",
        "ISSUER_OWNED": "The issuer's own capacity",
    }
    registry = f" ({document.providers.registry})" if document.providers.registry else ""
    yield f"{modes[document.providers.mode]}{registry}."


def _redemption(rules: Rules) -> Iterator[str]:
    redemption = rules.document.redemption
    yield _MODELS[redemption.model]
    yield _CLAIMANTS[redemption.claimant]
    if redemption.windows is not None:
        yield f"Claims: {_window(redemption.windows)}."
    if redemption.reference_start or redemption.reference_end:
        first, last = redemption.reference_start or "the beginning", redemption.reference_end or "the end"
        yield f"Use from {first} to {last} counts."
    if redemption.claim_within_days is not None:
        yield f"Within {redemption.claim_within_days} days of the use."
    if redemption.evidence:
        yield f"With {', '.join(each.type for each in redemption.evidence if each.required)}."
    if rules.document.spending.minimum is not None:
        yield f"At least {_money(rules, rules.document.spending.minimum.amount)} are spent at once."


def _window(windows: Windows) -> str:
    if windows.kind == "ROLLING":
        return "at any time"
    kinds = {"MONTHLY": "each month", "QUARTERLY": "each quarter", "ANNUAL": "each year", "FIXED": "once"}
    days = f", from {windows.opens} to {windows.closes}" if windows.opens is not None else ""
    return f"{kinds[windows.kind]}{days}"


def _transfer(rules: Rules) -> Iterator[str]:
    transfer = rules.document.transfer
    yield _TRANSFERS[transfer.mode]
    if transfer.mode != "NONE":
        rule = {
            "FREE": "at any price",
            "AT_PAR": "at par",
            "BELOW_PAR_ONLY": "below par only",
            "GIFT_ONLY": "for nothing only",
        }[transfer.price_rule]
        hops = f", {transfer.max_hops} times at most" if transfer.max_hops is not None else ""
        cooling = f", {transfer.cooling_off_days} days apart" if transfer.cooling_off_days else ""
        yield f"They change hands {rule}{hops}{cooling}."
    if transfer.pledge is not None and transfer.pledge.allowed:
        yield f"Up to {percent(parse_rate(transfer.pledge.max_share))} of a voucher may be pledged."


def _parts(rules: Rules) -> Iterator[str]:
    """Which parts of a voucher are released later, and on what."""
    for number, each in enumerate(rules.document.benefit.tranches, 1):
        when = {
            "ISSUE": "with its issue",
            "DATE": f"by the issuer, {each.after_days or 0} days after the issue at the earliest",
            "ISSUER_DECISION": "by the issuer",
            "PROGRESS_REPORT": f"by the issuer, after {_who(each)} has shown the progress",
            "FORMER_USED": f"by the issuer, once {each.used_share or 'all'} of the parts before is used",
        }[each.release_on]
        yield f"Part {number}, {percent(parse_rate(each.share))} of a voucher, can be used when it is released: {when}."


def _who(tranche: Tranche) -> str:
    return "a report" if tranche.attested_by is None else f"{tranche.attested_by}, or an operator,"


def _expiry(rules: Rules) -> Iterator[str]:
    expiry = rules.document.expiry
    rule = expiry.rule
    match rule:
        case FixedExpiry():
            yield f"Vouchers end with {rule.on}."
        case RelativeExpiry():
            yield f"Vouchers end {rule.after_days} days after they are {rule.anchor.lower()}."
        case ClaimWindowExpiry():
            yield f"Vouchers end with the claim window, {rule.opens} to {rule.closes}."
        case PeriodEndExpiry():
            yield f"Vouchers end with their period: {spelled(rule.period)}."
        case InactivityExpiry():
            yield f"Vouchers end after {rule.after_months} months without use."
        case ProjectEndExpiry():
            late = rules.document.redemption.claim_within_days if by_invoice(rules) else None
            after = "with" if late is None else f"{late} days after"
            yield f"Vouchers end {after} their project."
        case _:
            yield "Vouchers do not end by time."
    if expiry.notices_days:
        yield f"Notices {', '.join(map(str, expiry.notices_days))} days before."
    if expiry.offline_days is not None:
        yield f"No orders from {expiry.offline_days} days before."
    if expiry.restore_within_days is not None:
        ask, until = expiry.restore_within_days, expiry.expunge_days or expiry.restore_within_days
        yield f"Holders may ask for them within {ask} days after: then they pay until {until} days after."
    elif expiry.expunge_days:
        yield f"What is left ends {expiry.expunge_days} days after."
    if expiry.grace_days:
        yield f"What was held in time can be captured for {expiry.grace_days} days after."
    yield "What ended can be granted again." if expiry.recycle_to == "APPROPRIATION" else "What ended lapses."


def _control(rules: Rules) -> Iterator[str]:
    control = rules.document.control
    if control.freeze is not None:
        grounds, notice = ", ".join(control.freeze.grounds), control.freeze.notice_days
        announced = f", {notice} days after it is announced" if notice else ""
        yield f"Vouchers can be suspended for {grounds}: {control.freeze.max_days} days at most{announced}."
    if control.revoke_grounds:
        yield f"They can be revoked for {', '.join(control.revoke_grounds)}."
    if control.clawback is not None:
        share = percent(parse_rate(control.clawback.share))
        yield f"{share} of what was paid can be taken back, {control.clawback.lookback_months} months back."
    if control.appeal is not None:
        yield f"Appeals within {control.appeal.within_days} days."
