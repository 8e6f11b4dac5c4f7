"""The records of programmes that several services keep, each from issuance's events."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from counterfoil.contract.events import ProgrammePublished, ProgrammePublishedV1
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import refuse
from counterfoil.core.form import TRUE, Form, event_of, one_of
from counterfoil.core.table import Table

Listing = Literal["listed", "suspended"]
"""Whether a programme accepts a provider; of a suspended one it pays nothing, and new bids do not meet it."""
Phase = Literal["run_off", "decided", "closing", "closed"]
"""How near its end a programme is: it grants nothing new; all that was applied for is decided; the services agree on
closing it; it is closed."""
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


def of_row(_key: Any, row: Any) -> str:
    """The programme that a row names."""
    return str(row.programme_id)


def of_key(key: tuple[str, str], _row: Any) -> str:
    """The programme that a key begins with."""
    return key[0]


PHASE: Final = Form(
    "phase", ("programme_id",), one_of(*get_args(Phase)), "how near its end a programme is; one that goes on has no row"
)


class Phases(Table[str, Phase]):
    """How near their ends the programmes of a service are, as far as that is known there."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(PHASE)

    def shut(self, programme_id: str) -> Refusal | None:
        """Whether nothing happens in a programme any more."""
        closed = self.get(programme_id) in ("closing", "closed")
        return refuse(Code.PROGRAMME_CLOSED, programme_id=programme_id) if closed else None

    def grants_nothing(self, programme_id: str) -> Refusal | None:
        """Whether nothing new begins in a programme."""
        running = programme_id in self
        return self.shut(programme_id) or (
            refuse(Code.PROGRAMME_IN_RUN_OFF, programme_id=programme_id) if running else None
        )
