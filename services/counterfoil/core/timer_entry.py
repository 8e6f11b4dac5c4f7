"""The entry that a timer makes, and whether it can be held: a timer that made a larger one would fail for ever."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract import limits
from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import Entry, TimerCause
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Event
from counterfoil.core.at import At


def of_timer(origin: str, kind: str, at: At, events: Sequence[Event]) -> Entry:
    """The entry of a timer."""
    cause = TimerCause(kind, at.time)
    return Entry(origin, at.index, f"timer/{at.index}", at.time, kind, cause, False, (), tuple(events))


def fits_timer(service: str, kind: str, at: At, events: Sequence[Event]) -> bool:
    """Whether a timer of a service could make an entry of these events. The same made by a command is larger."""
    origin = LogId(service, at.shard).origin(at.host)
    return len(encode_entry(of_timer(origin, kind, at, events))) <= limits.MAX_ENTRY_BYTES
