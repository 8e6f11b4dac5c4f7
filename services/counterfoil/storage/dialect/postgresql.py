"""PostgreSQL 14 or newer, by psycopg 3: one schema of one database. Imported only where PostgreSQL is used.

An append is one statement outside a transaction block: it costs one round trip, and holds its locks only as long as the
server works on it, even if the client dies. Commits of logs wait for the disk (`synchronous_commit`), whatever the
server's own setting; those of views do not, because views can be rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
from psycopg.types.numeric import Int8BinaryDumper
from sqlalchemy import (
    JSON,
    ColumnClause,
    ColumnElement,
    Connection,
    Engine,
    ExceptionContext,
    Executable,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.pool import QueuePool

from counterfoil.access import DatabaseAccess
from counterfoil.ports import Head, NewEntry, StoreConflict
from counterfoil.storage.changes import Shape, Values, parameters
from counterfoil.storage.dialect import Found
from counterfoil.storage.errors import StorageError, failure
from counterfoil.storage.migrations import VERSION_TABLE
from counterfoil.storage.tables import Kind, ViewTable

READERS_KEPT: Final = 2
READERS_MAX: Final = 4  # per store: a gateway has one per log and one for the views; a server allows 100 connections
WAIT_SECONDS: Final = 30  # for a free connection of the pool
PREPARED_MAX: Final = 500  # prepared statements per connection; view changes have many shapes

NETWORK: Final[Mapping[str, int | str]] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # ms until an unanswered request fails; the system's default is a quarter of an hour
    "gssencmode": "disable",  # otherwise each connection tries GSSAPI first
}
SESSION: Final[Mapping[str, str]] = {
    "TimeZone": "UTC",
    "jit": "off",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",  # after this, a frozen process loses its locks
}
_MOVED_AWAY: Final = "25006"  # read_only_sql_transaction: the server is, or has become, a replica

_ADDED: Final = """\
added AS (
    INSERT INTO entries ("index", id, content, data, leaf)
    SELECT %(expected)b::bigint + place - 1, id, content, data, leaf
    FROM moved, unnest(%(ids)b::text[], %(contents)b::bytea[], %(data)b::bytea[], %(leaves)b::bytea[])
        WITH ORDINALITY AS new (id, content, data, leaf, place)
), consumed AS (
    INSERT INTO cursors (source, position)
    SELECT source, position FROM moved, unnest(%(sources)b::text[], %(positions)b::bigint[]) AS new (source, position)
    ON CONFLICT (source) DO UPDATE SET position = excluded.position
)
SELECT count(*) FROM moved"""
_FIRST: Final = f"""\
WITH moved AS (
    INSERT INTO head (one, size, root, note) VALUES (1, %(size)b::bigint, %(root)b::bytea, %(note)b::bytea)
    ON CONFLICT (one) DO NOTHING RETURNING one
), {_ADDED}"""  # noqa: S608 of constants alone
_NEXT: Final = f"""\
WITH moved AS (
    UPDATE head SET size = %(size)b::bigint, root = %(root)b::bytea, note = %(note)b::bytea
    WHERE size = %(expected)b::bigint RETURNING one
), {_ADDED}"""  # noqa: S608 of constants alone
_REVISION: Final[Select[str]] = select(column("version_num", Text)).select_from(table(VERSION_TABLE))
_FIND: Final = 'SELECT id, "index", content FROM entries WHERE id = ANY(%(ids)b::text[])'


class Postgresql:
    """`Dialect` for one schema. `read_only`: for a role that may only read; every write then fails."""

    def __init__(
        self, access: DatabaseAccess, schema: str, *, synchronous_commit: bool = True, read_only: bool = False
    ) -> None:
        """Connects when it is first used."""
        self._user = access.user
        self.place = f"postgresql://{access.host}:{access.port}/{access.name} schema {schema}"
        session = {"search_path": schema, "synchronous_commit": "on" if synchronous_commit else "off"}
        reading = {**session, "default_transaction_read_only": "on"}
        writing = connection_parameters(access, writer_name(schema), reading if read_only else session)
        if not read_only:
            writing["target_session_attrs"] = "read-write"  # never a replica
        self.writer = _engine(writing, kept=1, most=1)
        self._alone = self.writer.execution_options(isolation_level="AUTOCOMMIT")
        self.reader = _engine(
            connection_parameters(access, f"{writer_name(schema)}-reader", reading),
            kept=READERS_KEPT,
            most=READERS_MAX,
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=True,  # checks a connection before use: no query fails after a restart of the server
        )
        self._finds = self.reader if read_only else self._alone  # its own connection is used without a ping before
        self.consistent: Engine = self.reader.execution_options(isolation_level="REPEATABLE READ")
        self._statements: dict[Shape, Executable] = {}

    def prepare(self, kind: Kind) -> None:
        """Check that the schema exists in this program's version. Raises `StorageError`."""
        with self.reader.connect() as connection:
            try:
                found = connection.scalars(_REVISION).one_or_none()
            except ProgrammingError as error:
                advice = f"missing, or {self._user} has no right to it: run `counterfoil database apply`"
                raise StorageError(f"{self.place}: {advice}") from error
        if found == kind.revision:
            return
        name, _, version = str(found).rpartition("_")
        if name != kind.name:
            raise StorageError(f"{self.place}: not this kind of database ({found}, expected {kind.revision})")
        newer = int(version) > kind.version
        advice = "newer than this program" if newer else "older: run `counterfoil database apply`"
        raise StorageError(f"{self.place}: schema version {version} is {advice} (it knows {kind.version})")

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """Inserts nothing unless the head is at `expected_size`; a trigger checks the result."""
        values = {
            "expected": expected_size,
            "ids": [each.id for each in entries],
            "contents": [each.content for each in entries],
            "data": [each.data for each in entries],
            "leaves": [each.leaf for each in entries],
            "sources": list(cursors),
            "positions": list(cursors.values()),
            "size": head.size,
            "root": head.root,
            "note": head.note,
        }
        try:
            with self._alone.connect() as connection:
                moved = connection.exec_driver_sql(_NEXT if expected_size else _FIRST, values).scalar_one()
        except IntegrityError as error:
            if isinstance(error.orig, psycopg.errors.UniqueViolation):
                raise StoreConflict(f"an id, or an index from {expected_size} on, exists already") from error
            raise
        if not moved:
            raise StoreConflict(f"the log does not have {expected_size} entries")

    def find(self, ids: Sequence[str]) -> list[Found]:
        """Those of the ids that are in the log."""
        with self._finds.connect() as connection:
            found = connection.exec_driver_sql(_FIND, {"ids": list(ids)})
            return [(id_, index, content) for id_, index, content in found]

    @contextmanager
    def ending(self, connection: Connection, within: float) -> Iterator[None]:
        """Each statement of the transaction."""
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(within * 1_000)):d}")
        yield

    @contextmanager
    def pipelined(self, connection: Connection) -> Iterator[None]:
        """The driver's pipeline mode: answers are read while statements are sent."""
        driver: Any = connection.connection.driver_connection
        try:
            with driver.pipeline():
                yield
        except psycopg.Error as error:  # pipelined errors come later and bypass SQLAlchemy's handling
            raise failure(self.place, error) from error

    def put(self, connection: Connection, table: Table, rows: Sequence[Values]) -> None:
        """Insert the rows, or replace those with their keys."""
        names = [str(each.name) for each in table.c]  # SQLAlchemy's names are of a subclass of str
        self._run(connection, Shape(table.name, put=True), lambda: _put(table), names, rows)

    def change(self, connection: Connection, shape: Shape, view: ViewTable, rows: Sequence[Values]) -> None:
        """Set and add."""
        self._run(connection, shape, lambda: _update(shape, view), parameters(shape, view), rows)

    def _run(
        self,
        connection: Connection,
        shape: Shape,
        make: Callable[[], Executable],
        names: Sequence[str],
        rows: Sequence[Values],
    ) -> None:
        """Execute the statement of a shape, whose parameter ``rows`` is a JSON array of objects."""
        if shape not in self._statements:
            self._statements[shape] = make()
        if rows:
            objects = [dict(zip(names, row, strict=True)) for row in rows]
            connection.execute(self._statements[shape], {"rows": orjson.dumps(objects).decode()})

    def close(self) -> None:
        """Give the connections back."""
        self.reader.dispose()
        self.writer.dispose()


