"""The migrations, from nothing, make the tables that `tables` describes: on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, create_engine, inspect
from sqlalchemy.pool import NullPool

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.storage import (
    StorageError,
    admin,
    migrations,
    open_log_store,
    open_log_store_on,
    open_snapshot_store,
    open_view_store,
    tables,
)
from counterfoil.storage.dialect.postgresql import connection_parameters
from counterfoil.storage.migrations import VERSION_TABLE
from counterfoil.storage.tables import (
    LOG,
    LOG_KIND,
    SESSIONS,
    SESSIONS_KIND,
    SNAPSHOT,
    SNAPSHOT_KIND,
    VIEWS_KIND,
    Kind,
    view_schema,
)
from tests.conformance.log_store import append, check_log, entries
from tests.conformance.view_store import ORDERS
from tests.storage.server import PASSWORDS, as_user, roles_alone

WANTED = {LOG_KIND: LOG, SNAPSHOT_KIND: SNAPSHOT, SESSIONS_KIND: SESSIONS, VIEWS_KIND: view_schema([]).metadata}


@contextmanager
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    """An empty file."""
    engine = create_engine(f"sqlite+pysqlite:///{tmp_path / 'made.db'}", poolclass=NullPool)
    yield engine


@contextmanager
def postgresql(database: DatabaseAccess, schema: str) -> Iterator[Engine]:
    """An empty schema."""
    parameters = connection_parameters(database, "test", {"search_path": schema})
    engine = create_engine("postgresql+psycopg://", connect_args=parameters, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    yield engine


def structure(connection: Connection) -> dict[str, Any]:
    """Columns, types, defaults, keys, uniqueness, indexes and checks of every table, as the database tells them."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": [{**each, "type": repr(each["type"])} for each in inspector.get_columns(table)],
            "key": inspector.get_pk_constraint(table),
            "unique": inspector.get_unique_constraints(table),
            "indexes": inspector.get_indexes(table),
            "checks": sorted(inspector.get_check_constraints(table), key=str),
        }
        for table in inspector.get_table_names()
        if table != VERSION_TABLE
    }


def check_equal(migrated: Engine, made: Engine, kind: Kind) -> None:
    """What the migrations made in one place is what the metadata makes in another, and no difference is found."""
    metadata = WANTED[kind]
    with migrated.begin() as connection:
        migrations.upgrade(connection, kind.name)
    with made.begin() as connection:
        metadata.create_all(connection)
        expected = structure(connection)
    with migrated.begin() as connection:
        assert structure(connection) == expected
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_heads() == (kind.revision,)
        assert compare_metadata(context, metadata) == []
        assert len(compare_metadata(context, MetaData())) >= len(metadata.tables)  # it can find differences
        migrations.upgrade(connection, kind.name)  # does nothing
        assert structure(connection) == expected


@pytest.mark.parametrize("kind", WANTED, ids=lambda kind: kind.name)
def test_on_sqlite_they_make_what_the_metadata_says(tmp_path: Path, kind: Kind) -> None:
    (tmp_path / "other").mkdir()
    with sqlite(tmp_path) as migrated, sqlite(tmp_path / "other") as made:
        check_equal(migrated, made, kind)


@pytest.mark.parametrize("kind", WANTED, ids=lambda kind: kind.name)
def test_on_postgresql_they_make_what_the_metadata_says(database: DatabaseAccess, kind: Kind) -> None:
    with postgresql(database, "migrated") as migrated, postgresql(database, "made") as made:
        check_equal(migrated, made, kind)


def test_the_triggers_are_those_that_the_administrator_looks_for(database: DatabaseAccess) -> None:
    with postgresql(database, "migrated") as engine, engine.begin() as connection:
        migrations.upgrade(connection, LOG_KIND.name)
        found = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgrelid::regclass::text !~ '[.]'"
        triggers = {tuple(row) for row in connection.exec_driver_sql(found)}
    assert triggers == {(table, name) for table, names in admin.TRIGGERS.items() for name in names}


