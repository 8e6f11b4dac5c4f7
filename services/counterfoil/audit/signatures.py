"""Verifies signatures beside the replay: in processes of their own, and here while those have enough to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Self

from counterfoil.runtime.verifier import Signed, Verifier

_AT_ONCE: Final = 32  # signatures given out together
_AHEAD: Final = 256  # signatures that wait for one process; more are verified here
_ALONE: Final = 512  # signatures after which it is worth while to start processes


class Claim(NamedTuple):
    """A signature to verify; `entry`, the index that it belongs to, is added to `bad` if it is not right."""

    bad: list[int]
    entry: int
    signed: Signed

    def judge(self, *, good: bool) -> None:
        """Note what was found."""
        if not good:
            self.bad.append(self.entry)


class Signatures:
    """Verifies what it is given, in any order, some of it later: all of it once `settle` has returned."""

    def __init__(self, processes: int) -> None:
        """`processes`: how many to start when there is much to do."""
        self._processes = processes
        self._given = 0
        self._batch: list[Claim] = []
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def verify(self, claim: Claim) -> None:
        """Verify one, now or later."""
        if not claim.signed.fits():
            claim.judge(good=False)
            return
        self._batch.append(claim)
        if len(self._batch) == _AT_ONCE:
            self._give_out()

    def settle(self) -> None:
        """Return when all is verified."""
        self._give_out()
        for worker in self._workers:
            worker.settle()

    def _start(self) -> None:
        """Start the processes, as many as the system allows."""
        with suppress(OSError):
            for _ in range(self._processes):
                self._workers.append(_Worker())
        self._processes = 0

    def _give_out(self) -> None:
        batch, self._batch = self._batch, []
        self._given += len(batch)
        if self._given > _ALONE and self._processes:
            self._start()
        free = min(self._workers, key=lambda worker: worker.waiting(), default=None)
        if free is not None and free.waiting() < _AHEAD:
            free.take(batch)
        else:
            for claim in batch:
                claim.judge(good=claim.signed.is_good())


class _Worker:
    """A process that verifies. If it ends early, what it was given is verified here."""

    def __init__(self) -> None:
        self._process = Verifier()
        self._given: deque[Claim] = deque()

    def waiting(self) -> int:
        """How many signatures were given and are not answered yet."""
        while self._given and self._read_answers(0.0):
            pass
        return len(self._given)

    def take(self, batch: Sequence[Claim]) -> None:
        """Give it more."""
        self._given += batch
        try:
            self._process.give([claim.signed for claim in batch])
        except OSError:
            self._take_over()

    def settle(self) -> None:
        """Return when everything is answered."""
        while self._given:
            self._read_answers(None)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.close()

    def _read_answers(self, timeout: float | None) -> bool:
        """Take the answers that come within `timeout` seconds, or, with None, ever; False if there are none."""
        try:
            answers = self._process.answers(timeout)
        except OSError:
            self._take_over()
            return False
        for good in answers:
            self._given.popleft().judge(good=good == 1)
        return bool(answers)

    def _take_over(self) -> None:
        while self._given:
            claim = self._given.popleft()
            claim.judge(good=claim.signed.is_good())
