"""Conditions over attested facts, as written."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from counterfoil.programme.form.scalars import Count, FactName, Months, Part, Text, described
from counterfoil.programme.limits import MAX_CODES, MAX_ITEMS

Code = Annotated[str, Meta(min_length=1, max_length=64)]
Plain = bool | int | str


class Condition(Part, frozen=True, kw_only=True):
    """A condition: one comparison of a fact, or `all`, `any`, `not` of others.

    A comparison with a fact that nobody attested is neither true nor false, and grants nothing.
    """

    fact: Annotated[FactName | None, described("the fact that is compared", "registered_in")] = None
    equals: Annotated[
        Plain | UnsetType, described("the fact is this value; of a set: it holds it", True, "DOMESTIC", 3)
    ] = field(default=UNSET, name="is")
    one_of: Annotated[
        Annotated[tuple[Code, ...], Meta(max_length=MAX_CODES)] | None,
        described("the fact is one of these; of a set: it holds one of them", ["CN-SC-01"]),
    ] = field(default=None, name="in")
    at_least: Annotated[int | None, described("a number, in the fact's unit", 100)] = None
    at_most: Annotated[int | None, described("a number, in the fact's unit", 250)] = None
    below: Annotated[int | None, described("a number, in the fact's unit", 12)] = None
    above: Annotated[int | None, described("a number, in the fact's unit", 0)] = None
    within_months: Annotated[
        Months | None, described("a date: fewer than this many months lie between it and the judgement", 12)
    ] = None
    not_within_months: Annotated[
        Months | None, described("a date: at least this many months lie between; none on record is true", 36)
    ] = None
    on_or_after: Annotated[str | None, described("a date: not before this day", "2023-09-01")] = None
    on_or_before: Annotated[str | None, described("a date: not after this day", "2025-12-31")] = None
    all: Annotated[tuple[Condition, ...], Meta(max_length=MAX_ITEMS)] | None = None
    any: Annotated[tuple[Condition, ...], Meta(max_length=MAX_ITEMS)] | None = None
    negated: Condition | None = field(default=None, name="not")


class FactDeclaration(Part, frozen=True, kw_only=True):
    """A fact of the programme's own, beside those that every programme knows."""

    name: Annotated[FactName, described("by which conditions ask for it", "early_small")]
    kind: Annotated[Literal["FLAG", "NUMBER", "CODE", "CODES", "DATE"], described("of its values", "FLAG")]
    of: Annotated[Literal["APPLICANT", "PROJECT", "LINE", "PROVIDER"], described("what it is a fact of", "APPLICANT")]
    unit: Annotated[Text | None, described("of a number", "employees")] = None
    text: Annotated[Text, described("what it means, and how it is proven", "Younger than two years, under 20 staff")]
    attested_by: Annotated[
        Literal["ANY", "ISSUER", "OPERATOR", "PROVIDER", "APPLICANT"],
        described("whose word counts; ANY: whoever the operator lets attest, the applicant not", "ISSUER"),
    ] = "ANY"
    valid_months: Annotated[Count | None, described("how long an attestation counts", 12)] = None


class Requirement(Part, frozen=True, kw_only=True):
    """A condition that an applicant has to meet."""

    id: Annotated[FactName, described("the name of the rule, in refusals and reports", "registered_here")]
    when: Condition
    text: Annotated[Text | None, described("the rule in the words of the programme", "Registered in the city")] = None
