"""Wins a lease and keeps it with a heartbeat, for as long as this process runs."""

from __future__ import annotations

from threading import Event, Thread

from counterfoil.access import DatabaseAccess
from counterfoil.ports import Unavailable
from counterfoil.storage.lease import HEARTBEAT_SECONDS, Lease


class LeaseKeeper:
    """A lease with a heartbeat on its own thread: loading a long log does not lose it, a frozen process does.

    Only the worker's thread may call `win`, `check` and `release`.
    """

    def __init__(self, access: DatabaseAccess, schema: str) -> None:
        """Nothing is connected before `win`."""
        self._lease = Lease(access, schema)
        self._held, self._lost = False, ""
        self._closing = Event()
        self._heartbeat = Thread(target=self._beat, name=f"counterfoil-lease-{schema}", daemon=True)
        self._heartbeat.start()

    def win(self, timeout: float) -> bool:
        """Try for `timeout` seconds at most; True if this process holds the lease. Raises `Unavailable`."""
        if self._lease.acquire(timeout):
            self._lost, self._held = "", True
        return self._held

    def check(self) -> None:
        """Raises `Unavailable` once it is lost."""
        if self._lost:
            raise Unavailable(self._lost)

    def release(self) -> None:
        """Release it, so that a standby can win it."""
        self._held = False
        self._lease.release()

    def close(self) -> None:
        """Release it for good."""
        self._closing.set()
        self._heartbeat.join()
        self.release()

    def _beat(self) -> None:
        while not self._closing.wait(HEARTBEAT_SECONDS):
            if self._held:
                try:
                    self._lease.check()
                except Unavailable as problem:
                    self._held, self._lost = False, str(problem)