def _put(target: Table) -> Executable:
    names = target.c.keys()
    new = _records(target, names)
    statement = insert(target).from_select(names, select(*(new.c[name] for name in names)))
    key = [each.name for each in target.primary_key]
    rest = {name: statement.excluded[name] for name in names if name not in key}
    if not rest:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=rest)


def _update(shape: Shape, view: ViewTable) -> Executable:
    columns = view.table.c
    new = _records(view.table, parameters(shape, view))
    values: dict[str, ColumnElement[Any]] = {name: new.c[name] for name in shape.sets}
    values |= {name: columns[name] + new.c[name] for name in shape.adds}
    row = and_(*(part == new.c[part.name] for part in view.key))
    return update(view.table).where(row).values(values)


def _records(target: Table, names: Sequence[str]) -> FromClause:
    """The rows of the parameter as a table with the columns `names` of the target."""
    columns: list[ColumnClause[Any]] = [column(name, target.c[name].type) for name in names]
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON)).table_valued(*columns, name="new")
    return rows.render_derived(with_types=True)


def writer_name(schema: str) -> str:
    """What the server shows as the name of a writer's sessions; it cuts off what is longer than 63 bytes."""
    return f"counterfoil-{schema}"


def connection_parameters(access: DatabaseAccess, name: str, session: Mapping[str, str]) -> dict[str, Any]:
    """Parameters for psycopg: `name` is shown by the server, `session` is added to `SESSION`."""
    settings = " ".join(
        "-c {}={}".format(key, value.replace(" ", r"\ ")) for key, value in {**SESSION, **session}.items()
    )
    # A password is never sent in clear text; a server that trusts its network asks for none.
    proof = {} if access.password is None else {"require_auth": "scram-sha-256,none"}
    return {
        **NETWORK,
        **_encryption(access.ca),
        **proof,
        "host": access.host,
        "port": access.port,
        "dbname": access.name,
        "user": access.user,
        "password": access.password,
        "application_name": name,
        "options": settings,
    }


def _encryption(ca: Path | None) -> dict[str, str]:
    """TLS parameters. With `ca`: connect only if the server's certificate has its name and authority."""
    if ca is None:
        return {"sslmode": "prefer"}  # libpq's default, set here so that the file decides and not PGSSLMODE
    return {"sslmode": "verify-full", "sslrootcert": str(ca), "ssl_min_protocol_version": "TLSv1.3"}


def _engine(parameters: Mapping[str, Any], *, kept: int, most: int, **more: Any) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        connect_args=dict(parameters),
        poolclass=QueuePool,
        pool_size=kept,
        max_overflow=most - kept,
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,  # error messages must not contain values
        use_native_hstore=False,
        **more,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.prepared_max = PREPARED_MAX
        connection.adapters.register_dumper(int, Int8BinaryDumper)  # else a statement is prepared for each width

    @event.listens_for(engine, "handle_error")
    def _reconnect(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == _MOVED_AWAY:
            context.is_disconnect = True

    return engine
