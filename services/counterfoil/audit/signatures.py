"""Verifies signatures beside the replay: in processes of their own, and here while those have enough to do.

``python -m counterfoil.audit.signatures`` is such a process. It reads batches from its standard input: a number of
records, then the records, each a key of 32 bytes, a signature of 64 and the message, after their length together. It
answers each record with a byte, in order, and ends with its input, so that it never outlives the audit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from select import select
from typing import IO, Final, NamedTuple, Self

from counterfoil.log.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, verify

_LENGTH: Final = 4
_AT_ONCE: Final = 32  # signatures given out together
_AHEAD: Final = 256  # signatures that wait for one process; more are verified here
_ALONE: Final = 512  # signatures after which it is worth while to start processes
_PIPE: Final = 1 << 18  # bytes, where a pipe's size can be set: more than waits for a process as a rule


class Signed(NamedTuple):
    """A signature to verify; `entry`, the index that it belongs to, is added to `bad` if it is not right."""

    bad: list[int]
    entry: int
    key: bytes
    message: bytes
    signature: bytes

    def record(self) -> bytes:
        """What a process is given."""
        length = len(self.key) + len(self.signature) + len(self.message)
        return b"".join((length.to_bytes(_LENGTH), self.key, self.signature, self.message))

    def check(self) -> None:
        """Verify it here."""
        if not verify(self.key, self.message, self.signature):
            self.bad.append(self.entry)


class Signatures:
    """Verifies what it is given, in any order, some of it later: all of it once `settle` has returned."""

    def __init__(self, processes: int) -> None:
        """`processes`: how many to start when there is much to do."""
        self._processes = processes
        self._given = 0
        self._batch: list[Signed] = []
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def verify(self, signed: Signed) -> None:
        """Verify one, now or later."""
        if len(signed.key) != PUBLIC_KEY_BYTES or len(signed.signature) != SIGNATURE_BYTES:
            signed.bad.append(signed.entry)
            return
        self._batch.append(signed)
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
            for signed in batch:
                signed.check()


class _Worker:
    """A process that verifies. If it ends early, what it was given is verified here."""

    def __init__(self) -> None:
        command, pipe = (sys.executable, "-m", __name__), subprocess.PIPE
        # In a session of its own: Ctrl-C is for the audit, with which this process ends.
        self._process = subprocess.Popen(  # noqa: S603 this file, by this interpreter
            command, stdin=pipe, stdout=pipe, pipesize=_PIPE, start_new_session=True
        )
        self._given: deque[Signed] = deque()

    def waiting(self) -> int:
        """How many signatures were given and are not answered yet."""
        while self._given and self._read_answers(0.0):
            pass
        return len(self._given)

    def take(self, batch: Sequence[Signed]) -> None:
        """Give it more."""
        self._given += batch
        try:
            records = [signed.record() for signed in batch]
            _stream(self._process.stdin).write(len(batch).to_bytes(_LENGTH) + b"".join(records))
            _stream(self._process.stdin).flush()
        except OSError:
            self._take_over()

    def settle(self) -> None:
        """Return when everything is answered."""
        while self._given:
            self._read_answers(None)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with suppress(OSError), self._process:
            self._process.kill()

    def _read_answers(self, timeout: float | None) -> bool:
        """Take the answers that come within `timeout` seconds, or, with None, ever; False if there are none."""
        answers = _stream(self._process.stdout).fileno()
        if not select([answers], [], [], timeout)[0]:
            return False
        read = os.read(answers, _AHEAD)
        if not read:
            self._take_over()
        for is_good in read:
            signed = self._given.popleft()
            if not is_good:
                signed.bad.append(signed.entry)
        return True

    def _take_over(self) -> None:
        while self._given:
            self._given.popleft().check()


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("the process was started without pipes")
    return pipe


def main() -> None:
    """Verify what comes in, until no more does."""
    while count := _number(sys.stdin.buffer):
        records = [sys.stdin.buffer.read(_number(sys.stdin.buffer)) for _ in range(count)]
        os.write(1, bytes(map(_is_good, records)))


def _number(stream: IO[bytes]) -> int:
    return int.from_bytes(stream.read(_LENGTH))


def _is_good(record: bytes) -> bool:
    signature_at, message_at = PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES + SIGNATURE_BYTES
    return verify(record[:signature_at], record[message_at:], record[signature_at:message_at])


if __name__ == "__main__":
    main()
