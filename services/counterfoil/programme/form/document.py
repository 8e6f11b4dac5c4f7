"""A programme document, whole."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from counterfoil.programme.form.benefit import Benefit
from counterfoil.programme.form.budget import Budget
from counterfoil.programme.form.conditions import FactDeclaration, Requirement
from counterfoil.programme.form.identity import (
    ComputeUnit,
    Conversion,
    Issuer,
    LegalBasis,
    MoneyUnit,
    Provenance,
    Publication,
    Validity,
)
from counterfoil.programme.form.life import Control, Expiry, Records, Reporting, Transfer
from counterfoil.programme.form.redemption import Applications, Redemption, Review
from counterfoil.programme.form.scalars import Id, Language, Part, Text, described
from counterfoil.programme.form.scope import Contract, Delivery, Providers, Scope, Spending
from counterfoil.programme.limits import MAX_ITEMS


class Document(Part, frozen=True, kw_only=True):
    """One version of a programme, as its issuer writes and signs it."""

    schema: Annotated[
        Literal["counterfoil.programme/1"], described("the form that the document has", "counterfoil.programme/1")
    ]
    id: Annotated[Id, described("of the programme; the same in every version", "springfield-2026")]
    version: Annotated[int, Meta(ge=1, le=1_000_000), described("1, then the next number with each change", 1)] = 1
    title: Annotated[
        dict[Language, Text], Meta(min_length=1, max_length=16), described("by language", {"en": "Compute vouchers"})
    ]
    issuer: Issuer
    legal_basis: Annotated[tuple[LegalBasis, ...], Meta(max_length=MAX_ITEMS)] = ()
    valid: Validity
    unit: Annotated[MoneyUnit | ComputeUnit, described("what vouchers are worth", {"kind": "MONEY", "currency": "CNY"})]
    conversions: Annotated[tuple[Conversion, ...], Meta(max_length=MAX_ITEMS)] = ()
    facts: Annotated[tuple[FactDeclaration, ...], Meta(max_length=MAX_ITEMS)] = ()
    budget: Budget
    benefit: Benefit
    eligibility: Annotated[tuple[Requirement, ...], Meta(max_length=MAX_ITEMS)] = ()
    applications: Applications | None = None
    review: Review | None = None
    scope: Scope = Scope()
    contract: Contract = Contract()
    providers: Providers
    spending: Spending = Spending()
    delivery: Delivery = Delivery()
    redemption: Redemption
    transfer: Transfer
    expiry: Expiry
    control: Control = Control()
    reporting: Reporting | None = None
    publication: Publication | None = None
    records: Records = Records()
    provenance: Provenance | None = None
