"""The terms of a programme: what one of its versions lays down, as one value that every service asks.

A further version has terms of its own; vouchers keep those of the version that issued them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    Amount,
    Currency,
    Flag,
    Id,
    Name,
    PositiveAmount,
    RateDenominator,
    RateTerm,
    Reason,
    Seconds,
    Tagged,
    Time,
)


@record
class Rate:
    """A rational share, ``num / den``; 0 < num <= den is checked by the decider."""

    num: RateTerm
    den: RateDenominator


@record
class FixedExpiry:
    """Every voucher of the programme ends at the same instant."""

    kind: Literal["fixed"]
    at: Time


@record
class RelativeExpiry:
    """A voucher ends this many seconds after it was issued."""

    kind: Literal["relative"]
    after_seconds: Seconds


Expiry = Annotated[FixedExpiry | RelativeExpiry, Tagged("kind", {"fixed": FixedExpiry, "relative": RelativeExpiry})]
FourEyesAct = Literal["approval", "payment", "clawback"]
"""What a programme may demand two signatories for: the approval of a claim, a payment, or taking one back."""
SignedAct = Literal["approval", "payment", "clawback", "adjustment"]
"""What is signed by two: where the programme demands it, and what is paid for an earlier period always."""
RedemptionModel = Literal["deduct_at_provider"]
"""How accepted usage is paid. `deduct_at_provider`: the beneficiary pays the co-payment and the provider claims the
subsidy from the programme."""


@record
class ProgrammeTerms:
    """What a programme version lays down. Amounts are micro-units of `currency`.

    `share` of an eligible amount is paid by voucher, the rest is the beneficiary's co-payment. `beneficiary_cap` bounds
    what one group of related parties is ever issued, `min_face` is the least that a voucher is issued for. `recycle`
    says where expired value goes. `hold_tolls_expiry`: a trade made in time is paid for even if it is delivered after
    the voucher's expiry; a bid on the book is not.
    """

    title: Name
    legal_basis: Reason
    currency: Currency
    share: Rate
    beneficiary_cap: PositiveAmount
    min_face: Amount
    classes: tuple[Id, ...]
    regions: tuple[Id, ...]
    valid_from: Time
    valid_until: Time
    expiry: Expiry
    recycle: Literal["appropriation", "lapsed"]
    hold_tolls_expiry: Flag
    report_within_seconds: Seconds
    dispute_window_seconds: Seconds
    redemption_model: RedemptionModel

    def subsidy(self, amount: int) -> int:
        """The voucher's part of an amount: floor(amount x share). The rest is the co-payment."""
        return amount * self.share.num // self.share.den

    @property
    def rounds(self) -> bool:
        """Whether the voucher's part of an amount may have to be rounded."""
        return self.share.num % self.share.den != 0

    @property
    def recycles(self) -> bool:
        """Whether expired value may be issued again."""
        return self.recycle == "appropriation"

    def is_open(self, time: int) -> bool:
        """Whether the version is valid at `time`."""
        return self.valid_from <= time < self.valid_until

    def allows_class(self, class_id: str) -> bool:
        """Whether the version pays for the class."""
        return class_id in self.classes

    def allows_region(self, region: str) -> bool:
        """Whether the version pays for the region."""
        return region in self.regions

    def allows(self, classes: Iterable[str], regions: Iterable[str]) -> bool:
        """Whether the version pays for all of the classes and regions."""
        return all(map(self.allows_class, classes)) and all(map(self.allows_region, regions))
