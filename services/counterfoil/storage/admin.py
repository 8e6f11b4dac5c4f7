"""Sets up PostgreSQL for the services, and checks for drift.

For the administrator's role: a superuser, or one that owns the database and may create roles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.settings import GATEWAY, VIEWS
from counterfoil.storage import grants, migrations, roles, tables
from counterfoil.storage.database import translated
from counterfoil.storage.dialect.postgresql import connection_parameters
from counterfoil.storage.errors import StorageError
from counterfoil.storage.grants import CLIENTS, role
from counterfoil.storage.lease import RELATION
from counterfoil.storage.schemas import schemas_of
from counterfoil.storage.tables import LOG_KIND, SESSIONS_KIND, VIEWS_KIND, Kind

OLDEST: Final = 14
"""The oldest supported version of PostgreSQL."""
LASTING: Final = {"fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on", "remote_apply")}
"""Server settings that durability depends on, with the safe values of each."""
TRIGGERS: Final = {"entries": ("entries_no_change",), "head": ("head_at_last_entry", "head_no_delete")}
"""The triggers that keep a log append-only even for the owner of its tables."""
_NAME: Final = "counterfoil-admin"
_SESSION: Final = {"search_path": "pg_catalog", "statement_timeout": "300s"}
_ONE_AT_A_TIME: Final = int.from_bytes(sha256(b"counterfoil database apply").digest()[:8], signed=True)

_OWNERS: Final = text("""\
SELECT format('schema %I', nspname), pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = :schema
UNION ALL
SELECT format('%I.%I', nspname, relname), pg_get_userbyid(relowner)
FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = :schema AND relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT format('%I.%I', nspname, proname), pg_get_userbyid(proowner)
FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace WHERE nspname = :schema""")
_TRIGGERS: Final = text("""\
SELECT relname, tgname
FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname = :schema AND tgenabled IN ('O', 'A') AND NOT tgisinternal""")


def apply(access: DatabaseAccess, passwords: Mapping[str, str | None], logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """Create what is missing (database, roles, schemas, tables, grants) and revoke excess rights.

    `passwords`: of `grants.CLIENTS`, by user; None keeps a role's password. `logs`: of the instance, each in its own
    schema. Returns what was changed. It is one transaction: if it raises `StorageError` nothing was changed, but a new
    database stays.
    """
    done = _make_database(access)
    with _connected(access) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        done += roles.make(connection, passwords)
        for schema in schemas_of(logs):
            done += _make_schema(connection, schema)
            if schema != GATEWAY:  # its writers need no lease: every gateway is one
                done += _make_lease(connection, schema)
            done += _make_snapshot(connection, schema)
        done += grants.arrange(connection, logs)
    return done


def check(access: DatabaseAccess, logs: Sequence[LogId] = MAIN_LOGS) -> list[str]:
    """The drift from what `apply` sets up, and server settings that could lose committed data.

    Raises `StorageError`.
    """
    schemas = schemas_of(logs)
    with _connected(access) as connection:
        findings = [*_check_server(connection), *roles.check(connection)]
        unmade = [schema for schema in schemas if _revision(connection, schema) is None]
        findings += [f"schema {schema}: missing" for schema in unmade]
        findings += [line for schema in schemas if schema not in unmade for line in _check_schema(connection, schema)]
        if not unmade:
            findings += [f"missing: {grant}" for grant in grants.missing(connection, logs)]
            if not grants.future_views_are_readable(connection):
                findings.append(f"missing: SELECT on views created later for {role(GATEWAY)}")
        ours, strangers = grants.excessive(connection, logs)
        findings += [f"too wide: {grant}" for grant in (*ours, *strangers)]
    return findings


@contextmanager
def _connected(access: DatabaseAccess) -> Iterator[Connection]:
    """A transaction."""
    parameters = connection_parameters(access, _NAME, _SESSION)
    engine = create_engine("postgresql+psycopg://", connect_args=parameters, poolclass=NullPool, hide_parameters=True)
    with translated(f"postgresql://{access.host}:{access.port}/{access.name}"), engine.begin() as connection:
        yield connection


def _make_database(access: DatabaseAccess) -> list[str]:
    try:
        with _connected(access):
            return []
    except StorageError:
        server = connection_parameters(replace(access, name="postgres"), _NAME, _SESSION)
        try:
            with psycopg.connect(**server, autocommit=True) as session:
                known = session.execute("SELECT FROM pg_database WHERE datname = %s", [access.name]).fetchone()
                if known is None:
                    make = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0")
                    session.execute(make.format(sql.Identifier(access.name)))
                    return [f"database {access.name}: created"]
        except psycopg.Error:
            pass  # the first error says more
        raise


def _make_schema(connection: Connection, schema: str) -> Iterator[str]:
    if connection.scalar(text("SELECT to_regnamespace(:schema)"), {"schema": schema}) is None:
        owner = role(VIEWS) if schema == VIEWS else "CURRENT_USER"
        connection.exec_driver_sql(f"CREATE SCHEMA {schema} AUTHORIZATION {owner}")
        yield f"schema {schema}: created"
    kind, before = _kind(schema), _revision(connection, schema)
    if before == kind.revision:
        return
    if before is not None and int(before.rpartition("_")[2]) > kind.version:
        raise StorageError(f"schema {schema}: {before} is newer than this program (it knows {kind.revision})")
    with _as_owner(connection, schema):
        connection.exec_driver_sql(f"SET LOCAL search_path = {schema}")
        migrations.upgrade(connection, kind.name)
        connection.exec_driver_sql("SET LOCAL search_path = pg_catalog")
    yield f"schema {schema}: {kind.revision}"


def _make_lease(connection: Connection, schema: str) -> Iterator[str]:
    """Not a migration: it holds no data, and SQLite needs none."""
    if not _is_there(connection, f"{schema}.{RELATION}"):
        with _as_owner(connection, schema):
            use = "locked by the instance that writes here"
            connection.exec_driver_sql(f"CREATE VIEW {schema}.{RELATION} AS SELECT text '{use}' AS use")
        yield f"schema {schema}: lease created"


def _make_snapshot(connection: Connection, schema: str) -> Iterator[str]:
    """Not a migration: it is a cache, and on SQLite a file of its own."""
    if _kind(schema) is LOG_KIND and not _is_there(connection, f"{schema}.{tables.snapshot.name}"):
        connection.exec_driver_sql(f"SET LOCAL search_path = {schema}")
        tables.create_snapshot(connection)
        connection.exec_driver_sql("SET LOCAL search_path = pg_catalog")
        yield f"schema {schema}: snapshot created"


@contextmanager
def _as_owner(connection: Connection, schema: str) -> Iterator[None]:
    """Act as the role that owns what is created in the schema."""
    if schema == VIEWS:
        connection.exec_driver_sql(f"SET LOCAL ROLE {role(VIEWS)}")
    yield
    connection.exec_driver_sql("RESET ROLE")


def _kind(schema: str) -> Kind:
    return {VIEWS: VIEWS_KIND, GATEWAY: SESSIONS_KIND}.get(schema, LOG_KIND)


def _revision(connection: Connection, schema: str) -> str | None:
    """The migration that a schema is at; None if there is none."""
    table = f"{schema}.{migrations.VERSION_TABLE}"
    if not _is_there(connection, table):
        return None
    return str(connection.scalar(text(f"SELECT version_num FROM {table}")))  # noqa: S608 of constants alone


def _is_there(connection: Connection, relation: str) -> bool:
    return connection.scalar(text("SELECT to_regclass(:relation)"), {"relation": relation}) is not None


def _check_server(connection: Connection) -> Iterator[str]:
    rows = connection.execute(text("SELECT name, setting FROM pg_settings"))
    settings: dict[str, str] = {row.name: row.setting for row in rows}
    if int(settings["server_version_num"]) < OLDEST * 10_000:
        yield f"server: PostgreSQL {settings['server_version']} is older than {OLDEST}"
    if settings["server_encoding"] != "UTF8":
        yield f"database: its encoding is {settings['server_encoding']}, not UTF8"
    for name, values in LASTING.items():
        if settings[name] not in values:
            yield f"server: {name} is {settings[name]}: committed data may be lost"


def _check_schema(connection: Connection, schema: str) -> Iterator[str]:
    kind, revision = _kind(schema), _revision(connection, schema)
    if revision != kind.revision:
        yield f"schema {schema}: at {revision}; this program knows {kind.revision}"
    if schema != GATEWAY and not _is_there(connection, f"{schema}.{RELATION}"):
        yield f"schema {schema}: its lease is missing, so that no service can write"
    for object_, owner in connection.execute(_OWNERS, {"schema": schema}):
        if owner != role(VIEWS) if schema == VIEWS else owner in map(role, CLIENTS):
            yield f"{object_}: owned by {owner}"
    if kind is LOG_KIND:
        if not _is_there(connection, f"{schema}.{tables.snapshot.name}"):
            yield f"schema {schema}: its snapshot is missing, so that every start folds the whole log"
        there = {tuple(row) for row in connection.execute(_TRIGGERS, {"schema": schema})}
        for table, name in [(table, name) for table, names in TRIGGERS.items() for name in names]:
            if (table, name) not in there:
                yield f"{schema}.{table}: trigger {name} is missing or switched off"
