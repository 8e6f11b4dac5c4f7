"""What happens to vouchers: transfer, expiry, freezing, taking back, appeal, reports."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.programme.form.budget import Period
from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.form.scalars import Day, Days, Months, Part, Rate, Word, described
from counterfoil.programme.limits import MAX_ITEMS

TransferMode = Literal["NONE", "INTRA_GROUP", "ISSUER_APPROVED", "SURRENDER_REISSUE", "CLOSED_MARKET", "OPEN"]


class Pledge(Part, frozen=True, kw_only=True):
    """A voucher as security for a loan."""

    allowed: Annotated[bool, described("vouchers may be pledged", True)]
    to: Annotated[Condition | None, described("to whom", {"fact": "licensed_bank", "is": True})] = None
    max_share: Annotated[Rate, described("of a voucher", "80%")] = "100%"


class Transfer(Part, frozen=True, kw_only=True):
    """Whether credit can be handed on. Modes allow more from one to the next."""

    mode: Annotated[
        TransferMode,
        described(
            "NONE; INTRA_GROUP: between related parties; ISSUER_APPROVED: each one is approved; SURRENDER_REISSUE: the "
            "issuer takes it back and issues another; CLOSED_MARKET: to eligible parties; OPEN: to any party",
            "NONE",
        ),
    ]
    to: Annotated[Condition | None, described("what the new holder has to be, beside eligible")] = None
    price_rule: Annotated[
        Literal["FREE", "AT_PAR", "BELOW_PAR_ONLY", "GIFT_ONLY"], described("what may be paid for it", "AT_PAR")
    ] = "FREE"
    max_hops: Annotated[
        Annotated[int, Meta(ge=1, le=1_000)] | None, described("how often one lot changes hands", 1)
    ] = None
    cooling_off_days: Annotated[Days, described("from one transfer of a lot to its next", 7)] = 0
    fee: Annotated[Rate, described("of the value handed on, to the issuer", "0%")] = "0%"
    min_amount: Annotated[
        Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?$")] | None, described("units", "100")
    ] = None
    pledge: Pledge | None = None
    receivable_assignment: Annotated[bool, described("an approved claim may be assigned", False)] = False
    delegation: Annotated[bool, described("a holder may pass quota down a tree, and take it back", False)] = False


class FixedExpiry(Part, tag_field="kind", tag="FIXED", frozen=True, kw_only=True):
    """All vouchers end with one day."""

    on: Annotated[Day, described("the last day, all of it", "2026-12-31")]


class RelativeExpiry(Part, tag_field="kind", tag="RELATIVE", frozen=True, kw_only=True):
    """Each voucher ends some time after an anchor."""

    after_days: Annotated[int, Meta(ge=1, le=36_600), described("days of 24 hours", 90)]
    anchor: Annotated[Literal["ISSUED", "ACTIVATED"], described("from when", "ISSUED")] = "ISSUED"


class ClaimWindowExpiry(Part, tag_field="kind", tag="CLAIM_WINDOW", frozen=True, kw_only=True):
    """Vouchers end with the window in which they can be claimed."""

    opens: Annotated[Day, described("first day", "2026-01-04")]
    closes: Annotated[Day, described("last day, all of it", "2026-01-23")]


class PeriodEndExpiry(Part, tag_field="kind", tag="PERIOD_END", frozen=True, kw_only=True):
    """Vouchers end with the period that they were issued in."""

    period: Period


class InactivityExpiry(Part, tag_field="kind", tag="INACTIVITY", frozen=True, kw_only=True):
    """Vouchers end when their holder has not used them for some time."""

    after_months: Annotated[Months, described("since the last use, or the issue", 9)]


class ProjectEndExpiry(Part, tag_field="kind", tag="PROJECT_END", frozen=True, kw_only=True):
    """Vouchers end with the project that they are for, whose last day the application says.

    Where they are claimed with invoices, the days within which use is claimed come after it.
    """


class NoExpiry(Part, tag_field="kind", tag="NONE", frozen=True, kw_only=True):
    """Vouchers do not end by time."""


ExpiryRule = (
    FixedExpiry | RelativeExpiry | ClaimWindowExpiry | PeriodEndExpiry | InactivityExpiry | ProjectEndExpiry | NoExpiry
)


class Expiry(Part, frozen=True, kw_only=True):
    """When vouchers end, as a process: notices, offline, grace, expunged, recycled."""

    rule: ExpiryRule
    notices_days: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=366)], ...], Meta(max_length=16), described("before the end", [30, 7])
    ] = ()
    offline_days: Annotated[Days | None, described("before the end, value can no longer be ordered with", 5)] = None
    grace_days: Annotated[Days, described("after the end, what was held in time may still be captured", 30)] = 0
    expunge_days: Annotated[Days | None, described("after the end, what is offline is removed for good", 90)] = None
    restore_within_days: Annotated[Days | None, described("after the end, the holder may ask for it back", 30)] = None
    extension_days: Annotated[Days | None, described("by which the issuer may extend a voucher at once", 90)] = None
    extensions: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None, described("how often it may extend one; none: once", 2)
    ] = None
    extension_grounds: Annotated[
        Annotated[tuple[Word, ...], Meta(max_length=MAX_ITEMS)] | None,
        described("what allows it; none: any reason", ["SITE_OUTAGE"]),
    ] = None
    recycle_to: Annotated[
        Literal["APPROPRIATION", "LAPSED"], described("whether what ended can be granted again", "APPROPRIATION")
    ] = "APPROPRIATION"


class Freeze(Part, frozen=True, kw_only=True):
    """Stopping a voucher for a time."""

    grounds: Annotated[
        tuple[Word, ...], Meta(max_length=MAX_ITEMS), described("what allows it", ["INVESTIGATION"])
    ] = ()
    max_days: Annotated[int, Meta(ge=1, le=3_660), described("then it ends by itself", 90)]
    notice_days: Annotated[Days, described("before it begins", 0)] = 0


class Clawback(Part, frozen=True, kw_only=True):
    """Taking back what was paid."""

    grounds: Annotated[
        tuple[Word, ...], Meta(min_length=1, max_length=MAX_ITEMS), described("what allows it", ["FRAUD"])
    ]
    share: Annotated[Rate, described("of what was paid", "100%")] = "100%"
    lookback_months: Annotated[Months, described("since the payment", 36)]
    interest: Annotated[Rate, described("a year, simple, by days of 365", "0%")] = "0%"
    offset_allowed: Annotated[bool, described("it may be set off against later claims", True)] = True
    joint_liability: Annotated[bool, described("beneficiary and provider owe it together", False)] = False


class Sanction(Part, frozen=True, kw_only=True):
    """What else a proven breach brings."""

    ban_months: Annotated[Months | None, described("no vouchers for so long; none with `permanent`", 36)] = None
    permanent: Annotated[bool, described("no vouchers ever again", False)] = False
    penalty_multiple: Annotated[Rate, described("of what was wrongly paid", "0%")] = "0%"
    names_disclosed: Annotated[bool, described("the decision is public with its name", False)] = False


class Appeal(Part, frozen=True, kw_only=True):
    """How a decision is contested."""

    within_days: Annotated[Days, described("after the decision", 10)]
    decided_within_days: Annotated[Days | None, described("after the appeal", 60)] = None
    stays: Annotated[bool, described("the decision waits meanwhile", True)] = True
    body: Annotated[Word | None, described("who decides", "APPEALS_BOARD")] = None


class Watch(Part, frozen=True, kw_only=True):
    """Time after a payment in which its invoice is looked at again."""

    days: Annotated[Days, described("after the payment", 180)]
    signals: Annotated[tuple[Word, ...], Meta(max_length=MAX_ITEMS), described("of what", ["INVOICE_CANCELLED"])] = ()


class Control(Part, frozen=True, kw_only=True):
    """What the issuer may do against misuse. What is not written here it may not do."""

    freeze: Freeze | None = None
    revoke_grounds: Annotated[tuple[Word, ...], Meta(max_length=MAX_ITEMS), described("what allows it", ["FRAUD"])] = ()
    clawback: Clawback | None = None
    sanction: Sanction | None = None
    watch: Watch | None = None
    appeal: Appeal | None = None


class Reporting(Part, frozen=True, kw_only=True):
    """What beneficiaries report."""

    progress_days: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=3_660)], ...], Meta(max_length=16), described("after the grant", [90, 180])
    ] = ()
    final_within_days: Annotated[Days | None, described("after the end", 60)] = None
    figures: Annotated[tuple[Word, ...], Meta(max_length=MAX_ITEMS), described("what", ["GPU_HOURS", "MODELS"])] = ()


class Records(Part, frozen=True, kw_only=True):
    """How long evidence is kept, and where."""

    evidence_months: Annotated[Months | None, described("after the end of the programme", 60)] = None
    personal_data_off_log: Annotated[bool, described("the log has salted hashes only", True)] = True
