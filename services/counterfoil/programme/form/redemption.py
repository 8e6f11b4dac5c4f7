"""How a voucher becomes money for somebody: applications, reviews, claims, payments."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.programme.form.budget import PeriodName
from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.form.scalars import Day, Days, Id, Money, Part, Rate, Text, Word, described
from counterfoil.programme.limits import MAX_ITEMS

Model = Literal[
    "POST_USE_REIMBURSEMENT",
    "APPLY_THEN_CLAIM",
    "APPLY_THEN_DEDUCT",
    "DEDUCT_AT_PROVIDER",
    "DISCOUNT_AT_PROVIDER",
    "IN_KIND",
]
WindowDay = Annotated[str, Meta(pattern=r"^([0-9]{4}-)?[0-9]{2}-[0-9]{2}$")]
"""A date, or a day of every year."""
Claimant = Literal["BENEFICIARY", "PROVIDER", "EITHER", "NONE"]


class Windows(Part, frozen=True, kw_only=True):
    """When applications or claims are taken."""

    kind: Annotated[
        Literal["ROLLING", "MONTHLY", "QUARTERLY", "ANNUAL", "FIXED"], described("ROLLING: at any time", "ROLLING")
    ]
    opens: Annotated[
        WindowDay | int | None,
        described("first day: of the month or quarter a number, of the year MM-DD, of FIXED a date", 1, "01-04"),
    ] = None
    closes: Annotated[WindowDay | int | None, described("last day, in the same form", 25, "01-23", "2026-01-23")] = None
    decided_by_day: Annotated[Annotated[int, Meta(ge=1, le=31)] | None, described("of the following month", 10)] = None


class Evidence(Part, frozen=True, kw_only=True):
    """A document that a claim needs. Only its salted hash is on the log."""

    type: Annotated[Word, described("what it is", "INVOICE")]
    required: Annotated[bool, described("without it the claim is refused", True)] = True
    verifier: Annotated[Word | None, described("who looks at it", "ISSUER")] = None


class Payment(Part, frozen=True, kw_only=True):
    """How it is paid."""

    rail: Annotated[Word | None, described("by which means", "BANK_TRANSFER")] = None
    within_days: Annotated[Days | None, described("after the approval", 30)] = None
    account_change_delay_days: Annotated[Days, described("before a new account is paid to", 7)] = 0


class Redemption(Part, frozen=True, kw_only=True):
    """Who is paid, when, and for what proof."""

    model: Annotated[Model, described("see `schemas/programme.md`: the six models", "DEDUCT_AT_PROVIDER")]
    claimant: Annotated[
        Claimant, described("who may claim; EITHER: one of both for each hour of use, never both", "PROVIDER")
    ]
    windows: Windows | None = None
    reference_start: Annotated[Day | None, described("use before it does not count", "2025-03-01")] = None
    reference_end: Annotated[Day | None, described("use after it does not count", "2025-12-31")] = None
    claim_within_days: Annotated[Days | None, described("after the use", 90)] = None
    evidence: Annotated[tuple[Evidence, ...], Meta(max_length=MAX_ITEMS)] = ()
    payment: Payment | None = None
    unspent_cut: Annotated[
        Literal["AVAILABLE", "REVOKED"], described("where value goes that a claim was cut by", "AVAILABLE")
    ] = "AVAILABLE"


class ReviewStep(Part, frozen=True, kw_only=True):
    """One step of a decision."""

    authority: Annotated[Id, described("who decides, by the name of its role here", "county")]
    quorum: Annotated[int, Meta(ge=1, le=32), described("signatures that it takes", 2)] = 1
    within_days: Annotated[Days | None, described("the time that it has", 20)] = None
    when: Annotated[Condition | None, described("none: for all applications")] = None
    up_to: Annotated[Money | None, described("for applications up to this amount", "500000")] = None


class SiteCheck(Part, frozen=True, kw_only=True):
    """A sample that is looked at on site."""

    share: Annotated[Rate, described("of claims", "5%")]
    by_risk: Annotated[bool, described("those with findings first", True)] = False
    third_party: Annotated[bool, described("by somebody else than issuer and operator", False)] = False


class Review(Part, frozen=True, kw_only=True):
    """How applications are decided."""

    steps: Annotated[tuple[ReviewStep, ...], Meta(max_length=MAX_ITEMS)] = ()
    conflict_of_interest: Annotated[
        bool, described("who is related to the applicant or its provider does not decide", True)
    ] = True
    scored: Annotated[bool, described("the decision has a score", False)] = False
    site_check: SiteCheck | None = None


class Applications(Part, frozen=True, kw_only=True):
    """Who applies when, and how often."""

    windows: Windows | None = None
    max_awards: Annotated[Annotated[int, Meta(ge=1, le=10_000)] | None, described("of one group", 1)] = None
    max_awards_period: Annotated[PeriodName | None, described("over this time", "CALENDAR_YEAR")] = None
    first_time_only: Annotated[bool, described("whoever had one gets no other", False)] = False
    identity_proof: Annotated[tuple[Word, ...], Meta(max_length=MAX_ITEMS), described("how", ["REGISTER_NUMBER"])] = ()
    agent_must_be_named: Annotated[bool, described("who files for others says so", True)] = True
    text: Text | None = None
