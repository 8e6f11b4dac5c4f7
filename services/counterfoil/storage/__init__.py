"""The log store and the view store of `counterfoil.ports`, on SQLAlchemy Core. Nothing else imports SQLAlchemy.

- `log_store`: entries, head and cursors of one log. It is **trusted for availability only**: who can write its database
  can delete everything, but cannot change an entry unseen, because leaf, root and signed checkpoint no longer fit.
  The triggers that forbid UPDATE and DELETE guard against our own mistakes, not against that attacker.
- `view_store`: read models. It is **not trusted**: who can write its database can make queries lie until the views are
  rebuilt from the logs, and nothing is decided by them.

A database is a SQLite file, made when it is opened (directories 0700, files 0600), or a schema on PostgreSQL, made by
`admin`. One that is not ours or of a newer version is refused with `StorageError`, one whose parts do not fit together
with `DatabaseDamaged`, and left as it was.

Inside: `tables`, `columns` and `migrations` (the schema), `changes` (the order of writes), `database` (transactions and
errors), `dialect` (everything that is not SQL common to both), and for PostgreSQL `lease` (who is the writer), `admin`,
`schemas` (which is whose), `roles` and `grants` (who may do what).
"""

from __future__ import annotations

from counterfoil.storage.errors import DatabaseDamaged, LeaseLost, StorageError
from counterfoil.storage.log_store import SqlLogStore, open_log_store, open_log_store_on, read_log_store_on
from counterfoil.storage.view_store import SqlViewStore, open_view_store, open_view_store_on, read_view_store_on

__all__ = [
    "DatabaseDamaged",
    "LeaseLost",
    "SqlLogStore",
    "SqlViewStore",
    "StorageError",
    "open_log_store",
    "open_log_store_on",
    "open_view_store",
    "open_view_store_on",
    "read_log_store_on",
    "read_view_store_on",
]
