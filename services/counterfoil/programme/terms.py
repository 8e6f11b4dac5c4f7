"""What every service asks of a programme's version, whichever way it was published: a document's rules, or thin terms.

What both have as attributes is asked of them directly; the questions that differ are the functions here.
"""

from __future__ import annotations

from typing import cast

from counterfoil.contract.ensure import ensure
from counterfoil.contract.terms import FixedExpiry, ProgrammeTerms
from counterfoil.contract.times import DAY, SECOND
from counterfoil.programme.expiry import Life, end_of
from counterfoil.programme.rules import Rules

Terms = ProgrammeTerms | Rules
"""A version of a programme."""


def expires_at(terms: Terms, issued_at: int) -> int | None:
    """When a voucher issued at that time ends (microseconds): from then on it pays for nothing new. None: never.

    What the validity of a version limits is issuing, and nothing else.
    """
    if isinstance(terms, Rules):
        ends = end_of(terms, Life(terms.day(issued_at))).ends
        return None if ends is None else ends * DAY - terms.offset
    expiry = terms.expiry
    return expiry.at if isinstance(expiry, FixedExpiry) else issued_at + expiry.after_seconds * SECOND


def issues(terms: Terms, time: int) -> bool:
    """Whether vouchers may be issued at a time, and would not be expired from the start."""
    if not terms.is_open(time):
        return False
    ends = expires_at(terms, time)
    return ends is None or time < ends


def report_by(terms: Terms, delivered_at: int) -> int:
    """When usage must have been reported, for a delivery that ends at `delivered_at`."""
    return delivered_at + terms.report_within_seconds * SECOND


def settled_by(terms: Terms, delivered_at: int, resolution_window: int) -> int:
    """When usage of a delivery is captured at the latest, its dispute and the resolution of that included."""
    return report_by(terms, delivered_at) + terms.dispute_window_seconds * SECOND + resolution_window


def on_market(terms: Terms) -> bool:
    """Whether vouchers pay for bids on the market."""
    return isinstance(terms, ProgrammeTerms)


def paid_at_market(terms: Terms) -> ProgrammeTerms:
    """The terms of a bid's programme: bids are taken of those `on_market` alone."""
    ensure(isinstance(terms, ProgrammeTerms), "a programme that is not on the market has no bids")
    return cast("ProgrammeTerms", terms)
