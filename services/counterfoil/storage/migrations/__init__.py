"""The migrations that lead to the tables in `tables`: one file per version, run by Alembic on SQLite and PostgreSQL.

`log/` creates the tables and triggers of a log, `sessions/` the tables of the gateways. `views/` creates only the
positions and fingerprint of a view database: the views' own tables are dropped and recreated when their definitions
change (`view_store`), and need no migration.

A published migration is never edited. The next one is a new file, `KIND_VERSION.py`, that names its predecessor;
`tables` names the newest. SQLite files are migrated when they are opened, PostgreSQL by `admin.apply`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect

VERSION_TABLE: Final = "_version"  # in the same file, or the same schema of the server
HERE: Final = Path(__file__).parent


def upgrade(connection: Connection, kind: str, since: int = 0) -> None:
    """Bring the database of that kind (``log``, ``views``, ...) to the newest version, in the running transaction.

    `since`: the current version, for a file that has no version table yet.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("version_locations", str(HERE / kind).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    if since and not inspect(connection).has_table(VERSION_TABLE):
        command.stamp(config, f"{kind}_{since}")
    command.upgrade(config, "head")
