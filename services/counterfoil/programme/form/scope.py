"""What may be bought, under which contracts, from whom."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.form.scalars import Day, Everything, Id, Money, Part, Quantity, Rate, Text, Word, described
from counterfoil.programme.limits import MAX_CODES

Codes = Annotated[tuple[Word, ...], Meta(max_length=MAX_CODES)]
Ids = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_CODES)]


class Scope(Part, frozen=True, kw_only=True):
    """Which lines are eligible."""

    include: Annotated[Codes, described("SKU codes; all, if none is named", ["GPU_COMPUTE"])] = ()
    exclude: Annotated[Codes, described("SKU codes that are not, even if included", ["STORAGE", "NETWORK"])] = ()
    list_version: Annotated[Text | None, described("of the list that the codes are from", "2025-03")] = None
    workloads: Annotated[Codes, described("all, if none is named", ["TRAINING", "INFERENCE"])] = ()
    purpose_bound: Annotated[bool, described("each voucher names the project that it is for", False)] = False
    forbidden_use: Annotated[Codes, described("what ends the right", ["MINING", "RESALE"])] = ()
    classes: Annotated[Everything | Ids, described("accelerator classes of the market", "ANY", ["a100-80gb"])] = "ANY"
    regions: Annotated[Everything | Ids, described("regions of the market", "ANY", ["cn.sc"])] = "ANY"
    line_when: Annotated[
        Condition | None, described("what else a line has to be", {"fact": "accelerator_origin", "is": "DOMESTIC"})
    ] = None


class ArmsLength(Part, frozen=True, kw_only=True):
    """Buyer and provider must not be one undertaking."""

    tests: Annotated[
        tuple[Literal["MAJORITY_OF_VOTES", "APPOINTS_MAJORITY", "DOMINANT_INFLUENCE", "AGREEMENT", "SAME_GROUP"], ...],
        Meta(min_length=1, max_length=5),
        described("EU 651/2014, Annex I, article 3 (3); SAME_GROUP: the attested groups", ["SAME_GROUP"]),
    ] = ("SAME_GROUP",)
    ownership_source: Annotated[
        Text | None, described("who says who owns whom", "Company register, by the operator")
    ] = None
    threshold: Annotated[Rate, described("of votes", "50%")] = "50%"


class Contract(Part, frozen=True, kw_only=True):
    """Which contracts count."""

    signed_from: Annotated[Day | None, described("not before", "2023-09-01")] = None
    signed_until: Annotated[Day | None, described("not after", "2025-12-31")] = None
    max_term_days: Annotated[Annotated[int, Meta(ge=1, le=36_600)] | None, described("the longest contract", 366)] = (
        None
    )
    vouchers_per_contract: Annotated[Annotated[int, Meta(ge=1, le=1_000_000)] | None, described("at most", 1)] = None
    prior_costs_excluded: Annotated[bool, described("what was used before the application does not count", True)] = True
    arms_length: ArmsLength | None = None
    no_split: Annotated[bool, described("firms, sites and contracts must not be split to get more", True)] = True


class PriceCeiling(Part, frozen=True, kw_only=True):
    """What a unit may cost at most."""

    kind: Annotated[
        Literal["LOWEST_BID", "PEER_GROUP_MEDIAN", "NOT_TO_EXCEED"],
        described(
            "how the ceiling is found: the tender's lowest price, a multiple of the median, or a list", "LOWEST_BID"
        ),
    ]
    factor: Annotated[Rate | None, described("of PEER_GROUP_MEDIAN", "150%")] = None
    per_unit: Annotated[
        Annotated[dict[Word, Money], Meta(max_length=MAX_CODES)] | None,
        described("of NOT_TO_EXCEED, by SKU", {"GPU_COMPUTE": "20"}),
    ] = None
    on_excess: Annotated[Literal["CUT", "REJECT"], described("CUT: the rest is not eligible", "CUT")] = "CUT"


class Providers(Part, frozen=True, kw_only=True):
    """Whom one may buy from."""

    mode: Annotated[
        Literal["OPEN", "REGISTER", "TENDER", "ISSUER_OWNED"],
        described("OPEN: any provider of the market; else those that the issuer lists", "REGISTER"),
    ]
    registry: Annotated[Text | None, described("the list's name", "Compute service providers 2025")] = None
    term_months: Annotated[Annotated[int, Meta(ge=1, le=1_200)] | None, described("of a listing", 36)] = None
    extension_months: Annotated[Annotated[int, Meta(ge=1, le=1_200)] | None, described("once", 12)] = None
    may_be_beneficiary: Annotated[bool, described("a listed provider may hold vouchers", False)] = False
    capability: Annotated[
        Condition | None, described("what a provider has to have", {"fact": "pflops", "at_least": 100})
    ] = None
    price_ceiling: PriceCeiling | None = None
    metering: Annotated[Literal["SELF", "PLATFORM", "THIRD_PARTY"], described("whose meter counts", "SELF")] = "SELF"
    consent: Annotated[bool, described("a provider has to agree to each voucher", False)] = False
    reattest_months: Annotated[
        Annotated[int, Meta(ge=1, le=120)] | None, described("how often it proves its listing", 12)
    ] = None
    on_suspension: Annotated[
        Literal["HONOUR", "FREEZE"], described("what happens to holds that are open", "HONOUR")
    ] = "HONOUR"


class Delivery(Part, frozen=True, kw_only=True):
    """What is bought on the market: when its use is reported, and may be disputed."""

    report_hours: Annotated[
        int, Meta(ge=1, le=8_784), described("after the end of delivery, for the provider to report", 48)
    ] = 48
    dispute_hours: Annotated[
        int, Meta(ge=1, le=8_784), described("after a report, for the beneficiary to dispute it", 24)
    ] = 24


class Minimum(Part, frozen=True, kw_only=True):
    """The least that one spends at once."""

    amount: Annotated[Quantity, described("units of the programme", "100")]


class Spending(Part, frozen=True, kw_only=True):
    """How vouchers are spent."""

    partial: Annotated[bool, described("a part of a voucher may be spent", True)] = True
    minimum: Minimum | None = None
    max_vouchers_per_order: Annotated[Annotated[int, Meta(ge=1, le=64)] | None, described("at most", 16)] = None
    order: Annotated[
        Literal["EXPIRY_FIRST", "SMALLEST_FIRST"], described("which vouchers pay first", "EXPIRY_FIRST")
    ] = "EXPIRY_FIRST"
    hold_days: Annotated[Annotated[int, Meta(ge=1, le=366)] | None, described("how long a hold lasts at most", 30)] = (
        None
    )
    capture_tolerance: Annotated[Rate, described("by how much a capture may exceed its hold", "0%")] = "0%"
    hold_tolls_expiry: Annotated[
        bool, described("what was ordered in time is paid, even if it is delivered after the end", True)
    ] = True
