"""Short forms for programme versions: members of a publication and of its terms are named side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeVar

from counterfoil.contract.events import ProgrammePublishedV1
from counterfoil.contract.terms import FixedExpiry, ProgrammeTerms, Rate
from counterfoil.contract.times import LAST_YEAR, parse_time
from counterfoil.issuance.commands import PublishProgrammeV1

LAST_TIME: Final = parse_time(f"{LAST_YEAR}-01-01T00:00:00.000000Z")
R = TypeVar("R")

TERMS: Final = ProgrammeTerms(
    title="Vouchers",
    legal_basis="Notice 1",
    currency="CNY",
    share=Rate(num=1, den=2),
    beneficiary_cap=10**15,
    min_face=0,
    classes=("a100",),
    regions=("east",),
    valid_from=0,
    valid_until=LAST_TIME,
    expiry=FixedExpiry(kind="fixed", at=LAST_TIME),
    recycle="appropriation",
    hold_tolls_expiry=True,
    report_within_seconds=3_600,
    dispute_window_seconds=3_600,
    redemption_model="deduct_at_provider",
)
"""Half of any amount, from the beginning of time to its end."""


def publish(programme_id: str = "p1", version: int = 1, **terms: Any) -> PublishProgrammeV1:
    """The command that publishes a version."""
    return PublishProgrammeV1(programme_id=programme_id, version=version, terms=replace(TERMS, **terms))


def published(
    programme_id: str = "p1", version: int = 1, issuer_id: str = "city", **terms: Any
) -> ProgrammePublishedV1:
    """A version as issuance published it."""
    return ProgrammePublishedV1(
        programme_id=programme_id,
        version=version,
        issuer_id=issuer_id,
        terms_hash=bytes(32),
        terms=replace(TERMS, **terms),
    )


def changed(body: R, **changes: Any) -> R:
    """A command or event with other members; those of a publication's terms are named like its own."""
    if isinstance(body, PublishProgrammeV1 | ProgrammePublishedV1):
        of_terms = {name: changes.pop(name) for name in list(changes) if name in ProgrammeTerms.__dataclass_fields__}
        changes["terms"] = replace(body.terms, **of_terms)
    return replace(body, **changes)  # type: ignore[type-var]
