"""PostgreSQL itself keeps a log append-only: for its owner by triggers, for services by missing rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.ports import Put
from counterfoil.settings import GATEWAY, VIEWS
from counterfoil.storage import (
    StorageError,
    open_log_store_on,
    open_view_store_on,
    read_log_store_on,
    read_view_store_on,
)
from tests.conformance.log_store import append, check_log, contents, entries
from tests.conformance.view_store import BALANCES, ORDERS, balance
from tests.servers.fixture import PostgresServer
from tests.storage.server import as_user, connect, copied, refused

ENTRY = "'new', NULL, '\\x00', sha256('')"
BROKEN = [
    "UPDATE ledger.entries SET data = '\\x00' WHERE \"index\" = 1",
    'UPDATE ledger.entries SET "index" = 9 WHERE "index" = 2',
    "UPDATE ledger.entries SET data = data WHERE false",
    "DELETE FROM ledger.entries",
    "TRUNCATE ledger.entries",
    f"INSERT INTO ledger.entries VALUES (1, {ENTRY}) ON CONFLICT (\"index\") DO UPDATE SET data = '\\x00'",
    f"INSERT INTO ledger.entries VALUES (-1, {ENTRY})",
    "DELETE FROM ledger.head",
    "TRUNCATE ledger.head",
    "INSERT INTO ledger.head VALUES (2, 3, sha256(''), '\\x00')",
    "UPDATE ledger.head SET size = 2",
    "UPDATE ledger.head SET size = 4",
    "UPDATE ledger.head SET root = '\\x00'",
    "UPDATE ledger.cursors SET position = -1",
]
"""Statements that fail even for the owner of the tables."""
FORBIDDEN = [
    *BROKEN,
    "DELETE FROM ledger.cursors",
    "TRUNCATE ledger.cursors",
    "SELECT FROM ledger.entries FOR UPDATE",
    "ALTER TABLE ledger.entries DISABLE TRIGGER ALL",
    "ALTER TABLE ledger.entries DROP CONSTRAINT entries_id_key",
    "DROP TRIGGER entries_no_change ON ledger.entries",
    "DROP TABLE ledger.entries CASCADE",
    "CREATE TABLE ledger.more (a integer)",
    "CREATE TABLE public.more (a integer)",
    "CREATE TEMPORARY TABLE entries (a integer)",
    "CREATE SCHEMA more",
    "CREATE OR REPLACE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "UPDATE ledger._version SET version_num = 'log_9'",
    "SET session_replication_role = replica",
    "SET ROLE counterfoil_admin",
    "SET ROLE counterfoil_issuance",
    "SELECT FROM issuance.entries",
    "SELECT FROM issuance.head",
    f"INSERT INTO issuance.entries VALUES (0, {ENTRY})",
    "INSERT INTO issuance.cursors VALUES ('a', 1)",
    "SELECT FROM views.balances",
    "SELECT FROM views._positions",
    "DROP VIEW ledger._lease",
    "CREATE OR REPLACE VIEW ledger._lease AS SELECT text '' AS use",
    "GRANT UPDATE ON issuance._lease TO counterfoil_ledger",
    "BEGIN; LOCK TABLE issuance._lease IN SHARE UPDATE EXCLUSIVE MODE",
    "COPY ledger.entries TO PROGRAM 'true'",
    "SELECT rolpassword FROM pg_authid",
]
"""Statements that fail for the service."""
WRITING = [
    f"INSERT INTO ledger.entries VALUES (3, {ENTRY})",
    "UPDATE ledger.head SET size = 3",
    "INSERT INTO ledger.cursors VALUES ('a', 1)",
    "INSERT INTO views._positions VALUES ('a', 1)",
    "UPDATE views.balances SET held = 1",
    "DELETE FROM views.balances",
    "TRUNCATE views.balances",
    "DROP TABLE views.balances",
    "CREATE TABLE views.more (a integer)",
    "UPDATE views._meta SET fingerprint = ''",
    *FORBIDDEN[:5],
]
"""Statements that fail for the gateway."""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[DatabaseAccess]:
    """One for all tests here: with three entries in the ledger's log, and a balance."""
    from counterfoil.storage import admin
    from tests.storage.server import PASSWORDS, roles_alone

    with copied(postgres) as made:
        with roles_alone():
            admin.apply(made, PASSWORDS)  # the rights on the database itself
        with closing(open_log_store_on(as_user(made, "ledger"), LogId("ledger"))) as log:
            append(log, 0, entries(0, 3))
        with closing(open_view_store_on(as_user(made, VIEWS), [BALANCES])) as views:
            views.apply([Put("balances", balance("a", "x"))], {"log": 1})
        yield made


