"""Webhooks on SQL: one table beside the sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from counterfoil.access import DatabaseAccess
from counterfoil.settings import GATEWAY
from counterfoil.storage.dialect import Dialect
from counterfoil.storage.dialect.sqlite import Sqlite
from counterfoil.storage.gateway_database import GatewayDatabase
from counterfoil.storage.tables import webhooks as table
from counterfoil.webhooks import TooManyWebhooks, Webhook

_column: Final = table.c
_SHOWN: Final = select(*(column for column in table.c if column.name != "slot"))
_PARTY: Final = _column.party_id == bindparam("party")
_ONE: Final = _column.id == bindparam("one")
_HOLDER: Final = _column.holder == bindparam("by")
_ACTIVE: Final = _column.paused == ""
_OF: Final = _SHOWN.where(_PARTY).order_by(_column.created_at, _column.id)
_FIND: Final = _SHOWN.where(_PARTY, _ONE)
_SLOTS: Final = select(_column.slot).where(_PARTY).order_by(_column.id).with_for_update()
_DELETE: Final = delete(table).where(_PARTY, _ONE)
_CHANGE: Final = update(table).where(_PARTY, _ONE)
_TEST: Final = _CHANGE.where(_column.tested_at <= bindparam("before"))
_HELD: Final = _SHOWN.where(_HOLDER, _ACTIVE)
_LEASES: Final = update(table).where(_HOLDER)
_FREE: Final = select(_column.id).where(_ACTIVE, _column.held_until <= bindparam("at"))
_RECORD: Final = update(table).where(_ONE, _HOLDER, _column.revision == bindparam("known"), _ACTIVE)


class SqlWebhookStore(GatewayDatabase):
    """`counterfoil.webhooks.WebhookStore`."""

    def __init__(self, dialect: Callable[[], Dialect], there: Callable[[], bool] = lambda: True) -> None:
        """`there`: whether the database has been made."""
        super().__init__(dialect)
        self._there = there

    @property
    def in_use(self) -> bool:
        """Whether there can be any."""
        return self._there()

    def create(self, webhook: Webhook, at_most: int) -> None:
        """See `counterfoil.webhooks.WebhookStore`. Of two at once for one slot, one fails with `StorageError`."""
        with self.database.write() as connection:
            taken = set(connection.scalars(_SLOTS, {"party": webhook.party_id}))
            slot = next((slot for slot in range(at_most) if slot not in taken), None)
            if slot is None:
                raise TooManyWebhooks(webhook.party_id)
            connection.execute(insert(table), {**_stored(asdict(webhook)), "slot": slot})

    def of(self, party_id: str) -> list[Webhook]:
        """Those of a party, the oldest first."""
        with self.database.read() as connection:
            return [_webhook(row) for row in connection.execute(_OF, {"party": party_id}).mappings()]

    def find(self, party_id: str, webhook_id: str) -> Webhook | None:
        """One of a party."""
        with self.database.read() as connection:
            row = connection.execute(_FIND, {"party": party_id, "one": webhook_id}).mappings().one_or_none()
        return None if row is None else _webhook(row)

    def change(self, party_id: str, webhook_id: str, changes: Mapping[str, object]) -> Webhook | None:
        """Change one for its party, with a new revision."""
        named = {"party": party_id, "one": webhook_id}
        with self.database.write() as connection:
            connection.execute(_CHANGE.values(**_stored(changes), revision=_column.revision + 1), named)
            row = connection.execute(_FIND, named).mappings().one_or_none()
        return None if row is None else _webhook(row)

    def delete(self, party_id: str, webhook_id: str) -> bool:
        """Forget one with its secret."""
        with self.database.write() as connection:
            return connection.execute(_DELETE, {"party": party_id, "one": webhook_id}).rowcount == 1

    def take_test(self, party_id: str, webhook_id: str, at: int, every: int) -> bool:
        """Record a test, unless the last is too recent."""
        named = {"party": party_id, "one": webhook_id, "before": at - every}
        with self.database.write() as connection:
            return connection.execute(_TEST.values(tested_at=at), named).rowcount == 1

    def claim(self, holder: str, at: int, until: int, at_most: int) -> list[Webhook]:
        """Take the leases that nobody holds. It writes only if there is one."""
        free = _FREE.order_by(_column.id).limit(at_most)
        with self.database.read() as connection:
            if connection.execute(free, {"at": at}).first() is None:
                return []
        with self.database.write() as connection:
            taken = list(connection.scalars(free.with_for_update(skip_locked=True), {"at": at}))
            these = _column.id.in_(taken)
            connection.execute(update(table).where(these).values(holder=holder, held_until=until))
            return [_webhook(row) for row in connection.execute(_SHOWN.where(these).order_by(_column.id)).mappings()]

    def renew(self, holder: str, until: int) -> None:
        """Extend every lease that is still this holder's."""
        with self.database.write() as connection:
            connection.execute(_LEASES.values(held_until=until), {"by": holder})

    def held(self, holder: str) -> list[Webhook]:
        """Those of this holder that are not paused."""
        with self.database.read() as connection:
            return [_webhook(row) for row in connection.execute(_HELD, {"by": holder}).mappings()]

    def release(self, holder: str) -> None:
        """Give up this holder's leases."""
        with self.database.write() as connection:
            connection.execute(_LEASES.values(holder="", held_until=0), {"by": holder})

    def record(self, webhook: Webhook, changes: Mapping[str, object]) -> bool:
        """Change one for its holder, if it is as that knows it."""
        named = {"one": webhook.id, "by": webhook.holder, "known": webhook.revision}
        with self.database.write() as connection:
            return connection.execute(_RECORD.values(**_stored(changes)), named).rowcount == 1


def _stored(members: Mapping[str, object]) -> dict[str, Any]:
    return {name: ",".join(each) if isinstance(each, tuple) else each for name, each in members.items()}


def _webhook(row: Mapping[Any, Any]) -> Webhook:
    return Webhook(**{**row, "types": tuple(filter(None, row["types"].split(",")))})


def open_webhook_store(path: Path) -> SqlWebhookStore:
    """The webhooks in the file `path`, created with its directory if missing."""
    return SqlWebhookStore(lambda: Sqlite(path, "FULL"), path.exists)


def open_webhook_store_on(access: DatabaseAccess) -> SqlWebhookStore:
    """The webhooks on PostgreSQL, for a gateway. Raises `StorageError` also if `admin.apply` has not made them."""
    from counterfoil.storage.dialect.postgresql import Postgresql

    store = SqlWebhookStore(lambda: Postgresql(access, GATEWAY, synchronous_commit=True))
    _ = store.database
    return store
