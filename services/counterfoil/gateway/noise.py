"""Bounds the log lines that strangers can cause."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from counterfoil.gateway.bounds import LINES, LINES_WITHIN


class Bounded(logging.Filter):
    """Lets `LINES` lines of one kind pass in `LINES_WITHIN` seconds; the next that passes says how many did not.

    A kind is a message before its values are filled in, so that there are as many as the program has.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[object, tuple[float, int]] = {}  # when its window began, and its lines since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line passes."""
        now, kind = self._clock(), record.msg
        began, lines = self._kinds.get(kind, (now, 0))
        if now - began >= LINES_WITHIN:
            if lines > LINES:
                record.msg = f"{kind} (and {lines - LINES} more before)"
            began, lines = now, 0
        self._kinds[kind] = began, lines + 1
        return lines < LINES


def bound(logger: str) -> None:
    """Bound the lines of a logger; once, however often this is called."""
    found = logging.getLogger(logger)
    if not any(isinstance(each, Bounded) for each in found.filters):
        found.addFilter(Bounded())
