"""The stable codes of the linter: whether each blocks publication, and why it matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Severity = Literal["error", "warning"]


class Kind(NamedTuple):
    """A kind of finding. Errors block publication, warnings are recorded with it."""

    severity: Severity
    why: str


CONVERSION_TWICE: Final = "conversion_twice"
TAKER_WITHOUT_CEILING: Final = "taker_without_ceiling"
NEW_IN_10: Final = frozenset({CONVERSION_TWICE, TAKER_WITHOUT_CEILING})
"""What rules before version 10 let pass without a word."""
KINDS: Final[Mapping[str, Kind]] = {
    "condition_malformed": Kind("error", "A condition that cannot be judged grants or refuses by accident."),
    "fact_redeclared": Kind("error", "A fact has one meaning: those that every programme knows keep theirs."),
    "id_twice": Kind("error", "Refusals, counters and explanations name rules by their ids."),
    CONVERSION_TWICE: Kind("error", "A unit of a provider converts in two ways, and nothing says which one counts."),
    "instrument_without_tier": Kind("error", "Budget is set aside for something that no rate pays for."),
    "instrument_without_envelope": Kind("error", "A rate pays for something that has no budget."),
    "period_incomplete": Kind("error", "A rolling period needs its months, a fiscal year its first day."),
    "validity_empty": Kind("error", "The last day lies before the first."),
    "reference_empty": Kind("error", "The last day of the reference period lies before its first."),
    "window_empty": Kind("error", "The window closes before it opens."),
    "window_incomplete": Kind("error", "A window that is not rolling needs the days on which it opens and closes."),
    "expiry_before_last_window": Kind("error", "Vouchers end before the last window in which they can be claimed."),
    "rate_above_whole": Kind("error", "A share cannot be more than all."),
    "funding_shares_not_whole": Kind("error", "What the payers bear together is not what is paid."),
    "tranches_not_whole": Kind("error", "The tranches together are not the voucher."),
    "tranche_condition": Kind("error", "A tranche says something that its condition does not ask for, or lacks it."),
    "rate_above_aggregate": Kind(
        "warning", "A tier promises more than all support together may be; the lower of both is what is paid."
    ),
    "rate_above_co_payment": Kind("warning", "A tier promises more than the beneficiary's own part leaves."),
    "tiers_overlap": Kind("error", "Two tiers may apply to the same line, and nothing says which one counts."),
    "tier_unreachable": Kind("warning", "An earlier tier takes every line that this one would take."),
    "cap_without_amount": Kind("error", "A cap without an amount bounds nothing."),
    "cap_without_period": Kind("error", "A cap says nothing until it says over what time it counts."),
    "cap_with_two_amounts": Kind("error", "Either the document or the approval sets the amount."),
    "cap_above_envelope": Kind("warning", "One beneficiary may take the whole budget."),
    "floor_above_cap": Kind("error", "Whoever reaches the floor is above the cap: nobody can be paid in full."),
    "rounding_not_stated": Kind("error", "Two offices would pay two amounts for one invoice."),
    "quantum_zero": Kind("error", "Nothing can be rounded to multiples of nothing."),
    "quantum_below_minor_unit": Kind("warning", "Amounts would be paid that no bank can transfer."),
    "prorata_without_reference": Kind("error", "A part of a contract is a part of something: the reference period."),
    "settled_without_release": Kind(
        "error", "What is granted on the contract and not settled stays committed: nothing says when it is released."
    ),
    "claimant_does_not_fit": Kind("error", "The redemption model pays somebody else than the claimant."),
    "in_kind_is_not_money": Kind("error", "An allocation of compute pays no invoices, and money is no allocation."),
    "in_kind_with_money_rule": Kind("warning", "The rule speaks of money, and nothing is paid."),
    "registry_missing": Kind("warning", "Only listed providers count, and no list is named."),
    "price_ceiling_incomplete": Kind("error", "The ceiling cannot be found from what is written."),
    "arms_length_without_ownership": Kind("warning", "Nothing says who knows which parties are related."),
    "group_cap_without_ownership": Kind("warning", "Groups are counted together, and nothing says who knows them."),
    "expiry_incomplete": Kind("error", "Notices, offline time and removal do not follow each other."),
    "project_end_without_purpose": Kind("error", "Vouchers end with a project that they do not name."),
    "transfer_rule_without_mode": Kind("error", "Rules of transfer are written, and transfer is not permitted."),
    "open_transfer_of_bound_voucher": Kind("error", "A voucher for one project cannot be handed to anybody."),
    TAKER_WITHOUT_CEILING: Kind(
        "warning",
        "A ceiling of law counts grants: it counts nothing of who takes a voucher over, whom no cap bounds.",
    ),
    "transfer_of_reimbursement": Kind("error", "There is no voucher before the claim: nothing can be handed on."),
    "clawback_without_appeal": Kind("warning", "Money is taken back, and nothing says how the decision is contested."),
    "review_thresholds_not_rising": Kind("error", "A later step is for smaller amounts than an earlier one."),
    "line_condition_on_applicant": Kind("warning", "`scope.line_when` asks for facts of the applicant."),
    "scope_widened": Kind("warning", "Vouchers of earlier versions do not pay for what a later one adds."),
    "open_ended": Kind("warning", "No last day: a change of rules is the only end."),
    "sources_missing": Kind("warning", "No legal basis is named."),
}
"""All kinds of findings, by code."""


class Finding(NamedTuple):
    """A finding: its code, what exactly it is, and the places that contradict each other."""

    code: str
    text: str
    places: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        """``error`` blocks publication."""
        return KINDS[self.code].severity

    @property
    def why(self) -> str:
        """Why it matters."""
        return KINDS[self.code].why