@pytest.mark.parametrize("statement", BROKEN)
def test_the_owner_of_the_tables_is_refused(database: DatabaseAccess, statement: str) -> None:
    with closing(read_log_store_on(database, LogId("ledger"))) as log:
        before = contents(log)
        assert refused(database, statement).startswith("23")  # integrity: a constraint or a trigger
        assert contents(log) == before


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_service_is_refused(database: DatabaseAccess, statement: str) -> None:
    with closing(read_log_store_on(database, LogId("ledger"))) as log:
        before = contents(log)
        assert refused(as_user(database, "ledger"), statement)[:2] in ("42", "23")
        assert contents(log) == before


@pytest.mark.parametrize("statement", WRITING)
def test_the_gateway_only_reads(database: DatabaseAccess, statement: str) -> None:
    assert refused(as_user(database, GATEWAY), statement) == "42501"


@pytest.mark.parametrize("statement", ["SELECT FROM ledger.entries", "CREATE SCHEMA more", "CREATE TABLE public.a ()"])
def test_the_projector_has_the_views_alone(database: DatabaseAccess, statement: str) -> None:
    assert refused(as_user(database, VIEWS), statement) == "42501"


def test_a_service_cannot_pass_its_rights_on(database: DatabaseAccess) -> None:
    with connect(as_user(database, "ledger")) as session:
        session.execute("GRANT SELECT ON ledger.entries TO counterfoil_matching")  # a warning for PostgreSQL
    assert refused(as_user(database, "matching"), "SELECT FROM ledger.entries") == "42501"


def test_others_do_not_even_get_in(database: DatabaseAccess) -> None:
    with connect(database) as session:
        session.execute("DROP ROLE IF EXISTS counterfoil_test_stranger")
        session.execute("CREATE ROLE counterfoil_test_stranger LOGIN")
        try:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                connect(as_user(database, "test_stranger"))
        finally:
            session.execute("DROP ROLE counterfoil_test_stranger")


def test_the_gateway_reads_logs_and_cannot_append(database: DatabaseAccess) -> None:
    access = as_user(database, GATEWAY)
    with closing(read_log_store_on(access, LogId("ledger"))) as log:
        check_log(log, entries(0, 3))
        with pytest.raises(StorageError):
            append(log, 3, entries(3, 1))
        with pytest.raises(StorageError):
            append(log, 3, [], {"commands": 4})
        check_log(log, entries(0, 3))
    with closing(open_log_store_on(access, LogId("ledger"))) as log, pytest.raises(StorageError, match="denied"):
        append(log, 3, entries(3, 1))  # and not only because the client refuses


def test_one_service_cannot_open_the_log_of_another(database: DatabaseAccess) -> None:
    for access in (as_user(database, "issuance"), as_user(database, VIEWS)):
        with pytest.raises(StorageError, match=f"{access.user} has no right"):
            open_log_store_on(access, LogId("ledger"))


def test_the_gateway_reads_views_also_recreated_ones(database: DatabaseAccess) -> None:
    access = as_user(database, GATEWAY)
    with closing(read_view_store_on(access, [BALANCES])) as views:
        assert views.page("balances", {}, None, 9) == [balance("a", "x")]
        with pytest.raises(StorageError):
            views.apply([Put("balances", balance("b", "x"))], {"log": 2})
        with pytest.raises(StorageError):
            views.reset()
    with pytest.raises(StorageError, match="those of another version"):
        read_view_store_on(access, [BALANCES, ORDERS])
    both = [BALANCES, ORDERS]
    open_view_store_on(as_user(database, VIEWS), both).close()
    with closing(read_view_store_on(access, both)) as views:
        assert (views.positions(), views.page("orders", {}, None, 9)) == ({}, [])
    with closing(open_view_store_on(as_user(database, VIEWS), [BALANCES])) as made:
        made.apply([Put("balances", balance("a", "x"))], {"log": 1})
