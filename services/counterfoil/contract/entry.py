"""The log entry: a CloudEvents 1.0 event in structured JSON mode, as RFC 8785 bytes. The leaf of the log.

An entry says what caused it, what was decided, and the events that follow from the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal

ENTRY_TYPE: Final = "counterfoil.entry.v1"
PAYLOAD_TYPE: Final = "application/vnd.counterfoil.command.v1+json"


@dataclass(frozen=True, slots=True)
class CommandCause:
    """A signed command (or batch of commands), verbatim."""

    payload: bytes
    signature: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class EntryCause:
    """The event number `item` of entry `index` of another log."""

    origin: str
    index: int
    leaf: bytes
    item: int


@dataclass(frozen=True, slots=True)
class TimerCause:
    """Made by the log's writer: everything of `kind` that was due at `due` (microseconds) or before."""

    kind: str
    due: int


@dataclass(frozen=True, slots=True)
class GenesisCause:
    """The first entry of a log; in issuance's log it also names the operator, the root of all authority."""

    operator_id: str
    operator_name: str
    operator_key: bytes
    rules: int
    """The version of the rules that the log begins with."""
    release: str
    """A release that knows these rules."""


Cause = CommandCause | EntryCause | TimerCause | GenesisCause


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command: how many of the entry's events are its own, or why it was refused."""

    events: int
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Entry:
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
