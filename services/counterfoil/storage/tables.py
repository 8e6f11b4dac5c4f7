"""The current tables; `migrations` leads to them, and a test checks that the two agree.

The log's CHECKs repeat what its store guarantees, so that no bug can break it. So do its triggers, which are defined in
the migrations only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    insert,
    text,
)

from counterfoil.contract.canonical import canonical
from counterfoil.contract.ensure import InvariantViolation, ensure
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.ports import View
from counterfoil.readership import Part
from counterfoil.storage.columns import CodePointText, ColumnType, column, parse_kind


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database: its name, the application id of its SQLite files (four letters), its schema's version."""

    name: str
    application: int
    version: int

    @property
    def revision(self) -> str:
        """The migration that makes this version."""
        return f"{self.name}_{self.version}"


LOG_KIND: Final = Kind("log", int.from_bytes(b"CFlg"), 2)
VIEWS_KIND: Final = Kind("views", int.from_bytes(b"CFvw"), 2)
SNAPSHOT_KIND: Final = Kind("snapshot", int.from_bytes(b"CFsn"), 1)
SESSIONS_KIND: Final = Kind("sessions", int.from_bytes(b"CFse"), 2)

# SQLite uses an INTEGER PRIMARY KEY, in exactly this spelling, as the row id, so that appends go to the end.
_INDEX: Final = BigInteger().with_variant(Integer(), "sqlite")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")

# the log ------------------------------------------------------------------------------------------------------------

LOG: Final = MetaData()

