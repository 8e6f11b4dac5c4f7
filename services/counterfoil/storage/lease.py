"""Who is the writer: a lease on one schema of PostgreSQL, for instances of which one works and the others wait.

The lease is an advisory lock of a session, so the server takes it back when the session ends: at once when the holder's
process ends, after `IDLE_SECONDS` without a word from it when the process is frozen or its machine gone. It keeps two
instances from working against each other; it does not keep a holder that wakes up from writing: that do the
compare-and-swap of a log's head and of the views' positions.

It needs a connection straight to the server: a pool that shares sessions between clients would break it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import psycopg

from counterfoil.settings import DatabaseAccess
from counterfoil.storage.dialect.postgresql import connection_parameters
from counterfoil.storage.errors import LeaseLost, StorageError, first_line

IDLE_SECONDS: Final = 15
HEARTBEAT_SECONDS: Final = 3
"""How often the holder should call `check`."""
_TRY: Final = "SELECT set_config('lock_timeout', %s, false), pg_advisory_lock(%s)"


class Lease:
    """The right to write in `schema`, once `acquire` said so and for as long as `check` does not raise.

    It has a connection of its own. One thread acquires and releases; any may check.
    """

    def __init__(self, access: DatabaseAccess, schema: str, idle_seconds: int = IDLE_SECONDS) -> None:
        self._place = f"lease of {schema}"
        self._key = int.from_bytes(sha256(f"counterfoil lease {schema}".encode()).digest()[:8], signed=True)
        session = {
            "idle_session_timeout": f"{idle_seconds}s",
            "statement_timeout": "0",
            "client_connection_check_interval": "2s",  # who waits and is gone must not get it
        }
        self._parameters = connection_parameters(access, f"counterfoil-{schema}-lease", session)
        self._session: psycopg.Connection[Any] | None = None
        self._held = False

    def acquire(self, timeout: float) -> bool:
        """Whether it is ours: waits for it up to `timeout` seconds, a millisecond at least. Raises `StorageError`."""
        if self._held:
            self.check()
            return True
        try:
            if self._session is None:
                self._session = psycopg.connect(**self._parameters, autocommit=True)
            self._session.execute(_TRY, (f"{max(1, round(timeout * 1_000))}ms", self._key))
        except psycopg.errors.LockNotAvailable:
            return False
        except psycopg.Error as error:
            self.release()
            raise StorageError(f"{self._place}: {first_line(error)}") from error
        self._held = True
        return True

    def check(self) -> None:
        """Tell the server that we are alive. Raises `LeaseLost` if the lease is not ours, or not any more."""
        session = self._session
        if session is None or not self._held:
            raise LeaseLost(f"{self._place}: not held")
        try:
            session.execute("SELECT 1")
        except psycopg.Error as error:
            session.close()
            if self._session is session:  # and not one that another thread has begun
                self.release()
            raise LeaseLost(f"{self._place}: {first_line(error)}") from error

    def release(self) -> None:
        """Give it back; idempotent."""
        session, self._session, self._held = self._session, None, False
        if session is not None:
            session.close()
