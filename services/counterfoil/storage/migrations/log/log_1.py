"""The entries, the head and the cursors of one log, and the triggers that keep it append-only.

A trigger on the head checks the entries once per commit, instead of a trigger on each entry. Together with the unique
indexes and the compare-and-swap of the head it keeps the indexes free of gaps.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "log_1"
down_revision = None

_NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_SQLITE: Final = (
    """CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END""",
    """CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END""",
    """CREATE TRIGGER head_no_delete BEFORE DELETE ON head
    BEGIN SELECT RAISE(ABORT, 'the head is never removed'); END""",
    """CREATE TRIGGER head_first BEFORE INSERT ON head
    WHEN (SELECT max("index") FROM entries) IS NOT NEW.size - 1
    BEGIN SELECT RAISE(ABORT, 'the head is not at the last entry'); END""",
    """CREATE TRIGGER head_next BEFORE UPDATE ON head
    WHEN (SELECT max("index") FROM entries) IS NOT NEW.size - 1
    BEGIN SELECT RAISE(ABORT, 'the head is not at the last entry'); END""",
)

# AFTER: one statement writes entries and head, and they can be compared only when it is done.
_POSTGRESQL: Final = (
    """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation';
    END $$""",
    """CREATE FUNCTION check_head() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF (SELECT max("index") FROM entries) IS DISTINCT FROM NEW.size - 1 THEN
            RAISE EXCEPTION USING MESSAGE = 'the head is not at the last entry', ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER entries_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('entries are never changed or removed')""",
    """CREATE TRIGGER head_no_delete BEFORE DELETE OR TRUNCATE ON head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('the head is never removed')""",
    """CREATE TRIGGER head_at_last_entry AFTER INSERT OR UPDATE ON head
    FOR EACH ROW EXECUTE FUNCTION check_head()""",
)


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "entries",
        # SQLite uses an INTEGER PRIMARY KEY, in exactly this spelling, as the row id, so that appends go to the end.
        sa.Column("index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("id", _NAME, nullable=False, unique=True),
        sa.Column("content", sa.LargeBinary),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.CheckConstraint('"index" >= 0', name="entries_index"),
        sa.CheckConstraint("content IS NULL OR length(content) = 32", name="entries_content"),
        sa.CheckConstraint("length(data) BETWEEN 1 AND 65535", name="entries_data"),
        sa.CheckConstraint("length(leaf) = 32", name="entries_leaf"),
    )
    op.create_table(
        "head",
        sa.Column("one", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("one = 1", name="head_one"),
        sa.CheckConstraint("size >= 1", name="head_size"),
        sa.CheckConstraint("length(root) = 32", name="head_root"),
    )
    op.create_table(
        "cursors",
        sa.Column("source", _NAME, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.CheckConstraint("position >= 0", name="cursors_position"),
    )
    for statement in _SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
