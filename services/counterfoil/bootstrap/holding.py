"""Active or standby: holds a lease, and keeps it for as long as this process gives signs of life."""

from __future__ import annotations

from threading import Event, Thread

from counterfoil.ports import Unavailable
from counterfoil.settings import DatabaseAccess
from counterfoil.storage.lease import HEARTBEAT_SECONDS, Lease


class Holding:
    """A lease with a heart of its own: whoever loads a long log keeps it, a frozen process loses it, as it should.

    `win`, `check` and `release` are for the one thread that works.
    """

    def __init__(self, access: DatabaseAccess, schema: str) -> None:
        """Nothing is connected before `win`."""
        self._lease = Lease(access, schema)
        self._held, self._lost = False, ""
        self._closing = Event()
        self._heart = Thread(target=self._beat, name=f"counterfoil-lease-{schema}", daemon=True)
        self._heart.start()

    def win(self, timeout: float) -> bool:
        """Whether it is ours, after `timeout` seconds at most. Raises `Unavailable`."""
        if self._lease.acquire(timeout):
            self._lost, self._held = "", True
        return self._held

    def check(self) -> None:
        """Raises `Unavailable` once it is lost."""
        if self._lost:
            raise Unavailable(self._lost)

    def release(self) -> None:
        """Let the next one have it."""
        self._held = False
        self._lease.release()

    def close(self) -> None:
        """Release it for good."""
        self._closing.set()
        self._heart.join()
        self.release()

    def _beat(self) -> None:
        while not self._closing.wait(HEARTBEAT_SECONDS):
            if self._held:
                try:
                    self._lease.check()
                except Unavailable as problem:
                    self._held, self._lost = False, str(problem)
