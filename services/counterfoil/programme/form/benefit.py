"""What is paid: rates, tiers, caps, floors, rounding."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.contract.scalars import CountingEvent
from counterfoil.programme.form.budget import Period
from counterfoil.programme.form.conditions import Condition
from counterfoil.programme.form.scalars import Id, Instrument, Money, Part, Rate, Text, Word, described
from counterfoil.programme.limits import MAX_ITEMS

Scope = Literal["CONTRACT", "PROJECT", "BENEFICIARY", "GROUP", "FUNDING_AWARD", "PROVIDER", "PROGRAMME"]


class Tier(Part, frozen=True, kw_only=True):
    """A rate, and when it applies."""

    id: Annotated[Id, described("unique in the document; explanations name it", "domestic")]
    rate: Annotated[Rate, described("of the eligible amount", "30%")]
    instruments: Annotated[
        tuple[Instrument, ...], Meta(max_length=MAX_ITEMS), described("all, if none is named", ["COMPUTE"])
    ] = ()
    when: Annotated[Condition | None, described("none: always", {"fact": "accelerator_origin", "is": "DOMESTIC"})] = (
        None
    )
    until: Annotated[Money | None, described("for the first so much of eligible amount of one grant", "1000000")] = None
    max_months: Annotated[
        Annotated[int, Meta(ge=1, le=1_200)] | None, described("of one beneficiary, from its first use of the tier", 12)
    ] = None


class Cap(Part, frozen=True, kw_only=True):
    """No more than so much, counted for whom, over what time, at which events."""

    id: Annotated[Id, described("unique in the document; refusals and explanations name it", "per-year")]
    scope: Annotated[Scope, described("for whom it is counted; GROUP: all related parties together", "BENEFICIARY")]
    period: Annotated[
        Period | None, described("none is a finding: a cap needs its time", {"kind": "CALENDAR_YEAR"})
    ] = None
    amount: Annotated[
        Money | None, described("none, with `set_at_approval`: each application has its own", "5000000")
    ] = None
    set_at_approval: Annotated[bool, described("the decision on the application sets the amount", False)] = False
    of: Annotated[
        Literal["SUBSIDY", "ELIGIBLE_AMOUNT", "QUANTITY", "GRANTS"],
        described("what is counted: what is paid, what it is paid for, units, or the number of grants", "SUBSIDY"),
    ] = "SUBSIDY"
    instruments: Annotated[
        tuple[Instrument, ...], Meta(max_length=MAX_ITEMS), described("together; all, if none is named", ["MODEL"])
    ] = ()
    counts: Annotated[
        tuple[CountingEvent, ...],
        Meta(min_length=1, max_length=3),
        described("the events at which it is counted, each bounded for itself", ["APPLIED", "PAID"]),
    ] = ("GRANTED",)
    waived_when: Annotated[Condition | None, described("then the cap does not bind")] = None


class Floor(Part, frozen=True, kw_only=True):
    """Below this nothing is paid."""

    measure: Annotated[
        Literal["ELIGIBLE_AMOUNT", "SUBSIDY", "QUANTITY", "PFLOPS"],
        described("what has to reach it", "ELIGIBLE_AMOUNT"),
    ]
    amount: Annotated[Money, described("in units of the programme, or of the measure", "500000")]
    waived_when: Annotated[Condition | None, described("then it does not bind")] = None


class ProRata(Part, frozen=True, kw_only=True):
    """The part of a contract that falls into the reference period."""

    method: Annotated[Literal["CALENDAR_DAYS"], described("by days", "CALENDAR_DAYS")] = "CALENDAR_DAYS"
    day_count: Annotated[
        Literal["END_MINUS_START", "INCLUSIVE"],
        described("INCLUSIVE counts both the first and the last day; END_MINUS_START one fewer", "END_MINUS_START"),
    ]


class Rounding(Part, frozen=True, kw_only=True):
    """How an amount becomes whole quanta."""

    mode: Annotated[
        Literal["TRUNCATE", "HALF_UP", "HALF_EVEN", "CEILING"], described("TRUNCATE never pays more", "TRUNCATE")
    ]
    quantum: Annotated[Money, described("the smallest amount, in units", "0.01", "1")]
    at_each_step: Annotated[bool, described("also after pro-rata and for each line, not only at the end", False)] = (
        False
    )


class CoPayment(Part, frozen=True, kw_only=True):
    """What the beneficiary bears itself."""

    min_share: Annotated[Rate, described("of the eligible amount", "10%")] = "0%"
    proof: Annotated[tuple[Word, ...], Meta(max_length=MAX_ITEMS), described("how", ["BANK_STATEMENT"])] = ()
    payer_must_be_beneficiary: Annotated[bool, described("nobody may pay it for the beneficiary", True)] = True


class Stacking(Part, frozen=True, kw_only=True):
    """What other support means for this one."""

    other: Annotated[Text, described("the other programme, by id, or `*` for all others", "cn-national-voucher")]
    allowed: Annotated[bool, described("no: whoever has that support gets none here", True)]
    aggregate_max: Annotated[Rate | None, described("all support together, of the eligible amount", "50%")] = None
    deducted_first: Annotated[bool, described("the other support reduces the eligible amount", False)] = False


class SubsidyRegime(Part, frozen=True, kw_only=True):
    """A ceiling of law across programmes, such as EU 2023/2831: EUR 300,000 in three years, counted at the grant."""

    regime: Annotated[Word, described("its name", "DE_MINIMIS")]
    ceiling: Annotated[Money, described("in units of the programme's currency", "300000")]
    months: Annotated[int, Meta(ge=1, le=1_200), described("rolling, before the grant", 36)]
    unit: Annotated[Literal["GROUP", "BENEFICIARY"], described("for whom it is counted", "GROUP")] = "GROUP"
    counts_on: Annotated[CountingEvent, described("when aid counts", "GRANTED")] = "GRANTED"
    excess: Annotated[
        Literal["CUT", "REFUSE"] | None,
        described("a grant above what is left is cut, or refused whole; none: CUT", "REFUSE"),
    ] = None
    unspent: Annotated[
        Literal["FREES", "COUNTS"] | None,
        described("what is cancelled unspent counts no more, or as granted; none: FREES", "COUNTS"),
    ] = None


class Tranche(Part, frozen=True, kw_only=True):
    """A part of a voucher that becomes usable later."""

    share: Annotated[Rate, described("of the voucher; all shares together are 1", "1/2")]
    release_on: Annotated[
        Literal["ISSUE", "PROGRESS_REPORT", "DATE", "ISSUER_DECISION", "FORMER_USED"],
        described("what the issuer needs to release it; ISSUE: nothing, it is usable from the issue on", "ISSUE"),
    ]
    after_days: Annotated[Annotated[int, Meta(ge=0, le=3_660)] | None, described("of DATE: after the issue", 180)] = (
        None
    )
    attested_by: Annotated[
        Id | None,
        described("of PROGRESS_REPORT: which party says that the milestone is reached; none: the issuer", "uni-board"),
    ] = None
    used_share: Annotated[
        Rate | None, described("of FORMER_USED: how much of the former parts is used; none: all", "80%")
    ] = None


class Retention(Part, frozen=True, kw_only=True):
    """A part of each payment that is held back."""

    share: Annotated[Rate, described("of the payment", "5%")]
    release_after_days: Annotated[int, Meta(ge=1, le=3_660), described("after the payment", 90)]


class Benefit(Part, frozen=True, kw_only=True):
    """What is paid."""

    basis: Annotated[
        Literal[
            "CONTRACT_APPROVED",
            "CONTRACT_THEN_SETTLED",
            "SETTLED",
            "INVOICE_LINE",
            "METERED_LINE",
            "ELIGIBLE_COST",
            "ALLOCATION",
            "FACE_VALUE",
        ],
        described("what the rate is applied to", "INVOICE_LINE"),
    ]
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    tier_order: Annotated[
        Literal["FIRST", "HIGHEST", "LOWEST"] | None,
        described("which tier counts where several apply; none: they must exclude each other", "FIRST"),
    ] = None
    caps: Annotated[tuple[Cap, ...], Meta(max_length=MAX_ITEMS)] = ()
    floor: Floor | None = None
    prorata: ProRata | None = None
    rounding: Rounding | None = None
    tax: Annotated[Literal["INCLUDING", "EXCLUDING"], described("whether tax is eligible", "EXCLUDING")] = "EXCLUDING"
    co_payment: CoPayment | None = None
    stacking: Annotated[tuple[Stacking, ...], Meta(max_length=MAX_ITEMS)] = ()
    regimes: Annotated[tuple[SubsidyRegime, ...], Meta(max_length=MAX_ITEMS)] = ()
    tranches: Annotated[tuple[Tranche, ...], Meta(max_length=MAX_ITEMS)] = ()
    retention: Retention | None = None
    text: Text | None = None
