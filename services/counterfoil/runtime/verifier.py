"""Verifies signatures in a process of its own.

``python -m counterfoil.runtime.verifier`` is such a process. It reads batches from its standard input: a number of
records, then the records, each a key of 32 bytes, a signature of 64 and the message, after their length together. It
answers each record with a byte, in order and a few together, and ends with its input, so that it never outlives who
started it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from select import POLLIN, POLLOUT, poll
from typing import IO, Final, NamedTuple

from counterfoil.log.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, verify

PIPE_BYTES: Final = 1 << 18
"""What may wait for a process, where a pipe's size can be set: more than waits for one as a rule."""
_LENGTH: Final = 4
_ANSWERS: Final = 4_096  # read at once
_TOGETHER: Final = 8  # answers in one write


class Signed(NamedTuple):
    """A signature to verify: key (32 bytes), message, signature (64 bytes)."""

    key: bytes
    message: bytes
    signature: bytes

    def fits(self) -> bool:
        """Whether key and signature have their lengths: without them it is not signed, and is no record."""
        return len(self.key) == PUBLIC_KEY_BYTES and len(self.signature) == SIGNATURE_BYTES

    def record(self) -> bytes:
        """What a process is given."""
        length = PUBLIC_KEY_BYTES + SIGNATURE_BYTES + len(self.message)
        return b"".join((length.to_bytes(_LENGTH), self.key, self.signature, self.message))

    def is_good(self) -> bool:
        """Verify it here."""
        return verify(self.key, self.message, self.signature)


class Verifier:
    """A process that verifies. Both ways of using it raise `OSError` once it has ended."""

    def __init__(self) -> None:
        """Start it. Raises `OSError`."""
        command, pipe = (sys.executable, "-m", __name__), subprocess.PIPE
        # In a session of its own: Ctrl-C is for who has started it, with whom it ends.
        self._process = subprocess.Popen(  # noqa: S603 this file, by this interpreter
            command, stdin=pipe, stdout=pipe, pipesize=PIPE_BYTES, start_new_session=True
        )
        self._to, self._from = _stream(self._process.stdin).fileno(), _stream(self._process.stdout).fileno()
        os.set_blocking(self._to, False)
        self._room, self._news = poll(), poll()
        self._room.register(self._to, POLLOUT)
        self._news.register(self._from, POLLIN)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def give(self, batch: Sequence[Signed], timeout: float | None = None) -> None:
        """Give it these, each of which `fits`. Raises `TimeoutError` if it takes nothing for `timeout` seconds.

        Behind a `TimeoutError` it cannot be used any more.
        """
        left = memoryview(b"".join((len(batch).to_bytes(_LENGTH), *[each.record() for each in batch])))
        while left:
            if not self._room.poll(_milliseconds(timeout)):
                raise TimeoutError(f"process {self.pid} does not read what it is to verify")
            left = left[os.write(self._to, left) :]

    def answers(self, timeout: float | None = None) -> bytes:
        """The answers that have come, or do within `timeout` seconds, in order: a byte each, 1 or 0; empty if none."""
        if not self._news.poll(_milliseconds(timeout)):
            return b""
        read = os.read(self._from, _ANSWERS)
        if not read:
            raise ChildProcessError(f"process {self.pid} has ended")
        return read

    def close(self) -> None:
        """End it, whatever it is doing. Idempotent."""
        with suppress(OSError), self._process:
            self._process.kill()


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1_000


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("the process was started without pipes")
    return pipe


def main() -> None:
    """Verify what comes in, until no more does."""
    while left := _number(sys.stdin.buffer):
        while left:
            records = [sys.stdin.buffer.read(_number(sys.stdin.buffer)) for _ in range(min(left, _TOGETHER))]
            os.write(1, bytes(map(_is_good, records)))
            left -= len(records)


def _number(stream: IO[bytes]) -> int:
    return int.from_bytes(stream.read(_LENGTH))


def _is_good(record: bytes) -> bool:
    signature_at, message_at = PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES + SIGNATURE_BYTES
    return verify(record[:signature_at], record[message_at:], record[signature_at:message_at])


if __name__ == "__main__":
    main()
