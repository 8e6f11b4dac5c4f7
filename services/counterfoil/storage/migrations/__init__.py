"""How the tables came to be as `tables` has them: one file per version, run by Alembic on SQLite and PostgreSQL alike.

`log/` makes the tables and triggers of a log. `views/` makes the bookkeeping of a view database only: the views' own
tables are dropped and recreated whenever their definitions change (`view_store`), so there is nothing to migrate.

A published migration is never edited. The next one is another file, `KIND_VERSION.py`, that names the one before it;
`tables` names the newest. SQLite files are migrated when they are opened, PostgreSQL by `admin.apply`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect

VERSION_TABLE: Final = "_version"  # in the file, or the schema of the server, that it is about
HERE: Final = Path(__file__).parent


def upgrade(connection: Connection, kind: str, since: int = 0) -> None:
    """Bring the database of that kind (``log`` or ``views``) to the newest version, in the running transaction.

    `since`: the version of what is there, for a file from before there was a version table.
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