def test_a_migration_is_part_of_the_transaction_around_it(tmp_path: Path) -> None:
    with sqlite(tmp_path) as engine, engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        migrations.upgrade(connection, LOG_KIND.name)
        assert inspect(connection).has_table("entries")
        connection.rollback()
        assert inspect(connection).get_table_names() == []


def test_files_say_what_they_are_and_at_which_version(tmp_path: Path) -> None:
    log, snapshot, views = tmp_path / "log.db", tmp_path / "snapshot.db", tmp_path / "views.db"
    open_log_store(log).close()
    with closing(open_snapshot_store(snapshot)) as store:
        assert store.size() == 0
    open_view_store(views, [ORDERS]).close()
    for path, kind in ((log, LOG_KIND), (snapshot, SNAPSHOT_KIND), (views, VIEWS_KIND)):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA application_id").fetchone() == (kind.application,)
            assert connection.execute("PRAGMA user_version").fetchone() == (kind.version,)
            assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(kind.revision,)]


NEXT = LOG_KIND.version + 1
SCRIPT = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "log_{NEXT}", "{LOG_KIND.revision}"
def upgrade():
    op.add_column("cursors", sa.Column("note", sa.Text))
"""


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """A program with one more migration of logs."""
    shutil.copytree(migrations.HERE, tmp_path / "migrations")
    (tmp_path / "migrations" / "log" / f"log_{NEXT}.py").write_text(SCRIPT)
    monkeypatch.setattr(migrations, "HERE", tmp_path / "migrations")
    made = replace(LOG_KIND, version=NEXT)
    monkeypatch.setattr(tables, "LOG_KIND", made)
    monkeypatch.setattr(admin, "LOG_KIND", made)
    return made


@pytest.mark.parametrize("since_before_the_version_table", [False, True])
def test_an_older_file_is_migrated_when_it_is_opened(
    tmp_path: Path, request: pytest.FixtureRequest, since_before_the_version_table: bool
) -> None:
    path = tmp_path / "log.db"
    with closing(open_log_store(path)) as store:
        append(store, 0, entries(0, 3))
    if since_before_the_version_table:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"DROP TABLE {VERSION_TABLE}")
        open_log_store(path).close()

    request.getfixturevalue("newer")
    with closing(open_log_store(path)) as store:
        check_log(store, entries(0, 3))
        append(store, 3, entries(3, 1))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (NEXT,)
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(f"log_{NEXT}",)]
        assert connection.execute("SELECT note FROM cursors").fetchall() == [(None,)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, newer: Kind) -> None:
    path, script = tmp_path / "log.db", migrations.HERE / "log" / f"log_{NEXT}.py"
    script.rename(tmp_path / "aside")
    with pytest.MonkeyPatch.context() as before:
        before.setattr(tables, "LOG_KIND", LOG_KIND)
        with closing(open_log_store(path)) as store:
            append(store, 0, entries(0, 3))
    script.write_text(SCRIPT + '    op.execute("not SQL")\n')
    with pytest.raises(StorageError, match="syntax error"):
        open_log_store(path)
    (tmp_path / "aside").rename(script)
    with closing(open_log_store(path)) as store:
        check_log(store, entries(0, 3))
    assert newer.version == NEXT


def test_an_older_schema_is_migrated_by_the_administrator(
    database: DatabaseAccess, request: pytest.FixtureRequest
) -> None:
    access = as_user(database, "ledger")
    with closing(open_log_store_on(access, LogId("ledger"))) as store:
        append(store, 0, entries(0, 3))

    request.getfixturevalue("newer")
    with pytest.raises(StorageError, match=f"version {LOG_KIND.version} is older: run `counterfoil database apply`"):
        open_log_store_on(access, LogId("ledger"))
    assert f"schema ledger: at {LOG_KIND.revision}; this program knows log_{NEXT}" in admin.check(database)
    with roles_alone():
        done = admin.apply(database, PASSWORDS)
    assert [line for line in done if "log_" in line] == [f"schema {name}: log_{NEXT}" for name in SERVICES]
    assert admin.check(database) == []
    with closing(open_log_store_on(access, LogId("ledger"))) as store:
        check_log(store, entries(0, 3))
        append(store, 3, entries(3, 1))
