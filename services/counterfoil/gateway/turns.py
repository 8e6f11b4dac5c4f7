"""Whose command goes next into a log's inbox: few are there at once, and the parties that wait take turns."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field

from counterfoil.contract.log_id import LogId


@dataclass(slots=True)
class _Line:
    """One log: how many of its commands are in the inbox, and who waits, by party in order of their turns."""

    inside: int = 0
    waiting: dict[str, deque[asyncio.Future[None]]] = field(default_factory=dict)


class Turns:
    """Admission to the inboxes, for one event loop.

    An inbox decides in the order in which commands came: whoever sends many at once would make all others wait for
    them. The commands of one party keep their order.
    """

    def __init__(self, at_once: int) -> None:
        """`at_once`: commands in the inbox of one log."""
        self._at_once = at_once
        self._lines: defaultdict[LogId, _Line] = defaultdict(_Line)

    def ask(self, log: LogId, party: str) -> asyncio.Future[None]:
        """A future that is done when a command of `party` may be sent; then `leave` must follow.

        Who stops waiting cancels it.
        """
        line, turn = self._lines[log], asyncio.get_running_loop().create_future()
        if line.inside < self._at_once:
            line.inside += 1
            turn.set_result(None)
        else:
            line.waiting.setdefault(party, deque()).append(turn)
        return turn

    def leave(self, log: LogId) -> None:
        """One command is no longer in the inbox, or is given up: the next party has its turn."""
        line = self._lines[log]
        while line.waiting:
            party = next(iter(line.waiting))
            others = line.waiting.pop(party)
            turn = others.popleft()
            if others:
                line.waiting[party] = others  # behind all other parties
            if not turn.done():
                turn.set_result(None)
                return
        line.inside -= 1
