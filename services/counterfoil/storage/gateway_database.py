"""The gateways' own database, with sessions and webhooks: a file, or the gateway's schema of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from counterfoil.storage.database import Database
from counterfoil.storage.dialect import Dialect
from counterfoil.storage.errors import StorageError
from counterfoil.storage.tables import SESSIONS_KIND


class GatewayDatabase:
    """What a store of gateways stands on: the database, opened with its first use.

    Raises `StorageError` for an error of the database, or one of another kind or version.
    """

    def __init__(self, dialect: Callable[[], Dialect]) -> None:
        self._dialect, self._opening = dialect, Lock()
        self._database: Database | None = None
        self._closed = False

    @property
    def database(self) -> Database:
        """The open database."""
        with self._opening:
            if self._closed:
                raise StorageError("the gateway's database is closed")
            if self._database is None:
                self._database = Database(self._dialect(), SESSIONS_KIND)
            return self._database

    def close(self) -> None:
        """Release the connections; idempotent. Everything else raises `StorageError` from then on."""
        with self._opening:
            self._closed = True
            if self._database is not None:
                self._database.close()
