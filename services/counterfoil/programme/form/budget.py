"""Where the money comes from, and what happens when there is too little."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.programme.form.scalars import Id, Instrument, Money, Part, Rate, Text, described
from counterfoil.programme.limits import MAX_CODES, MAX_ITEMS

PeriodName = Literal[
    "PROGRAMME", "CALENDAR_YEAR", "CALENDAR_QUARTER", "CALENDAR_MONTH", "FISCAL_YEAR", "ROLLING", "LIFETIME"
]


class Period(Part, frozen=True, kw_only=True):
    """Over what time something is counted."""

    kind: Annotated[
        PeriodName,
        described(
            "PROGRAMME: its whole validity; LIFETIME: for ever; ROLLING: the last `months` before the judgement",
            "CALENDAR_YEAR",
        ),
    ]
    months: Annotated[Annotated[int, Meta(ge=1, le=1_200)] | None, described("of ROLLING", 36)] = None
    starts: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9]{2}-[0-9]{2}$")] | None,
        described("first day of a FISCAL_YEAR, MM-DD", "04-01"),
    ] = None


class Envelope(Part, frozen=True, kw_only=True):
    """A part of the budget that vouchers of some instruments are granted from."""

    id: Annotated[Id, described("unique in the document", "compute")]
    amount: Annotated[Money | None, described("per period; none: what is appropriated", "600000000")] = None
    period: Period
    instruments: Annotated[
        tuple[Instrument, ...], Meta(max_length=MAX_ITEMS), described("all, if none is named", ["COMPUTE"])
    ] = ()
    regions: Annotated[tuple[Id, ...], Meta(max_length=MAX_CODES), described("of applicants; all, if none")] = ()
    rolls_over: Annotated[bool, described("what a period leaves is added to the next", False)] = False


class Exhaustion(Part, frozen=True, kw_only=True):
    """Who gets what when applications ask for more than there is."""

    mode: Annotated[
        Literal["FIRST_COME", "RANKED", "PRO_RATA", "LOTTERY", "QUEUE", "TOTAL_CONTROL"],
        described(
            "FIRST_COME: by time; RANKED: by score; PRO_RATA: all in proportion; LOTTERY: by a seed committed before; "
            "QUEUE: by time, and those left over wait; TOTAL_CONTROL: all or nothing by time, no part of an amount",
            "FIRST_COME",
        ),
    ]
    partial: Annotated[bool, described("the last one gets what is left, even if that is less", True)] = False


class FundingShare(Part, frozen=True, kw_only=True):
    """What one payer bears of each payment."""

    payer: Annotated[Id, described("a payer, by the name that settlements use", "district")]
    share: Annotated[Rate, described("of what is paid; all shares together are 1", "1/2")]
    timing: Annotated[
        Literal["TOGETHER", "AFTERWARDS"], described("AFTERWARDS: it refunds the first payer later", "TOGETHER")
    ] = "TOGETHER"


class ReserveFund(Part, frozen=True, kw_only=True):
    """Money that providers are paid from before the budget pays (Chengdu 2023)."""

    target: Annotated[Money | None, described("what it should hold", "5000000")] = None
    top_up_below: Annotated[Rate | None, described("share of the target at which it is filled up", "20%")] = None


class Budget(Part, frozen=True, kw_only=True):
    """The budget."""

    envelopes: Annotated[tuple[Envelope, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    exhaustion: Exhaustion
    funding: Annotated[
        tuple[FundingShare, ...], Meta(max_length=MAX_ITEMS), described("none: the issuer bears all")
    ] = ()
    reserve_fund: ReserveFund | None = None
    administration_outside: Annotated[bool, described("administration is paid from elsewhere", True)] = True
    text: Text | None = None
