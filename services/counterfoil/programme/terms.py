"""What every service asks of a programme's version, whichever way it was published: a document's rules, or thin terms.

What both have as attributes is asked of them directly; the questions that differ are the functions here.
"""

from __future__ import annotations

from typing import TypeGuard

from counterfoil.contract.terms import FixedExpiry, ProgrammeTerms
from counterfoil.contract.times import DAY, SECOND
from counterfoil.core.units import METERED
from counterfoil.programme.expiry import NEVER, Life, end_of, timetable
from counterfoil.programme.form.identity import ComputeUnit
from counterfoil.programme.form.life import ProjectEndExpiry
from counterfoil.programme.models import MODELS
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount

Terms = ProgrammeTerms | Rules
"""A version of a programme."""


def expires_at(terms: Terms, issued_at: int) -> int:
    """When a voucher issued at that time ends (microseconds): from then on it pays for nothing new.

    What the validity of a version limits is issuing, and nothing else.
    """
    if isinstance(terms, Rules):
        ends = end_of(terms, Life(terms.day(issued_at))).ends
        return NEVER if ends is None else min(ends * DAY - terms.offset, NEVER)
    expiry = terms.expiry
    return expiry.at if isinstance(expiry, FixedExpiry) else issued_at + expiry.after_seconds * SECOND


def needs_project(rules: Rules) -> bool:
    """Whether vouchers end with a project, whose last day has to be known."""
    return isinstance(rules.document.expiry.rule, ProjectEndExpiry)


def issues(terms: Terms, time: int) -> bool:
    """Whether vouchers may be issued at a time, and would be neither expired nor offline from the start."""
    return terms.is_open(time) and time < pays_until(terms, expires_at(terms, time))


def least_spent(terms: Terms) -> int:
    """The least that vouchers pay at once, micro-units; 0: any amount."""
    least = terms.document.spending.minimum if isinstance(terms, Rules) else None
    return 0 if least is None else parse_amount(least.amount)


def pays_until(terms: Terms, ends: int) -> int:
    """Until when a voucher pays for new orders that ends then."""
    return timetable(terms, ends, restored=False).offline_at if isinstance(terms, Rules) else ends


def captured_by(terms: Terms, ends: int) -> int:
    """Until when what was held of a voucher in time is captured at the latest, unless holds toll its end."""
    return ends + terms.document.expiry.grace_days * DAY if isinstance(terms, Rules) else ends


def report_by(terms: Terms, delivered_at: int) -> int:
    """When usage must have been reported, for a delivery that ends at `delivered_at`."""
    return delivered_at + terms.report_within_seconds * SECOND


def settled_by(terms: Terms, delivered_at: int, resolution_window: int) -> int:
    """When usage of a delivery is captured at the latest, its dispute and the resolution of that included."""
    return report_by(terms, delivered_at) + terms.dispute_window_seconds * SECOND + resolution_window


def in_kind(terms: Terms) -> TypeGuard[Rules]:
    """Whether vouchers are an allocation of compute: nothing is paid."""
    return isinstance(terms, Rules) and isinstance(terms.document.unit, ComputeUnit)


def on_market(terms: Terms, *, meters_in_kind: bool) -> bool:
    """Whether vouchers pay for bids on the market: money, of which the provider is paid the subsidy, or an allocation.

    `meters_in_kind`: whether the rules in force meter allocations that are counted in GPU-hours. What counts towards a
    limit when it is paid, and a floor of what is bought, need a claim: such a programme pays no bids.
    """
    if isinstance(terms, ProgrammeTerms):
        return True
    paid = any("PAID" in each.cap.counts for each in terms.caps)
    paid = paid or any(each.regime.counts_on == "PAID" for each in terms.regimes)
    floor = terms.document.benefit.floor
    paid = paid or (floor is not None and floor.measure in ("ELIGIBLE_AMOUNT", "PFLOPS"))
    if in_kind(terms):
        return meters_in_kind and not paid and terms.unit in METERED
    return not paid and MODELS[terms.document.redemption.model].on_market
