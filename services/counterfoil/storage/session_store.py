"""Sessions on SQL: one table, in a file of its own or in the gateway's schema of PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import and_, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from counterfoil.access import DatabaseAccess
from counterfoil.sessions import NonceUsed, Session, TooManySessions
from counterfoil.settings import GATEWAY
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.gateway_database import GatewayDatabase
from counterfoil.storage.tables import sessions as table

_ENDED: Final = 0  # an `expires_at` in the past of every clock
_column: Final = table.c
_PARTY: Final = _column.party_id == bindparam("party")
_LOCKED: Final = select(_column.digest).where(_PARTY).order_by(_column.digest).with_for_update()
_ALL: Final = select(table).where(_PARTY).order_by(_column.opened_at, _column.digest)
_LIVE: Final = _column.expires_at > bindparam("at")
_OF: Final = _ALL.where(_LIVE)
_FIND: Final = select(table).where(_column.digest == bindparam("digest"), _LIVE)
_OVER: Final = delete(table).where(
    and_(_column.expires_at <= bindparam("at"), _column.guarded_until <= bindparam("at"))
)
_FORGET: Final = delete(table).where(_column.digest == bindparam("gone"))
_END: Final = update(table).where(_PARTY).values(expires_at=_ENDED)


class SqlSessionStore(GatewayDatabase):
    """`counterfoil.sessions.SessionStore`."""

    def open(self, session: Session, at_most: int) -> None:
        """See `counterfoil.sessions.SessionStore.open`. Two of one party at once wait for each other."""
        at = session.opened_at
        with self.database.write() as connection:
            connection.execute(_OVER, {"at": at})
            connection.execute(_LOCKED, {"party": session.party_id}).all()
            kept = [Session(*row) for row in connection.execute(_ALL, {"party": session.party_id})]
            if any(each.nonce == session.nonce for each in kept):
                raise NonceUsed(session.party_id)
            if len(kept) >= at_most:
                oldest = next((each for each in kept if each.guarded_until <= at), None)
                if oldest is None:
                    raise TooManySessions(session.party_id)
                connection.execute(_FORGET, {"gone": oldest.digest})
            values = {name: getattr(session, name) for name in table.c.keys()}  # noqa: SIM118
            try:
                connection.execute(insert(table), values)
            except IntegrityError as error:  # at the same time as another: of a new party there was nothing to lock
                raise NonceUsed(session.party_id) from error

    def find(self, digest: bytes, at: int) -> Session | None:
        """The one with this digest, if it is neither expired nor ended."""
        with self.database.read() as connection:
            row = connection.execute(_FIND, {"digest": digest, "at": at}).one_or_none()
        return None if row is None else Session(*row)

    def of(self, party_id: str, at: int) -> list[Session]:
        """Those of a party that are neither expired nor ended, the oldest first."""
        with self.database.read() as connection:
            return [Session(*row) for row in connection.execute(_OF, {"party": party_id, "at": at})]

    def end(self, party_id: str, digest: bytes | None = None) -> None:
        """End one of the party's sessions, or all. What is left of them guards their nonces."""
        which = _END if digest is None else _END.where(_column.digest == digest)
        with self.database.write() as connection:
            connection.execute(which, {"party": party_id})


def open_session_store(path: Path) -> SqlSessionStore:
    """The sessions in the file `path`, created with its directory if missing."""
    return SqlSessionStore(lambda: Sqlite(path, "FULL"))


def open_session_store_on(access: DatabaseAccess) -> SqlSessionStore:
    """The sessions on PostgreSQL, for a gateway. Raises `StorageError` also if `admin.apply` has not made them."""
    from counterfoil.storage.dialect.postgresql import Postgresql

    store = SqlSessionStore(lambda: Postgresql(access, GATEWAY, synchronous_commit=True))
    _ = store.database
    return store
