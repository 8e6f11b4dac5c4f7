"""Whose turn it is where few are admitted at once: those who wait take turns, however much one of them asks for."""

from __future__ import annotations

import asyncio
from collections import deque


class Line:
    """Admission to one place, for one event loop: of a log's inbox by party, of a pool's threads by peer.

    What takes what comes in its order would let whoever asks for much at once make all others wait for it. What one
    asks for keeps its order.
    """

    def __init__(self, at_once: int) -> None:
        """`at_once`: how many are inside."""
        self._at_once, self._inside = at_once, 0
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # in the order of their turns

    def ask(self, who: str) -> asyncio.Future[None]:
        """A future that is done when one of `who` may go in; then `leave` must follow.

        Who stops waiting cancels it.
        """
        turn = asyncio.get_running_loop().create_future()
        if self._inside < self._at_once:
            self._inside += 1
            turn.set_result(None)
        else:
            self._waiting.setdefault(who, deque()).append(turn)
        return turn

    def leave(self) -> None:
        """One is no longer inside: the next has its turn."""
        while self._waiting:
            who = next(iter(self._waiting))
            others = self._waiting.pop(who)
            turn = others.popleft()
            if others:
                self._waiting[who] = others  # behind everybody else
            if not turn.done():
                turn.set_result(None)
                return
        self._inside -= 1
