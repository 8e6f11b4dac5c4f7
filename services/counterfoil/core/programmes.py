"""The records of programmes that several services keep, each from issuance's events."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.record import Event
from counterfoil.core.form import TRUE, Form, event

LISTING: Final = Form("listing", ("programme_id", "provider_id"), TRUE, "the programme accepts the provider")


def versions(published: type[Event]) -> Form:
    """Every version of each programme, as the event that published it."""
    key = ("programme_id", "version")
    return Form("programme", key, event(published), "a version of a programme", numbers=("version",))
