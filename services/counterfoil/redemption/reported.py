"""Usage reports that are open, with the corrections that either side proposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from counterfoil.core.form import COUNT, TEXT, TIME, Form, listed, optional, row
from counterfoil.redemption.commands import Reading, minutes


class Correction(NamedTuple):
    """What one side says that a report should have said: all its readings."""

    correction_id: str
    by: str
    readings: tuple[Reading, ...]


@dataclass(slots=True)
class Report:
    """A usage report that is open: its window runs, or it is disputed until `resolve_by`.

    `corrections`: at most one proposed by each side.

    `index` and `item` are the place of the command that reported or disputed it last: reports that are due at the same
    time are taken in that order.
    """

    contract_id: str
    readings: tuple[Reading, ...]
    dispute_until: int
    index: int
    item: int
    resolve_by: int | None = None
    disputed_by: str | None = None
    corrections: tuple[Correction, ...] = ()

    @property
    def gpu_minutes(self) -> int:
        """What it says in all."""
        return minutes(self.readings)

    @property
    def disputed(self) -> bool:
        """Whether it awaits a resolution."""
        return self.resolve_by is not None


_READINGS: Final = listed(row(Reading, hour=COUNT, gpu_minutes=COUNT))
REPORT: Final = Form(
    "report",
    ("report_id",),
    row(
        Report, contract_id=TEXT, readings=_READINGS, dispute_until=TIME, index=COUNT, item=COUNT,
        resolve_by=optional(TIME), disputed_by=optional(TEXT),
        corrections=listed(row(Correction, correction_id=TEXT, by=TEXT, readings=_READINGS)),
    ),
    "a usage report that is not accepted yet; `index` and `item`: the command that reported or disputed it last",
)  # fmt: skip
