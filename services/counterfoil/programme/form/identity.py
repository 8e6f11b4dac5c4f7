"""Who issues the programme, by what right, when it is valid, what its unit is, and where the document comes from."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.programme.form.scalars import (
    Currency,
    Day,
    Id,
    Multiple,
    Name,
    Part,
    Reference,
    Text,
    Word,
    described,
)
from counterfoil.programme.limits import MAX_ITEMS


class LegalBasis(Part, frozen=True, kw_only=True):
    """A text by which the issuer acts."""

    title: Annotated[Text, described("its title", "Measures to promote compute vouchers")]
    document: Annotated[Reference | None, described("its number", "No. 34 of 2023")] = None
    date: Annotated[Day | None, described("when it was enacted", "2025-09-02")] = None
    url: Annotated[Text | None, described("where it can be read", "https://www.example.org/measures")] = None


class Issuer(Part, frozen=True, kw_only=True):
    """Whose programme it is. Which party signs the document is not written here: the signature says it."""

    name: Annotated[Name, described("the authority or company", "City of Springfield (fictional)")]
    jurisdiction: Annotated[
        Annotated[str, Meta(max_length=16)] | None,
        described("ISO 3166-1 or -2, with further digits for a city", "CN-SC-01"),
    ] = None


class Validity(Part, frozen=True, kw_only=True):
    """When the programme grants vouchers. What a voucher pays for later is `expiry`'s to say, and nothing else's."""

    start: Annotated[Day, described("the first day, at 00:00 of `utc_offset`", "2025-09-02")]
    end: Annotated[Day | None, described("the last day, all of it; none: open", "2027-12-31")] = None
    utc_offset: Annotated[
        str,
        Meta(pattern=r"^[+-](0[0-9]|1[0-4]):(00|15|30|45)$"),
        described("of the days and periods of the programme", "+08:00"),
    ] = "+00:00"
    amendments: Annotated[
        Literal["PROSPECTIVE", "RETROACTIVE"],
        described("whether a later version changes vouchers that are issued", "PROSPECTIVE"),
    ] = "PROSPECTIVE"


class MoneyUnit(Part, tag_field="kind", tag="MONEY", frozen=True, kw_only=True):
    """Vouchers are worth money."""

    currency: Annotated[Currency, described("of every amount in the document", "CNY")]


class ComputeUnit(Part, tag_field="kind", tag="COMPUTE", frozen=True, kw_only=True):
    """Vouchers are an allocation of compute: nothing is paid, and amounts are quantities of the unit."""

    unit: Annotated[
        Literal["GPU_HOUR", "CARD_HOUR", "NODE_HOUR", "CORE_HOUR", "PFLOPS_DAY", "TOKEN"],
        described("what is counted", "GPU_HOUR"),
    ]
    precision: Annotated[Word | None, described("of PFLOPS", "FP16")] = None


class Conversion(Part, frozen=True, kw_only=True):
    """How much of another unit one unit is; ACCESS has credits that convert so.

    Of several for one unit, the provider's own counts for a line of that provider, and the one without for all others.
    """

    from_unit: Annotated[Word, described("the unit of a line", "A100_GPU_HOUR")]
    rate: Annotated[Multiple, described("programme units for one of them", "1.5", "1/3")]
    provider: Annotated[Id | None, described("of this provider alone", "norn")] = None


class ProvenanceSource(Part, frozen=True, kw_only=True):
    """Where a rule was read."""

    id: Annotated[Word, described("by which comments and `assumed` cite it", "S1")]
    text: Annotated[Text, described("publication, date, address", "Municipal gazette of 2025-09-02")]


class Provenance(Part, frozen=True, kw_only=True):
    """How well the document is founded. Nothing is decided by it."""

    grade: Annotated[Word | None, described("T1 official text, T1R reprint, T2 news, T3 second-hand", "T1R")] = None
    sources: Annotated[tuple[ProvenanceSource, ...], Meta(max_length=MAX_ITEMS)] = ()
    assumed: Annotated[
        tuple[Text, ...], Meta(max_length=MAX_ITEMS), described("what no source states", ["benefit.rounding"])
    ] = ()
    open_questions: Annotated[
        tuple[Text, ...], Meta(max_length=MAX_ITEMS), described("what the sources leave open", ["The last day"])
    ] = ()


class Publication(Part, frozen=True, kw_only=True):
    """What the programme makes public of its vouchers."""

    fields: Annotated[
        tuple[Literal["BENEFICIARY", "PROVIDER", "AMOUNT", "DATE", "PURPOSE", "DECISION"], ...],
        Meta(max_length=6),
        described("of each grant", ["BENEFICIARY", "AMOUNT"]),
    ] = ()
    delay_days: Annotated[int, Meta(ge=0, le=3_660), described("after the decision", 30)] = 0
    notice_days: Annotated[int, Meta(ge=0, le=366), described("a public notice before grants take effect", 5)] = 0
