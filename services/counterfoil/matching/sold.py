"""A trade as matching keeps it until its last hour is over: what could replace it, and which nodes it took."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.contract.times import HOUR
from counterfoil.core.form import AMOUNT, COUNT, TEXT, Form, optional, row


class Sold(NamedTuple):
    """`nodes` nodes for `hours` hours from `first_hour` on, at `price` micro-units per GPU-hour.

    `site_id`: where they are, if the offer said so.
    """

    beneficiary_id: str
    provider_id: str
    programme_id: str
    class_id: str
    region: str
    currency: str
    nodes: int
    gpus_per_node: int
    first_hour: int
    hours: int
    price: int
    site_id: str | None

    @property
    def over_at(self) -> int:
        """When its last hour ends, in microseconds."""
        return (self.first_hour + self.hours) * HOUR


SOLD: Final = Form(
    "sold",
    ("contract_id",),
    row(
        Sold, beneficiary_id=TEXT, provider_id=TEXT, programme_id=TEXT, class_id=TEXT, region=TEXT, currency=TEXT,
        nodes=COUNT, gpus_per_node=COUNT, first_hour=COUNT, hours=COUNT, price=AMOUNT, site_id=optional(TEXT),
    ),
    "a trade until its last hour is over (a while longer if none follows): what another offer would have to have in its"
    " place",
)  # fmt: skip
FORGOTTEN_AT_ONCE: Final = 2
"""Trades that are over and are forgotten as another is made: more than are made, so that they do not pile up."""
