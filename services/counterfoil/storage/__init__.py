"""The log store and the view store of `counterfoil.ports`, on SQLAlchemy Core. Nothing else imports SQLAlchemy.

- `log_store`: entries, head and cursors of one log. It is **trusted for availability only**: who can write its file can
  delete everything, but cannot change an entry unseen, because leaf, root and signed checkpoint no longer fit.
  The triggers that forbid UPDATE and DELETE guard against our own mistakes, not against that attacker.
- `view_store`: read models. It is **not trusted**: who can write its file can make queries lie until the views are
  rebuilt from the logs, and nothing is decided by them.

Directories are made 0700 and files 0600. A file that is not ours, of a newer version, or whose parts do not fit
together is refused with `StorageError` and left as it was.

Inside: `tables` and `columns` (the schema), `changes` (the order of writes), `database` (connections and errors),
`dialect` (everything that is SQLite and not SQL).
"""

from __future__ import annotations

from counterfoil.storage.database import StorageError
from counterfoil.storage.log_store import SqlLogStore, open_log_store
from counterfoil.storage.view_store import SqlViewStore, open_view_store

__all__ = ["SqlLogStore", "SqlViewStore", "StorageError", "open_log_store", "open_view_store"]
