"""Checks of redemption, expiry, transfer, providers and control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from counterfoil.contract.times import parse_date
from counterfoil.programme.findings import TAKER_WITHOUT_CEILING, Finding
from counterfoil.programme.form.identity import ComputeUnit
from counterfoil.programme.form.life import FixedExpiry, ProjectEndExpiry
from counterfoil.programme.models import MODELS
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_rate


def _redemption(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    redemption = document.redemption
    fitting = MODELS[redemption.model].claimants
    if redemption.claimant not in fitting:
        text = f"{redemption.model} is claimed by {' or '.join(fitting)}, not {redemption.claimant}"
        yield Finding("claimant_does_not_fit", text, ("redemption.model", "redemption.claimant"))
    in_kind = isinstance(document.unit, ComputeUnit)
    if in_kind != (redemption.model == "IN_KIND"):
        text = f"{redemption.model} with a unit of {rules.unit}"
        yield Finding("in_kind_is_not_money", text, ("unit", "redemption.model"))
    if in_kind and document.benefit.co_payment is not None:
        yield Finding("in_kind_with_money_rule", "a co-payment is demanded", ("benefit.co_payment", "unit"))
    if in_kind and document.budget.reserve_fund is not None:
        yield Finding("in_kind_with_money_rule", "a reserve fund is set up", ("budget.reserve_fund", "unit"))


def _providers(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    providers = document.providers
    if providers.mode in ("REGISTER", "TENDER") and providers.registry is None:
        yield Finding("registry_missing", f"{providers.mode} without `registry`", ("providers.registry",))
    ceiling = providers.price_ceiling
    if ceiling is not None:
        needed = {"PEER_GROUP_MEDIAN": ceiling.factor, "NOT_TO_EXCEED": ceiling.per_unit}
        if ceiling.kind in needed and not needed[ceiling.kind]:
            name = "factor" if ceiling.kind == "PEER_GROUP_MEDIAN" else "per_unit"
            yield Finding("price_ceiling_incomplete", f"{ceiling.kind} needs `{name}`", ("providers.price_ceiling",))
    arms_length = document.contract.arms_length
    if arms_length is not None and arms_length.ownership_source is None:
        place = "contract.arms_length.ownership_source"
        yield Finding("arms_length_without_ownership", "no source of ownership is named", (place,))
    if arms_length is None:
        for index, cap in enumerate(document.benefit.caps):
            if cap.scope == "GROUP":
                yield Finding(
                    "group_cap_without_ownership", f"{cap.id} counts groups", (f"benefit.caps[{index}].scope",)
                )


def _expiry(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    expiry = document.expiry
    restore, expunge = expiry.restore_within_days, expiry.expunge_days
    if restore is not None and expunge is not None and restore > expunge:
        places = ("expiry.restore_within_days", "expiry.expunge_days")
        yield Finding("expiry_incomplete", "what is expunged can still be asked for", places)
    if expiry.offline_days is not None and expiry.notices_days and max(expiry.notices_days) <= expiry.offline_days:
        places = ("expiry.notices_days", "expiry.offline_days")
        yield Finding("expiry_incomplete", "the first notice comes when the voucher is offline already", places)
    if isinstance(expiry.rule, ProjectEndExpiry) and not document.scope.purpose_bound:
        yield Finding(
            "project_end_without_purpose", "no voucher names a project", ("expiry.rule", "scope.purpose_bound")
        )
    yield from _last_window(rules)


def _last_window(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    rule, windows = document.expiry.rule, document.redemption.windows
    if not isinstance(rule, FixedExpiry):
        return
    ends = parse_date(rule.on) + document.expiry.grace_days
    places = ("expiry.rule.on", "redemption.windows.opens")
    opens = windows.opens if windows is not None and windows.kind == "FIXED" else None
    if isinstance(opens, str) and len(opens) == len("2026-01-31") and parse_date(opens) > ends:
        yield Finding("expiry_before_last_window", f"{rule.on} lies before {opens}", places)
    if rules.reference.end is not None and rules.reference.end - 1 > ends:
        places = ("expiry.rule.on", "redemption.reference_end")
        text = f"use until {document.redemption.reference_end} counts, and vouchers end on {rule.on}"
        yield Finding("expiry_before_last_window", text, places)


def _transfer(rules: Rules) -> Iterator[Finding]:
    document = rules.document
    transfer = document.transfer
    if transfer.mode == "NONE":
        stated = {
            "to": transfer.to,
            "max_hops": transfer.max_hops,
            "cooling_off_days": transfer.cooling_off_days,
            "min_amount": transfer.min_amount,
            "fee": parse_rate(transfer.fee),
        }
        places = [f"transfer.{name}" for name, value in stated.items() if value]
        if places:
            yield Finding("transfer_rule_without_mode", "the mode is NONE", ("transfer.mode", *places))
        return
    model = document.redemption.model
    if not MODELS[model].applies:
        places_of = ("transfer.mode", "redemption.model")
        yield Finding("transfer_of_reimbursement", f"{transfer.mode} with {model}", places_of)
    if transfer.mode in ("OPEN", "CLOSED_MARKET") and document.scope.purpose_bound:
        places_of = ("transfer.mode", "scope.purpose_bound")
        yield Finding("open_transfer_of_bound_voucher", f"{transfer.mode} of vouchers for one project", places_of)


def _takers(rules: Rules) -> Iterator[Finding]:
    mode = rules.document.transfer.mode
    bound = any(each.cap.of == "SUBSIDY" and each.cap.scope in ("BENEFICIARY", "GROUP") for each in rules.caps)
    if mode == "NONE" or bound:
        return
    for index, each in enumerate(rules.regimes):
        if mode != "INTRA_GROUP" or each.regime.unit != "GROUP":
            text = f"{each.regime.regime} with transfers of mode {mode}"
            yield Finding(TAKER_WITHOUT_CEILING, text, (f"benefit.regimes[{index}]", "transfer.mode"))


def _control(rules: Rules) -> Iterator[Finding]:
    control = rules.document.control
    if control.clawback is not None and control.appeal is None:
        yield Finding(
            "clawback_without_appeal", "`control.appeal` is not stated", ("control.clawback", "control.appeal")
        )


LIFE: Final = (_redemption, _providers, _expiry, _transfer, _takers, _control)
