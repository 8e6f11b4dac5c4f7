"""What a runner must know of time before it decides: may it, what has it missed, and which causes have come."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from counterfoil.contract.entry import ResumedCause
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import SECOND
from counterfoil.ports import Clock, LogStore
from counterfoil.runtime.clock import since_boot
from counterfoil.runtime.clock_guard import ClockGuard
from counterfoil.runtime.standstill import Standstill
from counterfoil.runtime.telemetry import Telemetry

SILENCE: Final = 5.0
"""Seconds without an answer from the transport, after which a log counts as away and health says so."""

log = logging.getLogger("counterfoil.timekeeper")


class Timekeeper:
    """Of one log and its writer's thread, which alone calls it; any thread may read `standstill` and `ahead`.

    `now` is always what the clock said a moment ago, `last_entry` the time of the log's last entry, in microseconds.
    """

    def __init__(
        self, id_: LogId, store: LogStore, clock: Clock, telemetry: Telemetry, guard: ClockGuard | None
    ) -> None:
        """`guard`: one with other limits than by default."""
        self._id, self._store, self._clock, self._telemetry = id_, store, clock, telemetry
        self._guard = guard if guard is not None else ClockGuard(clock)
        self._was_away = False  # whether the log may have been kept from deciding since its last sign of life
        self._alive, self._decided = 0, since_boot()  # when it last decided: by the clock, and in nanoseconds
        self.standstill: Standstill | None = None
        """Why the log takes nothing at the moment; None while it decides."""
        self.cut_off = False
        """Whether nobody can reach the log at the moment: it decides nothing, least of all that somebody is late."""
        self.ahead: Mapping[str, int] = {}
        """Per source whose next event waits for this log's clock: for how long, in microseconds."""

    def start(self, last_entry: int, sources: Iterable[str]) -> None:
        """The log was loaded, or resumes after an error; it consumes `sources`."""
        self._guard.start(self._store, last_entry)
        self._was_away, alive = True, self._guard.alive
        self._alive = self._clock.now() if alive is None else alive
        self._telemetry.standstill(self._id, "" if self.standstill is None else self.standstill.code)
        self.ahead = {}
        for source in sources:
            self._telemetry.cause_ahead(self._id, source, 0)

    def waits(self) -> str | None:
        """What the log waits for, as a check: a person, or its own clock to reach the events of another log."""
        if self.standstill is not None:
            return str(self.standstill)
        if not self.ahead:
            return None
        each = (f"{origin} by {wait / SECOND:.1f} s more than is allowed" for origin, wait in self.ahead.items())
        return f"its clock is behind that of {', '.join(each)}"

    def reached(self, silent: float) -> bool:
        """Whether anybody could act, if the transport has not answered for `silent` seconds; sets `cut_off`."""
        before, self.cut_off = self.cut_off, silent > SILENCE
        if self.cut_off != before:
            text = f"nothing is decided: the transport has not answered for {silent:.0f} s"
            log.warning("%s: %s", self._id.name, text if self.cut_off else "it decides again: the transport answers")
        self._was_away = self._was_away or self.cut_off
        return not self.cut_off

    def may_decide(self, now: int, last_entry: int) -> bool:
        """Whether the clock may be believed; sets `standstill`."""
        before, reason = self.standstill, self._guard.check(self._store, now, last_entry)
        self.standstill = reason
        if reason != before:
            self._telemetry.standstill(self._id, "" if reason is None else reason.code)
            log.warning("%s: %s", self._id.name, "it decides again" if reason is None else reason)
        self._was_away = self._was_away or reason is not None
        return reason is None

    def outage(self, now: int, last_entry: int, shortest: int | None) -> ResumedCause | None:
        """The outage of at least `shortest` that must be recorded before anything is decided at `now`, if any.

        A log was away if it was just started, stood still, was cut off, or its process was frozen that long; a virtual
        clock that is moved on is none of these.
        """
        was_away, since, running = self._was_away, max(self._alive, last_entry), since_boot()
        frozen_for = (running - self._decided) // 1_000
        self._was_away, self._alive, self._decided = False, now, running
        if shortest is None or now - since < shortest or not (was_away or frozen_for >= shortest):
            return None
        return ResumedCause(since)

    def has_come(self, source: str, time: int, now: int, skew: int) -> bool:
        """Whether an entry at `now` may be the effect of one of `source` at `time`, with so much `skew` allowed.

        If not it waits: taking over the time of another log would spread one machine's wrong clock to all.
        """
        wait = time - skew - now
        if wait > 0 or source in self.ahead:
            others = {origin: ahead for origin, ahead in self.ahead.items() if origin != source}
            self.ahead = others | ({source: wait} if wait > 0 else {})
            self._telemetry.cause_ahead(self._id, source, max(0, wait))
        return wait <= 0
