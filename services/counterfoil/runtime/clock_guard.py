"""Whether a log's writer may believe its clock: what it decides by a wrong one is there for good.

A clock that is set while the writer runs parts from the time since the machine's start. A clock that was set while it
was stopped shows only where it is behind the log, or further ahead of it than any outage would be. In both cases the
writer waits, until a person accepts the time or mends the clock. Slewing, leap seconds and the machine's sleep are let
through; a virtual machine that its host paused looks like a clock that was set.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.times import DAY, HOUR, SECOND, format_time
from counterfoil.ports import Clock, LogStore, Presence
from counterfoil.runtime.standstill import Standstill

TOLERANCE: Final = 5 * SECOND
"""By which a clock may be set, or be behind the log, in microseconds."""
LONGEST_OUTAGE: Final = 7 * DAY
"""By which a clock may be ahead of the log at a start, unless a setting says otherwise."""
SIGN_EVERY: Final = 5 * SECOND
"""Microseconds between two signs of life."""
_FOLLOW_EVERY: Final = HOUR  # steps within the tolerance are followed no sooner, so that they cannot add up


class ClockGuard:
    """The guard of one log's clock, for as long as its process is the writer; only the writer's thread may use it."""

    def __init__(self, clock: Clock, longest_outage: int = LONGEST_OUTAGE) -> None:
        """`longest_outage` in microseconds."""
        self._clock, self._longest = clock, longest_outage
        self._offset, self._followed = clock.offset(), clock.now()  # the offset that is believed, and since when
        self._believed = False  # whether the clock was found right since this guard was made
        self._known: int | None = None  # at a start: the clock's time that is certain; None once it was compared
        self._unanswered: int | None = None  # at a start: a time ahead of that, which an earlier process asked for
        self._asked: tuple[int, int] | None = None  # the time and the offset for which a person's word is awaited
        self._text = ""
        self._signed = 0
        self.alive: int | None = None
        """When this log last decided, or could have, in this process or one before it; None if nobody knows."""

    def start(self, store: LogStore, last_entry: int) -> None:
        """Compare the clock with the log, whose last entry was made at `last_entry`, at the next `check`.

        The first start judges the clock by the log alone, however it was set before.
        """
        if not self._believed:
            self._offset, self._followed = self._clock.offset(), self._clock.now()
        presence = store.presence()
        self.alive = None if presence is None else presence.alive
        self._known = _certain(presence, last_entry)
        if presence is None or self._asked is None or presence.asked != self._asked[0]:
            self._asked = None
            self._unanswered = _unanswered(presence, self._known)

    def check(self, store: LogStore, now: int, last_entry: int) -> Standstill | None:
        """Why nothing may be decided at `now`, which was read before; None if it may. Gives the sign of life."""
        problem = self._problem(now)
        if problem and not self._accepted(store, now):
            return self._wait(store, now, problem)
        waited = self._asked is not None
        if problem:
            self._offset, self._followed = self._clock.offset(), now
        self._known = self._unanswered = self._asked = None
        self._believed = True
        if not 0 <= now - self._followed < _FOLLOW_EVERY:
            self._offset, self._followed = self._clock.offset(), now
        if waited or problem or not 0 <= now - self._signed < SIGN_EVERY:
            # Once a person has accepted a clock behind the log, its last entry says nothing until the clock is there.
            behind = now if last_entry > now + TOLERANCE else None
            store.put_presence(Presence(now, accepted=behind))
            self._signed = now
        self.alive = now
        return None

    def _problem(self, now: int) -> str:
        """What is wrong with the clock; empty if nothing is."""
        known, stepped = self._known, self._clock.offset() - self._offset
        if abs(stepped) > TOLERANCE:
            direction = "forward" if stepped > 0 else "back"
            return f"the clock was set {direction} by {abs(stepped) // SECOND} s while this ran"
        if known is not None and now < known - TOLERANCE:
            return f"the log's last sign of life was at {format_time(known)}, {(known - now) // SECOND} s later"
        if known is not None and now > known + self._longest:
            longest = f"longer than the {self._longest // HOUR} hours that COUNTERFOIL_LONGEST_OUTAGE allows"
            return f"the log's last sign of life was at {format_time(known)}; that is {longest}"
        if self._unanswered is not None and now >= self._unanswered - TOLERANCE:
            return f"nobody has said yet whether it was right at {format_time(self._unanswered)}"
        return ""

    def _accepted(self, store: LogStore, now: int) -> bool:
        """Whether a person has accepted the time that was asked for, and the clock has not been set again since."""
        if self._asked is None or abs(self._clock.offset() - self._asked[1]) > TOLERANCE:
            return False
        presence = store.presence()
        return presence is not None and presence.accepted == self._asked[0]

    def _wait(self, store: LogStore, now: int, problem: str) -> Standstill:
        offset = self._clock.offset()
        if self._asked is None or abs(offset - self._asked[1]) > TOLERANCE:
            self._asked = now, offset
            self._text = (
                f"It is {format_time(now)} here, and {problem}. Nothing is decided until the clock is right again, or "
                "`counterfoil clock accept` says that it is right now."
            )
            alive = self.alive if self.alive is not None else now
            store.put_presence(Presence(alive, "clock_apart", self._text, asked=now))
        return Standstill("clock_apart", self._text)


def _certain(presence: Presence | None, last_entry: int) -> int:
    """The time that the clock has reached for certain: the last sign of life, unless a person has said otherwise."""
    if presence is None:
        return last_entry
    if presence.accepted is None:
        return max(presence.alive, last_entry)
    return presence.accepted if presence.accepted == presence.asked else presence.alive


def _unanswered(presence: Presence | None, known: int) -> int | None:
    """A time ahead of `known` that waits for a person's word: no start may take it for the end of an outage."""
    if presence is None or presence.asked is None or presence.accepted == presence.asked:
        return None
    return presence.asked if presence.asked > known + TOLERANCE else None
