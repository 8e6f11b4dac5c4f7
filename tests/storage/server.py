"""PostgreSQL for tests of the stores: a new database, set up as an administrator does."""

from __future__ import annotations

import fcntl
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from counterfoil.access import DatabaseAccess
from counterfoil.storage import admin
from counterfoil.storage.grants import CLIENTS, role
from tests.servers.fixture import PostgresServer

PASSWORDS: dict[str, str | None] = {user: f"{role(user)}-tests" for user in CLIENTS}
"""Passwords for servers that require them."""


def as_user(access: DatabaseAccess, user: str) -> DatabaseAccess:
    """The same database as one of its clients."""
    return replace(access, user=role(user), password=PASSWORDS.get(user))


def connect(access: DatabaseAccess) -> psycopg.Connection[Any]:
    """A plain session, in autocommit."""
    return psycopg.connect(
        host=access.host, port=access.port, dbname=access.name, user=access.user, password=access.password,
        autocommit=True,
    )  # fmt: skip


def refused(access: DatabaseAccess, statement: str) -> str:
    """The SQLSTATE by which PostgreSQL refuses the statement."""
    with connect(access) as session, pytest.raises(psycopg.DatabaseError) as raised:
        session.execute(statement.encode())
    assert raised.value.sqlstate is not None
    return raised.value.sqlstate


@contextmanager
def roles_alone() -> Iterator[None]:
    """A lock: processes of a run share the server, whose databases share its roles, so only one sets up at a time."""
    with (Path(tempfile.gettempdir()) / "counterfoil-test-roles.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def template(server: PostgresServer) -> DatabaseAccess:
    """A database that is set up, to be copied; it is deleted with the run."""
    made = server.new_database()
    with roles_alone():
        admin.apply(made, PASSWORDS)
    return made


@contextmanager
def copied(server: PostgresServer) -> Iterator[DatabaseAccess]:
    """A copy of the template, for the superuser, dropped at the end. It lacks the rights on the database itself."""
    original, name = template(server), f"test_{secrets.token_hex(8)}"
    with connect(server.admin) as session:
        names = sql.Identifier(name), sql.Identifier(original.name)
        session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        try:
            yield replace(original, name=name)
        finally:
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))
