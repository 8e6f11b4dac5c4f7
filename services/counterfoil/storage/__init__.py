"""The stores of `counterfoil.ports`, for logs, snapshots and views, on SQLAlchemy Core: nothing else imports that.

- `log_store`: entries, head and cursors of one log. It is **trusted for availability only**: who can write its database
  can delete everything, but cannot change an entry unnoticed: leaf, root and signed checkpoint would no longer match.
  The triggers that forbid UPDATE and DELETE guard against bugs, not against that attacker.
- `snapshot_store`: the records of a log's state, to start from. It is **not trusted**: they are believed only if their
  root is the one in the log; a bad one costs time.
- `view_store`: read models. It is **not trusted**: who can write its database can falsify queries until the views are
rebuilt from the logs; no decision depends on them.

A database is a SQLite file, created when it is opened (directories 0700, files 0600), or a schema on PostgreSQL,
created by `admin`. One of another kind or a newer version raises `StorageError`, an inconsistent one `DatabaseDamaged`;
both are left unchanged.

Inside: `tables`, `columns` and `migrations` (the schema), `changes` (the order of writes), `database` (transactions and
errors), `dialect` (what differs between the two), and for PostgreSQL `lease` (who is the writer), `admin`, `schemas`
(their names), `roles` and `grants` (rights).
"""

from __future__ import annotations

from counterfoil.storage.errors import DatabaseDamaged, LeaseLost, StorageError
from counterfoil.storage.log_store import SqlLogStore, open_log_store, open_log_store_on, read_log_store_on
from counterfoil.storage.snapshot_store import SqlSnapshotStore, open_snapshot_store, open_snapshot_store_on
from counterfoil.storage.view_store import SqlViewStore, open_view_store, open_view_store_on, read_view_store_on

__all__ = [
    "DatabaseDamaged",
    "LeaseLost",
    "SqlLogStore",
    "SqlSnapshotStore",
    "SqlViewStore",
    "StorageError",
    "open_log_store",
    "open_log_store_on",
    "open_snapshot_store",
    "open_snapshot_store_on",
    "open_view_store",
    "open_view_store_on",
    "read_log_store_on",
    "read_view_store_on",
]
