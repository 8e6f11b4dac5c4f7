"""Values that a programme is made of: its share of a price, and when its vouchers end."""

from __future__ import annotations

from typing import Annotated, Literal

from counterfoil.contract.record import record
from counterfoil.contract.scalars import (
    RateDenominator,
    RateTerm,
    Seconds,
    Tagged,
    Time,
)


@record
class Rate:
    """A rational share, ``num / den``; 0 <= num <= den is checked by the decider."""

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
