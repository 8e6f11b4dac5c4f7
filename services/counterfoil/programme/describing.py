"""What a programme says, in sentences: for issuers before they sign, and for everybody who asks.

Each sentence is a message with named parts, which `say` puts together: English as it stands, or another language's.
What the document itself says, its words and codes, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
from counterfoil.programme.wording import Say, condition_text, message, plainly


class Section(NamedTuple):
    """A heading and its sentences."""

    heading: str
    sentences: tuple[str, ...]


_MODELS: dict[Model, str] = {
    "POST_USE_REIMBURSEMENT": message(
        "There is no voucher before the use: what was used and paid is claimed, and paid back."
    ),
    "APPLY_THEN_CLAIM": message("A voucher is granted on application; what was used and paid is claimed against it."),
    "APPLY_THEN_DEDUCT": message(
        "A voucher is granted on application and deducted from the contract; the issuer settles it."
    ),
    "DEDUCT_AT_PROVIDER": message("The buyer pays the rest, and the provider claims the subsidy."),
    "DISCOUNT_AT_PROVIDER": message("The provider gives a discount until the project's maximum, and claims it."),
    "IN_KIND": message("Compute is allocated and drawn by metering; nothing is paid."),
}
_CLAIMANTS: dict[Claimant, str] = {
    "BENEFICIARY": message("The beneficiary claims."),
    "PROVIDER": message("The provider claims."),
    "EITHER": message("Beneficiary or provider claims, for each hour of use one of them and never both."),
    "NONE": message("Nobody claims."),
}
_TRANSFERS = {
    "NONE": message("Vouchers cannot be handed on."),
    "INTRA_GROUP": message("Vouchers can be handed on between related parties."),
    "ISSUER_APPROVED": message("Vouchers can be handed on if the issuer approves each time."),
    "SURRENDER_REISSUE": message("The issuer takes a voucher back and issues another to the new holder."),
    "CLOSED_MARKET": message("Vouchers can be handed on to whoever is eligible."),
    "OPEN": message("Vouchers can be handed on to any party."),
}


def described(rules: Rules, say: Say = plainly) -> tuple[Section, ...]:
    """The programme in sentences, in the order of its document; sections without a rule are left out."""
    made = (
        Section("Programme", tuple(_identity(rules, say))),
        Section("Budget", tuple(_budget(rules, say))),
        Section("Benefit", tuple(_benefit(rules, say))),
        Section("Who may apply", tuple(_eligibility(rules, say))),
        Section("What may be bought", tuple(_scope(rules, say))),
        Section("Redemption", tuple(_redemption(rules, say))),
        Section("Transfer", tuple(_transfer(rules, say))),
        Section("Expiry", (*_parts(rules, say), *_expiry(rules, say))),
        Section("Control", tuple(_control(rules, say))),
    )
    return tuple(each for each in made if each.sentences)


def _money(rules: Rules, text: str) -> str:
    return f"{written(parse_amount(text))} {rules.unit}"


def _percent(share: str) -> str:
    return percent(parse_rate(share))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _identity(rules: Rules, say: Say) -> Iterator[str]:
    document = rules.document
    for language, title in document.title.items():
        yield say(
            "{title} ({language}), version {version}, of {issuer}.",
            title=title, language=language, version=document.version, issuer=document.issuer.name,
        )  # fmt: skip
    for basis in document.legal_basis:
        yield say(
            "Legal basis: {basis}.", basis=_listed(each for each in (basis.title, basis.document, basis.date) if each)
        )
    valid = document.valid
    until = say("to {day}", day=valid.end) if valid.end else say("without a last day")
    yield say(
        "It grants from {start} {until}, by days of UTC{offset}.",
        start=valid.start,
        until=until,
        offset=valid.utc_offset,
    )
    kind = say("an allocation of compute") if isinstance(document.unit, ComputeUnit) else say("money")
    yield say("Vouchers are {kind}, counted in {unit}.", kind=kind, unit=rules.unit)


def _budget(rules: Rules, say: Say) -> Iterator[str]:
    budget = rules.document.budget
    for each in budget.envelopes:
        amount = say("what is appropriated") if each.amount is None else _money(rules, each.amount)
        what, period = _for(each.instruments, say), spelled(each.period, say)
        rolls = say("; what is left rolls over") if each.rolls_over else ""
        yield say(
            "{id}: {amount}{what}, {period}{rolls}.", id=each.id, amount=amount, what=what, period=period, rolls=rolls
        )
    modes = {
        "FIRST_COME": message("first come, first served"),
        "RANKED": message("by score"),
        "PRO_RATA": message("all in proportion"),
        "LOTTERY": message("by lottery with a committed seed"),
        "QUEUE": message("by time, and the rest wait"),
        "TOTAL_CONTROL": message("by time, in whole amounts only"),
    }
    yield say("When it is short: {mode}.", mode=say(modes[budget.exhaustion.mode]))
    if budget.funding:
        yield say(
            "Borne by {payers}.", payers=_listed(f"{each.payer} {_percent(each.share)}" for each in budget.funding)
        )


def _benefit(rules: Rules, say: Say) -> Iterator[str]:
    benefit = rules.document.benefit
    basis = benefit.basis.lower().replace("_", " ")
    for tier in benefit.tiers:
        yield _tier(rules, tier, basis, say)
    for cap in benefit.caps:
        yield _cap(rules, cap, say)
    if benefit.floor is not None:
        measure = benefit.floor.measure.lower().replace("_", " ")
        amount = _money(rules, benefit.floor.amount)
        yield say("Nothing is paid below {amount} of {measure}.", amount=amount, measure=measure)
    if benefit.prorata is not None:
        inclusive = benefit.prorata.day_count == "INCLUSIVE"
        count = say("the first and the last day") if inclusive else say("the difference of the dates")
        yield say("Of a contract the part in the reference period counts, by {count}.", count=count)
    if benefit.rounding is not None:
        step = say(", at each step") if benefit.rounding.at_each_step else ""
        mode, quantum = benefit.rounding.mode.lower().replace("_", " "), _money(rules, benefit.rounding.quantum)
        yield say("Rounding: {mode} to {quantum}{step}.", mode=mode, quantum=quantum, step=step)
    if benefit.co_payment is not None:
        yield say("The beneficiary bears at least {share} itself.", share=_percent(benefit.co_payment.min_share))
    for each in benefit.stacking:
        if not each.allowed:
            yield say("Whoever has support of {other} gets none.", other=each.other)
        if each.aggregate_max is not None:
            share = _percent(each.aggregate_max)
            yield say(
                "With {other}, all support together is at most {share} of what is eligible.",
                other=each.other,
                share=share,
            )
    for regime in benefit.regimes:
        name, ceiling, unit = regime.regime, _money(rules, regime.ceiling), regime.unit.lower()
        yield say(
            "{regime}: at most {ceiling} in {months} months for each {unit}.",
            regime=name, ceiling=ceiling, months=regime.months, unit=unit,
        )  # fmt: skip
        if regime.excess == "REFUSE":
            yield say("What would pass {regime} is refused whole.", regime=name)
        if regime.unspent == "COUNTS":
            yield say("What is granted counts towards {regime}, used or not.", regime=name)


def _for(instruments: Iterable[str], say: Say) -> str:
    named = _listed(instruments)
    return say(" for {instruments}", instruments=named) if named else ""


def _tier(rules: Rules, tier: Tier, basis: str, say: Say) -> str:
    when = say(", if {condition}", condition=condition_text(tier.when, say)) if tier.when is not None else ""
    until = say(", of the first {amount}", amount=_money(rules, tier.until)) if tier.until is not None else ""
    months = say(", for {months} months at most", months=tier.max_months) if tier.max_months is not None else ""
    return say(
        "{rate} of the {basis}{what}{when}{until}{months} ({id}).",
        rate=_percent(tier.rate), basis=basis, what=_for(tier.instruments, say), when=when, until=until, months=months,
        id=tier.id,
    )  # fmt: skip


_CAPPED: dict[str, str] = {
    "SUBSIDY": "",
    "ELIGIBLE_AMOUNT": message(" of eligible amount"),
    "QUANTITY": message(" in quantity"),
    "GRANTS": message(" grants"),
}


def _cap(rules: Rules, cap: Cap, say: Say) -> str:
    amount = say("what its approval says") if cap.amount is None else f"{written(parse_amount(cap.amount))}"
    unit = "" if cap.of == "GRANTS" or cap.amount is None else f" {rules.unit}"
    waived = cap.waived_when
    return say(
        "At most {amount}{of}{what} for each {scope}{period}, counted when {events}{waived} ({id}).",
        amount=amount + unit, of=say(_CAPPED[cap.of]) if _CAPPED[cap.of] else "", what=_for(cap.instruments, say),
        scope=cap.scope.lower().replace("_", " "),
        period=f", {spelled(cap.period, say)}" if cap.period is not None else "",
        events=say(" and ").join(each.lower() for each in cap.counts),
        waived=say(", unless {condition}", condition=condition_text(waived, say)) if waived is not None else "",
        id=cap.id,
    )  # fmt: skip


def _eligibility(rules: Rules, say: Say) -> Iterator[str]:
    for each in rules.document.eligibility:
        text = each.text or condition_text(each.when, say)
        yield f"{text} ({each.id})."
    if not rules.document.providers.may_be_beneficiary:
        yield say("A listed provider may hold no vouchers.")


def _scope(rules: Rules, say: Say) -> Iterator[str]:
    document = rules.document
    scope, contract = document.scope, document.contract
    if scope.include:
        yield say("Eligible: {lines}.", lines=_listed(scope.include))
    if scope.exclude:
        yield say("Not eligible: {lines}.", lines=_listed(scope.exclude))
    if scope.workloads:
        yield say("For {workloads}.", workloads=_listed(scope.workloads))
    classes, regions = scope.classes, scope.regions
    yield say("Any class.") if isinstance(classes, str) else say("Classes: {classes}.", classes=_listed(classes))
    yield say("Any region.") if isinstance(regions, str) else say("Regions: {regions}.", regions=_listed(regions))
    if scope.line_when is not None:
        yield say("Only where {condition}.", condition=condition_text(scope.line_when, say))
    if contract.max_term_days is not None:
        yield say("Contracts of at most {days} days.", days=contract.max_term_days)
    if contract.arms_length is not None:
        tests = _listed(each.lower().replace("_", " ") for each in contract.arms_length.tests)
        yield say(
            "Buyer and provider must not be related, by any chain:"
            " who is ({tests}; of votes more than {share}), is attested.",
            tests=tests, share=_percent(contract.arms_length.threshold),
        )  # fmt: skip
    modes = {
        "OPEN": message("Any provider of the market"),
        "REGISTER": message("Providers that the issuer lists"),
        "TENDER": message("Providers chosen by tender"),
        "ISSUER_OWNED": message("The issuer's own capacity"),
    }
    registry = f" ({document.providers.registry})" if document.providers.registry else ""
    yield say("{providers}{registry}.", providers=say(modes[document.providers.mode]), registry=registry)


def _redemption(rules: Rules, say: Say) -> Iterator[str]:
    redemption = rules.document.redemption
    yield say(_MODELS[redemption.model])
    yield say(_CLAIMANTS[redemption.claimant])
    if redemption.windows is not None:
        yield say("Claims: {window}.", window=_window(redemption.windows, say))
    if redemption.reference_start or redemption.reference_end:
        first, last = redemption.reference_start or say("the beginning"), redemption.reference_end or say("the end")
        yield say("Use from {first} to {last} counts.", first=first, last=last)
    if redemption.claim_within_days is not None:
        yield say("Within {days} days of the use.", days=redemption.claim_within_days)
    if redemption.evidence:
        yield say("With {evidence}.", evidence=_listed(each.type for each in redemption.evidence if each.required))
    if rules.document.spending.minimum is not None:
        yield say("At least {amount} are spent at once.", amount=_money(rules, rules.document.spending.minimum.amount))


def _window(windows: Windows, say: Say) -> str:
    if windows.kind == "ROLLING":
        return say("at any time")
    kinds = {
        "MONTHLY": message("each month"),
        "QUARTERLY": message("each quarter"),
        "ANNUAL": message("each year"),
        "FIXED": message("once"),
    }
    dated = windows.opens is not None
    days = say(", from {opens} to {closes}", opens=windows.opens, closes=windows.closes) if dated else ""
    return f"{say(kinds[windows.kind])}{days}"


def _transfer(rules: Rules, say: Say) -> Iterator[str]:
    transfer = rules.document.transfer
    yield say(_TRANSFERS[transfer.mode])
    if transfer.mode != "NONE":
        rule = {
            "FREE": message("at any price"),
            "AT_PAR": message("at par"),
            "BELOW_PAR_ONLY": message("below par only"),
            "GIFT_ONLY": message("for nothing only"),
        }[transfer.price_rule]
        hops = say(", {times} times at most", times=transfer.max_hops) if transfer.max_hops is not None else ""
        cooling = say(", {days} days apart", days=transfer.cooling_off_days) if transfer.cooling_off_days else ""
        yield say("They change hands {rule}{hops}{cooling}.", rule=say(rule), hops=hops, cooling=cooling)
    if transfer.pledge is not None and transfer.pledge.allowed:
        yield say("Up to {share} of a voucher may be pledged.", share=_percent(transfer.pledge.max_share))


def _parts(rules: Rules, say: Say) -> Iterator[str]:
    """Which parts of a voucher are released later, and on what."""
    for number, each in enumerate(rules.document.benefit.tranches, 1):
        when = {
            "ISSUE": say("with its issue"),
            "DATE": say("by the issuer, {days} days after the issue at the earliest", days=each.after_days or 0),
            "ISSUER_DECISION": say("by the issuer"),
            "PROGRESS_REPORT": say("by the issuer, after {who} has shown the progress", who=_who(each, say)),
            "FORMER_USED": say(
                "by the issuer, once {share} of the parts before is used", share=each.used_share or say("all")
            ),
        }[each.release_on]
        yield say(
            "Part {number}, {share} of a voucher, can be used when it is released: {when}.",
            number=number, share=_percent(each.share), when=when,
        )  # fmt: skip


def _who(tranche: Tranche, say: Say) -> str:
    by = tranche.attested_by
    return say("a report") if by is None else say("{party}, or an operator,", party=by)


def _expiry(rules: Rules, say: Say) -> Iterator[str]:
    expiry = rules.document.expiry
    rule = expiry.rule
    match rule:
        case FixedExpiry():
            yield say("Vouchers end with {day}.", day=rule.on)
        case RelativeExpiry():
            yield say(
                "Vouchers end {days} days after they are {anchor}.", days=rule.after_days, anchor=rule.anchor.lower()
            )
        case ClaimWindowExpiry():
            yield say("Vouchers end with the claim window, {opens} to {closes}.", opens=rule.opens, closes=rule.closes)
        case PeriodEndExpiry():
            yield say("Vouchers end with their period: {period}.", period=spelled(rule.period, say))
        case InactivityExpiry():
            yield say("Vouchers end after {months} months without use.", months=rule.after_months)
        case ProjectEndExpiry():
            late = rules.document.redemption.claim_within_days if by_invoice(rules) else None
            ends = say("Vouchers end with their project.")
            yield ends if late is None else say("Vouchers end {days} days after their project.", days=late)
        case _:
            yield say("Vouchers do not end by time.")
    if expiry.notices_days:
        yield say("Notices {days} days before.", days=_listed(map(str, expiry.notices_days)))
    if expiry.offline_days is not None:
        yield say("No orders from {days} days before.", days=expiry.offline_days)
    if expiry.restore_within_days is not None:
        ask, until = expiry.restore_within_days, expiry.expunge_days or expiry.restore_within_days
        yield say(
            "Holders may ask for them within {days} days after: then they pay until {until} days after.",
            days=ask, until=until,
        )  # fmt: skip
    elif expiry.expunge_days:
        yield say("What is left ends {days} days after.", days=expiry.expunge_days)
    if expiry.grace_days:
        yield say("What was held in time can be captured for {days} days after.", days=expiry.grace_days)
    again = expiry.recycle_to == "APPROPRIATION"
    yield say("What ended can be granted again.") if again else say("What ended lapses.")


def _control(rules: Rules, say: Say) -> Iterator[str]:
    control = rules.document.control
    if control.freeze is not None:
        grounds, notice = _listed(control.freeze.grounds), control.freeze.notice_days
        announced = say(", {days} days after it is announced", days=notice) if notice else ""
        yield say(
            "Vouchers can be suspended for {grounds}: {days} days at most{announced}.",
            grounds=grounds, days=control.freeze.max_days, announced=announced,
        )  # fmt: skip
    if control.revoke_grounds:
        yield say("They can be revoked for {grounds}.", grounds=_listed(control.revoke_grounds))
    if control.clawback is not None:
        yield say(
            "{share} of what was paid can be taken back, {months} months back.",
            share=_percent(control.clawback.share), months=control.clawback.lookback_months,
        )  # fmt: skip
    if control.appeal is not None:
        yield say("Appeals within {days} days.", days=control.appeal.within_days)
