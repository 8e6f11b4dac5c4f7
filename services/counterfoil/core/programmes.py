"""The records of programmes that several services keep, each from issuance's events."""

from __future__ import annotations

from typing import Final, Literal, get_args

from counterfoil.contract.events import ProgrammePublished, ProgrammePublishedV1
from counterfoil.core.form import TRUE, Form, event_of, one_of

Listing = Literal["listed", "suspended"]
"""Whether a programme accepts a provider; of a suspended one it pays nothing, and new bids do not meet it."""
PUBLISHED: Final = event_of(ProgrammePublishedV1, ProgrammePublished)

LISTING: Final = Form(
    "listing",
    ("programme_id", "provider_id"),
    one_of(*get_args(Listing)),
    "the programme has listed the provider, and may have suspended it",
)
FOUR_EYES: Final = Form(
    "four_eyes", ("programme_id", "act"), TRUE, "the act needs the signatures of two parties in the programme"
)
PROGRAMME: Final = Form(
    "programme", ("programme_id", "version"), PUBLISHED, "a version of a programme", numbers=("version",)
)
