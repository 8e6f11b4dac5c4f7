"""The records of programmes that several services keep, each from issuance's events."""

from __future__ import annotations

from typing import Final, Literal, get_args

from counterfoil.contract.record import Event
from counterfoil.core.form import TRUE, Form, event, one_of

Listing = Literal["listed", "suspended"]
"""Whether a programme accepts a provider; of a suspended one it pays nothing, and new bids do not meet it."""

LISTING: Final = Form(
    "listing",
    ("programme_id", "provider_id"),
    one_of(*get_args(Listing)),
    "the programme has listed the provider, and may have suspended it",
)
FOUR_EYES: Final = Form(
    "four_eyes", ("programme_id", "act"), TRUE, "the act needs the signatures of two parties in the programme"
)


def versions(published: type[Event]) -> Form:
    """Every version of each programme, as the event that published it."""
    key = ("programme_id", "version")
    return Form("programme", key, event(published), "a version of a programme", numbers=("version",))
