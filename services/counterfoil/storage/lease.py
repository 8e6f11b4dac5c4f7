"""The lease: decides which process may write to a schema of PostgreSQL while the others are standbys.

The lease is a lock on a view, `RELATION`, which has no other use. An advisory lock would do the same, but any role that
may connect can take one, and so keep a service a standby for ever; a lock on this view needs a right that only the
service's role has. Revoking the advisory lock functions from every role would need a superuser.
(This does not make other roles harmless: DDL takes its locks before PostgreSQL checks rights, and can be made to wait.)

- A lock on a relation lasts as long as its transaction, so the lease is an open transaction. It has no snapshot and no
transaction id, so vacuum does not wait for it; and vacuum skips views, unlike tables.
- SHARE UPDATE EXCLUSIVE is the weakest mode that only one session can hold. EXCLUSIVE would wait for a session that has
merely prepared a SELECT FOR UPDATE of the view, for which PostgreSQL needs no right.

The server releases the lease when the session ends: at once when the holder's process ends, after `IDLE_SECONDS`
without a heartbeat when the process is frozen or its machine is gone. The lease keeps processes from competing; it is
no fence against a holder that wakes up and writes: that is the compare-and-swap of a log's head and of the views'
positions.

Whoever wins the lease ends what the writers before it have under way in the server. A process that is frozen in the
middle of a transaction would keep its rows locked, in a pipeline for ever: no timeout of the server counts while a
client that has not sent a Sync is silent. It also settles whether a statement whose answer was lost took effect.

It needs a direct connection to the server: through a pool, the server would not notice that a client is gone or frozen.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import errors, sql

from counterfoil.access import DatabaseAccess
from counterfoil.storage.dialect.postgresql import connection_parameters, writer_name
from counterfoil.storage.errors import LeaseLost, StorageError, first_line

RELATION: Final = "_lease"
IDLE_SECONDS: Final = 15
HEARTBEAT_SECONDS: Final = 3
"""Seconds between the holder's calls of `check`."""
# transaction_timeout: may be set on PostgreSQL 17 or newer, and would end the lease.
_TAKE: Final = sql.SQL("""\
BEGIN;
SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout';
SET LOCAL lock_timeout = {milliseconds};
LOCK TABLE {relation} IN SHARE UPDATE EXCLUSIVE MODE""")
_END_OTHERS: Final = sql.SQL("""\
SELECT pg_terminate_backend(pid, {milliseconds}) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = left({writer}, 63)
  AND state <> 'idle'""")
_ENDED_WITHIN: Final = 1_000  # milliseconds, for each session
_UNMADE: Final = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)


class Lease:
    """The right to write in `schema`, from a successful `acquire` until `check` raises.

    It has its own connection. One thread acquires and releases; any may check.
    """

    def __init__(self, access: DatabaseAccess, schema: str, idle_seconds: int = IDLE_SECONDS) -> None:
        self._place = f"lease of {schema}"
        self._user, self._writer = access.user, writer_name(schema)
        self._relation = sql.Identifier(schema, RELATION)
        session = {
            "idle_in_transaction_session_timeout": f"{idle_seconds}s",
            "statement_timeout": "0",
            "client_connection_check_interval": "2s",  # a waiting client that is gone must not get the lease
        }
        self._parameters = connection_parameters(access, f"{self._writer}-lease", session)
        self._session: psycopg.Connection[Any] | None = None
        self._held = False

    def acquire(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds (1 ms at least) for the lease; True if it is won. Raises `StorageError`."""
        if self._held:
            self.check()
            return True
        try:
            self._held = self._take(max(1, round(timeout * 1_000)))
        except psycopg.Error as error:
            self.release()
            advice = f"; missing, or {self._user} has no right to it: run `counterfoil database apply`"
            unmade = isinstance(error, _UNMADE)
            raise StorageError(f"{self._place}: {first_line(error)}{advice if unmade else ''}") from error
        return self._held

    def _take(self, milliseconds: int) -> bool:
        """Begin the transaction that is the lease; False, without a transaction, if another session holds it."""
        if self._session is None:
            # A prepared statement would keep its snapshot until the next statement.
            self._session = psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)
        try:
            self._session.execute(_TAKE.format(milliseconds=sql.Literal(milliseconds), relation=self._relation))
        except errors.LockNotAvailable:
            self._session.rollback()
            return False
        self._session.execute(
            _END_OTHERS.format(milliseconds=sql.Literal(_ENDED_WITHIN), writer=sql.Literal(self._writer))
        )
        return True

    def check(self) -> None:
        """Send a heartbeat. Raises `LeaseLost` if the database session does not hold the lease."""
        session = self._session
        if session is None or not self._held:
            raise LeaseLost(f"{self._place}: not held")
        try:
            session.execute("SELECT 1")
        except psycopg.Error as error:
            session.close()
            if self._session is session:  # and not a session that another thread has begun
                self.release()
            raise LeaseLost(f"{self._place}: {first_line(error)}") from error

    def release(self) -> None:
        """Release the lease; idempotent."""
        session, self._session, self._held = self._session, None, False
        if session is not None:
            session.close()