entries: Final = Table(
    "entries",
    LOG,
    Column("index", _INDEX, primary_key=True, autoincrement=False),
    Column("id", CodePointText, nullable=False, unique=True),
    Column("content", LargeBinary),
    Column("data", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    CheckConstraint('"index" >= 0', name="entries_index"),
    CheckConstraint("content IS NULL OR length(content) = 32", name="entries_content"),
    CheckConstraint(f"length(data) BETWEEN 1 AND {MAX_ENTRY_BYTES}", name="entries_data"),
    CheckConstraint("length(leaf) = 32", name="entries_leaf"),
)

head: Final = Table(
    "head",
    LOG,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    CheckConstraint("one = 1", name="head_one"),
    CheckConstraint("size >= 1", name="head_size"),
    CheckConstraint("length(root) = 32", name="head_root"),
)

cursors: Final = Table(
    "cursors",
    LOG,
    Column("source", CodePointText, primary_key=True),
    Column("position", BigInteger, nullable=False),
    CheckConstraint("position >= 0", name="cursors_position"),
)

presence: Final = Table(
    "presence",
    LOG,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("alive", BigInteger, nullable=False),
    Column("code", CodePointText, nullable=False),
    Column("text", CodePointText, nullable=False),
    Column("asked", BigInteger),
    Column("accepted", BigInteger),
    CheckConstraint("one = 1", name="presence_one"),
)

# a log's snapshot ---------------------------------------------------------------------------------------------------

SNAPSHOT: Final = MetaData()

snapshot: Final = Table(
    "_snapshot",
    SNAPSHOT,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    CheckConstraint("one = 1", name="snapshot_one"),
    CheckConstraint("size >= 0", name="snapshot_size"),
)

state: Final = Table(
    "_state",
    SNAPSHOT,
    Column("key", CodePointText, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)


def create_snapshot(connection: Connection) -> None:
    """Create both tables, and the row of `_snapshot`: from then on there is always one to lock."""
    SNAPSHOT.create_all(connection)
    connection.execute(insert(snapshot), {"one": 1, "size": 0})


# sessions -----------------------------------------------------------------------------------------------------------

SESSIONS: Final = MetaData()

sessions: Final = Table(
    "sessions",
    SESSIONS,
    Column("digest", LargeBinary, primary_key=True),
    Column("party_id", CodePointText, nullable=False),
    Column("key_id", CodePointText, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("guarded_until", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    UniqueConstraint("party_id", "nonce", name="sessions_nonce"),
    CheckConstraint("length(digest) = 32", name="sessions_digest"),
)
Index("sessions_by_expiry", sessions.c.expires_at)

webhooks: Final = Table(
    "webhooks",
    SESSIONS,
    Column("id", CodePointText, primary_key=True),
    Column("party_id", CodePointText, nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("key_id", CodePointText, nullable=False),
    Column("url", CodePointText, nullable=False),
    Column("types", CodePointText, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("positions", CodePointText, nullable=False),
    Column("old_secret", LargeBinary, nullable=False),
    Column("old_until", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("paused", CodePointText, nullable=False),
    Column("last_id", CodePointText, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("last_status", CodePointText, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("failing_since", BigInteger, nullable=False),
    Column("next_try", BigInteger, nullable=False),
    Column("tested_at", BigInteger, nullable=False),
    Column("holder", CodePointText, nullable=False),
    Column("held_until", BigInteger, nullable=False),
    UniqueConstraint("party_id", "slot", name="webhooks_slot"),
)
Index("webhooks_by_holder", webhooks.c.holder)

# views --------------------------------------------------------------------------------------------------------------


Pick = Callable[[Mapping[str, object]], tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class ViewTable:
    """A view with its table and the parsed kinds of its columns.

    `shown`: its columns, which are not all of the table if that is another view's.
    `settable`: columns that may change, which are those outside the key; `countable`: those that may be added to.
    `pick_key`, `pick_values`: the key, and all values in the order of the columns, of a row that has them.
    """

    view: View
    table: Table
    shown: tuple[Column[Any], ...]
    types: dict[str, ColumnType]
    key: tuple[Column[Any], ...]
    order: tuple[Column[Any], ...]
    settable: frozenset[str]
    countable: frozenset[str]
    pick_key: Pick
    pick_values: Pick

    def key_of(self, row: Mapping[str, object]) -> tuple[object, ...]:
        """The key of a row. Raises `InvariantViolation` where a part is missing."""
        try:
            return self.pick_key(row)
        except KeyError as missing:
            raise InvariantViolation(f"{self.view.name}: a row without {missing}") from missing

    def values_of(self, row: Mapping[str, object]) -> tuple[object, ...]:
        """The values of a row in the order of the columns; None for those that are missing.

        Raises `InvariantViolation` for an unknown column.
        """
        if row.keys() == self.types.keys():
            return self.pick_values(row)
        unknown = sorted(row.keys() - self.types.keys())
        ensure(not unknown, f"{self.view.name}: no columns {unknown}")
        return tuple([row.get(name) for name in self.types])


@dataclass(frozen=True, slots=True)
class ViewSchema:
    """The tables of a view database: one per view, the position in each log, and the fingerprint of the definitions."""

    metadata: MetaData
    views: dict[str, ViewTable]
    positions: Table
    meta: Table
    fingerprint: str

    @property
    def tables(self) -> list[Table]:
        """The tables of the views, without those of which a view shows a part."""
        return [model.table for model in self.views.values() if model.view.part_of is None]


def view_schema(views: Sequence[View]) -> ViewSchema:
    """The tables for `views`. Raises `InvariantViolation` for an invalid definition."""
    definitions = [
        [view.name, view.key, list(view.columns.items()), view.filters, view.time, indexed(view), _part(view)]
        for view in views
    ]
    return _view_schema(canonical(definitions))


@lru_cache(8)  # half of the time that opening a small instance takes, and the same for every one of a process
def _view_schema(definitions: bytes) -> ViewSchema:
    metadata = MetaData()
    positions = Table(
        "_positions",
        metadata,
        Column("origin", CodePointText, primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("target", BigInteger, nullable=False, server_default=text("0")),
        CheckConstraint("position >= 0", name="positions_position"),
    )
    meta = Table("_meta", metadata, Column("fingerprint", CodePointText, primary_key=True))
    tables: dict[str, ViewTable] = {}
    for name, key, columns, filters, time, by, part in orjson.loads(definitions):
        ensure(name not in tables, "two views have one name")
        of = None if part is None else Part(*part)
        view = View(name, tuple(key), dict(columns), tuple(filters), time, part_of=of)
        ensure(of is None or of.view in tables, f"{name}: no view before it of which it is a part")
        tables[name] = _view_table(metadata, view, by) if of is None else _part_table(view, tables[of.view], of)
    return ViewSchema(metadata, tables, positions, meta, sha256(definitions).hexdigest())


def indexed(view: View) -> list[str]:
    """The columns that rows are found by: filters, and those that say who may read a row."""
    return list(dict.fromkeys((*view.filters, *view.readers.columns)))


def _part(view: View) -> tuple[str, dict[str, object]] | None:
    return None if view.part_of is None else (view.part_of.view, dict(view.part_of.rows))


def _part_table(view: View, whole: ViewTable, part: Part) -> ViewTable:
    """A view without a table of its own; nothing can change it."""
    types = {name: whole.types[name] for name in view.columns if whole.view.columns.get(name) == view.columns[name]}
    ensure(
        types.keys() == view.columns.keys() and view.order == whole.view.order, f"{view.name} is no part of {part.view}"
    )
    ensure(set(view.filters) <= set(whole.view.filters) and part.rows.keys() <= whole.types.keys(), view.name)
    shown = tuple(whole.table.c[name] for name in types)
    none = frozenset[str]()
    order = tuple(whole.table.c[name] for name in view.order)
    return ViewTable(view, whole.table, shown, types, whole.key, order, none, none, whole.pick_key, whole.pick_values)


def _view_table(metadata: MetaData, view: View, by: Sequence[str]) -> ViewTable:
    types = {name: parse_kind(kind) for name, kind in view.columns.items()}
    for name in (view.name, *types):
        ensure(_NAME.fullmatch(name) is not None, f"{view.name}: {name!r} is not a name")
    ensure(0 < len(view.key) == len(set(view.key)), f"{view.name}: a key needs columns, each once")
    ensure(all(name in types for name in (*view.key, *by)), f"{view.name}: key, filter or reader without a column")
    for name in view.key:
        ensure(types[name].sorts and not types[name].optional, f"{view.name}: {name} cannot be part of a key")
    for name in by:
        ensure(types[name].sorts, f"{view.name}: {name} cannot be a filter")
    ensure(view.time is None or view.columns.get(view.time) == "time", f"{view.name}: {view.time} is no time")

    # Without a row id, rows are stored in key order.
    parts = [part for name, column_type in types.items() for part in column(name, column_type)]
    table = Table(view.name, metadata, *parts, PrimaryKeyConstraint(*view.key), sqlite_with_rowid=False)
    key, order = (tuple(table.c[name] for name in names) for names in (view.key, view.order))
    if view.time is not None and view.order != view.key:
        Index(f"{view.name}_in_order", *order)
    for name in by:
        if name == view.order[0]:
            continue  # the primary key has that order
        Index(f"{view.name}_by_{name}", table.c[name], *(part for part in order if part.name != name))
    settable = frozenset(types) - frozenset(view.key)
    countable = frozenset(name for name in settable if types[name].counts)
    return ViewTable(view, table, tuple(table.c), types, key, order, settable, countable, _pick(view.key), _pick(types))


def _pick(names: Iterable[str]) -> Pick:
    """The function that takes these values from a row, as a tuple. It raises KeyError for one that is missing."""
    first, *others = names
    return itemgetter(first, *others) if others else lambda row: (row[first],)
