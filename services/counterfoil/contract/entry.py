"""The log entry: a CloudEvents 1.0 event in structured JSON mode, as RFC 8785 bytes. The leaf of the log.

An entry says what caused it, what was decided, and the events that follow from the decision.
"""

from __future__ import annotations

from typing import Annotated, Final, final

import msgspec

from counterfoil.contract import limits
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal

ENTRY_TYPE: Final = "counterfoil.entry.v1"
PAYLOAD_TYPE: Final = "application/vnd.counterfoil.command.v1+json"
Index = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_COUNT)]


@final
class CommandCause(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A signed command (or batch of commands), verbatim."""

    payload: bytes
    signature: bytes = msgspec.field(name="sig")
    key_id: str = msgspec.field()


@final
class EntryCause(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The event number `item` of entry `index` of another log."""

    origin: str
    index: Index
    leaf: bytes
    item: Index


@final
class TimerCause(msgspec.Struct, frozen=True, gc=False):
    """Made by the log's writer: everything of `kind` that was due at `due` (microseconds) or before."""

    kind: str
    due: int


@final
class GenesisCause(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The first entry of a log; in issuance's log it also names the operator, the root of all authority."""

    operator_id: str
    operator_name: str
    operator_key: bytes
    rules: Index
    """The version of the rules that the log begins with."""
    release: str
    """A release that knows these rules."""
    operator_recovery_key: bytes | None = None
    """It is kept offline, and signs nothing but `recover_party`."""


@final
class ResumedCause(msgspec.Struct, frozen=True, gc=False):
    """The log's writer decides again after it was away, with the last sign of life at `away_since` (microseconds).

    That time cannot be derived from the log; the rules bound it (`core.rules.Rules.shortest_outage`).
    """

    away_since: int


Cause = CommandCause | EntryCause | TimerCause | GenesisCause | ResumedCause


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one command: how many of the entry's events are its own, or why it was refused."""

    events: int
    refusal: Refusal | None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry. `outcomes`: one per command of the cause, empty for other causes (which are always accepted)."""

    origin: str
    index: int
    id: str
    time: int
    subject: str
    cause: Cause
    batch: bool
    outcomes: tuple[Outcome, ...]
    events: tuple[Event, ...]
