"""What the stores on PostgreSQL require of the server, and which databases they refuse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.ports import TookTooLong, Unavailable
from counterfoil.settings import VIEWS
from counterfoil.storage import StorageError, open_log_store_on, open_view_store_on, read_log_store_on
from counterfoil.storage.dialect.postgresql import SESSION
from counterfoil.storage.errors import DatabaseDamaged, failure
from counterfoil.storage.log_store import SqlLogStore
from counterfoil.storage.tables import LOG_KIND
from counterfoil.storage.view_store import SqlViewStore
from tests.conformance.log_store import append, contents, entries
from tests.conformance.view_store import ORDERS
from tests.storage.server import as_user, connect

SECRET = "not-to-be-seen-anywhere"


def make_log(database: DatabaseAccess, size: int = 3) -> None:
    """A log of `size` entries, closed."""
    with closing(open_log_store_on(as_user(database, "ledger"), LogId("ledger"))) as store:
        append(store, 0, entries(0, size))


def run(database: DatabaseAccess, *statements: str) -> None:
    """Change the database behind the store's back, as its owner."""
    with connect(database) as session:
        session.execute("SET search_path = ledger")
        for statement in statements:
            session.execute(statement.encode())


def settings(store: SqlLogStore | SqlViewStore, role: str, *names: str) -> dict[str, str]:
    """Effective settings on the connections of the `writer` or the `reader`."""
    engine = getattr(store.database.dialect, role)
    with engine.connect() as connection:
        return {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names}


def test_settings_hold_on_every_connection_whatever_the_server_says(database: DatabaseAccess) -> None:
    with connect(database) as session:
        for name, value in (("synchronous_commit", "off"), ("statement_timeout", "1h"), ("TimeZone", "PRC")):
            session.execute(f"ALTER DATABASE {database.name} SET {name} = '{value}'".encode())
    logs, views = as_user(database, "ledger"), as_user(database, VIEWS)
    with closing(open_log_store_on(logs, LogId("ledger"))) as log, closing(open_view_store_on(views, [ORDERS])) as made:
        for store, commit in ((log, "on"), (made, "off")):
            for role in ("writer", "reader"):
                assert settings(store, role, *SESSION) == SESSION
                assert settings(store, role, "synchronous_commit") == {"synchronous_commit": commit}
            assert settings(store, "writer", "transaction_read_only") == {"transaction_read_only": "off"}
            assert settings(store, "reader", "transaction_read_only") == {"transaction_read_only": "on"}
        assert settings(log, "writer", "application_name") == {"application_name": "counterfoil-ledger"}
        assert settings(log, "reader", "tcp_keepalives_idle") != {}


def test_a_password_is_in_no_message(database: DatabaseAccess) -> None:
    from dataclasses import replace

    with pytest.raises(StorageError) as raised:
        open_log_store_on(replace(as_user(database, "ledger"), password=SECRET, name="nowhere"), LogId("ledger"))
    chain: BaseException | None = raised.value
    while chain is not None:
        assert SECRET not in f"{chain!r}{chain}"
        chain = chain.__cause__


def not_made(database: DatabaseAccess) -> None:
    run(database, "DROP SCHEMA ledger CASCADE")


def of_views(database: DatabaseAccess) -> None:
    run(database, "UPDATE _version SET version_num = 'views_1'")


def newer(database: DatabaseAccess) -> None:
    make_log(database)
    run(database, f"UPDATE _version SET version_num = 'log_{LOG_KIND.version + 1}'")


def older(database: DatabaseAccess) -> None:
    make_log(database)
    run(database, "UPDATE _version SET version_num = 'log_0'")


def last_entry_missing(database: DatabaseAccess) -> None:
    make_log(database)
    run(database, "DROP TRIGGER entries_no_change ON entries", 'DELETE FROM entries WHERE "index" = 2')


def first_entry_missing(database: DatabaseAccess) -> None:
    make_log(database)
    run(database, "DROP TRIGGER entries_no_change ON entries", 'DELETE FROM entries WHERE "index" = 0')


def head_missing(database: DatabaseAccess) -> None:
    make_log(database)
    run(database, "DROP TRIGGER head_no_delete ON head", "DELETE FROM head")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (not_made, "missing, or counterfoil_ledger has no right to it: run `counterfoil database apply`"),
        (of_views, "not this kind of database"),
        (newer, f"version {LOG_KIND.version + 1} is newer"),
        (older, "version 0 is older: run `counterfoil database apply`"),
        (last_entry_missing, "entries 0 to 1 do not match a head of size 3"),
        (first_entry_missing, "entries 1 to 2 do not match a head of size 3"),
        (head_missing, "entries 0 to 2 do not match a head of size None"),
    ],
)
def test_a_surprising_database_is_refused(
    database: DatabaseAccess, prepare: Callable[[DatabaseAccess], None], message: str
) -> None:
    prepare(database)
    kind = DatabaseDamaged if prepare in (last_entry_missing, first_entry_missing, head_missing) else StorageError
    for opened in (open_log_store_on, read_log_store_on):
        with pytest.raises(kind, match=message):
            opened(as_user(database, "ledger"), LogId("ledger"))


def test_an_append_waits_for_a_lock_up_to_its_timeout(database: DatabaseAccess) -> None:
    with closing(open_log_store_on(as_user(database, "ledger"), LogId("ledger"))) as store, connect(database) as other:
        append(store, 0, entries(0, 1))
        with store.database.write() as connection:
            connection.exec_driver_sql("SET SESSION lock_timeout = '50ms'")
        before = contents(store)
        other.execute("BEGIN")
        other.execute("SELECT FROM ledger.head FOR UPDATE")
        with pytest.raises(StorageError, match="lock timeout"):
            append(store, 1, entries(1, 1))
        assert contents(store) == before  # reading does not wait
        other.execute("ROLLBACK")
        append(store, 1, entries(1, 1))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DataCorrupted("invalid page in block 3"), DatabaseDamaged),
        (psycopg.errors.IndexCorrupted("right sibling's left-link"), DatabaseDamaged),
        (psycopg.errors.DiskFull("could not extend file"), StorageError),
        (psycopg.errors.AdminShutdown("terminating connection"), StorageError),
        (psycopg.OperationalError("connection refused"), StorageError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_only_damage_is_permanent(error: Exception, kind: type[Exception]) -> None:
    assert type(failure("the ledger", error)) is kind
    assert issubclass(kind, Unavailable) is (kind is StorageError)


def test_a_read_that_takes_too_long_is_ended(database: DatabaseAccess) -> None:
    with closing(open_view_store_on(as_user(database, VIEWS), [ORDERS])) as store:
        reading = store.database.consistent_read
        with pytest.raises(TookTooLong), reading(0.05) as connection:
            connection.exec_driver_sql("SELECT pg_sleep(10)")
        with reading() as connection:  # its connection is as it was
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == SESSION["statement_timeout"]
