"""A case as people write it, to have a calculation explained: facts, lines, and what was counted before."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from counterfoil.contract.scalars import CountingEvent
from counterfoil.programme.form.benefit import Scope
from counterfoil.programme.form.conditions import Code
from counterfoil.programme.form.scalars import (
    Day,
    FactName,
    Id,
    Instrument,
    Money,
    Name,
    Part,
    Quantity,
    Text,
    Word,
    described,
)
from counterfoil.programme.limits import MAX_CODES, MAX_FACTS, MAX_LINES

FactValue = bool | int | str | Annotated[tuple[Code, ...], Meta(max_length=MAX_CODES)]


class FactGiven(Part, frozen=True, kw_only=True):
    """One attested fact."""

    name: Annotated[FactName, described("known to every programme, or declared by this one", "registered_in")]
    value: Annotated[FactValue, described("a flag, a whole number, a code, codes, or a date", True, 12, ["CN-SC-01"])]
    attested_by: Annotated[Name, described("who says so: a party, or a register", "operator")]
    on: Annotated[Day, described("when", "2026-01-02")]
    source: Annotated[Text, described("where the attestor has it from", "company register")] = ""


Facts = Annotated[tuple[FactGiven, ...], Meta(max_length=MAX_FACTS)]


class ContractGiven(Part, frozen=True, kw_only=True):
    """The contract that lines belong to."""

    signed: Annotated[Day, described("when it was signed", "2025-01-01")]
    starts: Annotated[Day, described("its first day", "2025-01-01")]
    ends: Annotated[Day, described("its last day", "2026-12-31")]


class LineGiven(Part, frozen=True, kw_only=True):
    """One line of a contract, an invoice or a meter. Amounts are units of the currency, tax included."""

    id: Annotated[Name, described("its number", "1")]
    sku: Annotated[Word, described("what was bought", "GPU_COMPUTE")]
    instrument: Annotated[Instrument, described("what it is for", "COMPUTE")] = "COMPUTE"
    amount: Annotated[Money, described("with tax", "200000")] = "0"
    tax: Annotated[Money, described("of it", "0")] = "0"
    quantity: Annotated[Quantity, described("how many units", "1200")] = "0"
    unit: Annotated[Word | Literal[""], described("of what", "GPU_HOUR")] = ""
    class_id: Annotated[Id | None, described("the market's class", "a100-80gb")] = None
    region: Annotated[Id | None, described("the market's region", "cn.sc")] = None
    provider_id: Annotated[Id | Literal[""], described("who delivers", "norn")] = ""
    provider_listed: Annotated[bool, described("whether the programme lists it", True)] = True
    related: Annotated[bool, described("whether buyer and provider are related", False)] = False
    starts: Annotated[Day | None, described("first day of the use", "2025-03-01")] = None
    ends: Annotated[Day | None, described("last day of the use", "2025-12-31")] = None
    ceiling: Annotated[Money | None, described("highest price of a unit, where others find it", "20")] = None
    facts: Facts = ()


class CountedGiven(Part, frozen=True, kw_only=True):
    """Something that was counted before."""

    cap: Annotated[Name, described("the cap's id, or `regime:` and the regime's name", "per-year")]
    subject: Annotated[Name, described("for whom", "acme")]
    event: Annotated[CountingEvent, described("at which event", "GRANTED")]
    on: Annotated[Day, described("when", "2026-02-01")]
    amount: Annotated[Money, described("units; of caps of grants their number", "1200000")]


class CaseGiven(Part, frozen=True, kw_only=True):
    """An application or a claim, beside its lines."""

    day: Annotated[Day, described("when it is judged, by the programme's clock", "2026-01-10")]
    events: Annotated[
        tuple[CountingEvent, ...], Meta(min_length=1, max_length=3), described("what it is", ["APPLIED", "GRANTED"])
    ] = ("APPLIED", "GRANTED")
    subjects: Annotated[dict[Scope, Name], described("who it is", {"BENEFICIARY": "acme", "GROUP": "acme"})] = field(
        default_factory=dict
    )
    facts: Facts = ()
    applied: Annotated[Day | None, described("when it was applied for", "2025-12-20")] = None
    contract: ContractGiven | None = None
    approved: Annotated[dict[Name, Money], described("caps that the approval sets", {"project": "100000"})] = field(
        default_factory=dict
    )
    granted: Annotated[Money | None, described("what a claim may take at most", "50000")] = None
    left: Annotated[dict[Name, Money], described("what envelopes have left", {"main": "1000000"})] = field(
        default_factory=dict
    )
    first_used: Annotated[dict[Name, Day], described("when tiers were first used", {"young": "2025-06-01"})] = field(
        default_factory=dict
    )
    other_support: Annotated[dict[Name, Money], described("for the same cost, by programme", {"national": "1000"})] = (
        field(default_factory=dict)
    )
    counted: Annotated[tuple[CountedGiven, ...], Meta(max_length=MAX_LINES)] = ()
    lines: Annotated[tuple[LineGiven, ...], Meta(max_length=MAX_LINES)] = ()
