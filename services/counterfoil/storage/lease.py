"""Who is the writer: a lease on one schema of PostgreSQL, that is on one log or the views; others are standbys.

The lease is a lock on a view, `RELATION`, that the schema has for nothing else. An advisory lock would do the same, but
everybody who may connect can take one, and so keep a service a standby for ever; for a lock on this the server asks for
a right that the service's role alone has. Taking the functions of advisory locks from everybody needs a superuser.
(No role becomes harmless by this: DDL takes its locks before PostgreSQL asks who may, and can be made to wait.)

- A lock on a relation lasts as long as its transaction, so the lease is a transaction left open. It has no snapshot and
  no transaction id, so vacuum does not wait for it; and vacuum has no business with a view, as it would with a table.
- SHARE UPDATE EXCLUSIVE is the weakest mode that only one can hold. An EXCLUSIVE one would wait for a session that has
  only prepared a SELECT FOR UPDATE of the view, for which PostgreSQL asks for no right.

The server takes the lease back when the session ends: at once when the holder's process ends, after `IDLE_SECONDS`
without a word from it when the process is frozen or its machine gone. It keeps two instances from working against each
other; it does not keep a holder that wakes up from writing: that do the compare-and-swap of a log's head and of the
views' positions.

It needs a connection straight to the server: through a pool, the server would not see that a client is gone or frozen.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import errors, sql

from counterfoil.settings import DatabaseAccess
from counterfoil.storage.dialect.postgresql import connection_parameters
from counterfoil.storage.errors import LeaseLost, StorageError, first_line

RELATION: Final = "_lease"
IDLE_SECONDS: Final = 15
HEARTBEAT_SECONDS: Final = 3
"""How often the holder should call `check`."""
# transaction_timeout: from PostgreSQL 17 on a server may have it, and the lease is a transaction that lasts.
_TAKE: Final = sql.SQL("""\
BEGIN;
SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout';
SET LOCAL lock_timeout = {milliseconds};
LOCK TABLE {relation} IN SHARE UPDATE EXCLUSIVE MODE""")
_UNMADE: Final = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)


class Lease:
    """The right to write in `schema`, once `acquire` said so and for as long as `check` does not raise.

    It has a connection of its own. One thread acquires and releases; any may check.
    """

    def __init__(self, access: DatabaseAccess, schema: str, idle_seconds: int = IDLE_SECONDS) -> None:
        self._place = f"lease of {schema}"
        self._user = access.user
        self._relation = sql.Identifier(schema, RELATION)
        session = {
            "idle_in_transaction_session_timeout": f"{idle_seconds}s",
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
            self._held = self._take(max(1, round(timeout * 1_000)))
        except psycopg.Error as error:
            self.release()
            advice = f"; not made yet, or not for {self._user}: run `counterfoil database apply`"
            unmade = isinstance(error, _UNMADE)
            raise StorageError(f"{self._place}: {first_line(error)}{advice if unmade else ''}") from error
        return self._held

    def _take(self, milliseconds: int) -> bool:
        """Begin the transaction that is the lease; there is none if somebody else has it."""
        if self._session is None:
            # A prepared statement would keep its snapshot in the transaction until the next one comes.
            self._session = psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)
        try:
            self._session.execute(_TAKE.format(milliseconds=sql.Literal(milliseconds), relation=self._relation))
        except errors.LockNotAvailable:
            self._session.rollback()
            return False
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
