"""The administrator's commands create what is missing, change nothing else, and find drift."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.settings import ADMIN, VIEWS
from counterfoil.storage import StorageError, admin, open_log_store_on
from counterfoil.storage.grants import CLIENTS, role
from counterfoil.storage.lease import Lease
from counterfoil.storage.tables import LOG_KIND
from tests.conformance.log_store import append, check_log, entries
from tests.storage.server import connect

if TYPE_CHECKING:
    from counterfoil.testbed.cluster.cluster import Cluster

PASSWORDS: dict[str, str | None] = {user: f"password of {user} %s'\\" for user in CLIENTS}


def as_user(access: DatabaseAccess, user: str) -> DatabaseAccess:
    """The same database as one of its clients."""
    return replace(access, user=role(user), password=PASSWORDS[user])


def run(access: DatabaseAccess, *statements: str) -> None:
    """Execute statements as the superuser."""
    with connect(access) as session:
        for statement in statements:
            session.execute(statement.encode())


@contextmanager
def started(directory: Path) -> Iterator[Cluster]:
    """A separate server that requires passwords, since all databases of a server share its roles."""
    from counterfoil.testbed.cluster.cluster import Cluster

    cluster = Cluster(directory)
    cluster.make(secure=True)
    cluster.start_postgres()
    try:
        yield cluster
    finally:
        cluster.down(1)


def superuser(cluster: Cluster) -> DatabaseAccess:
    """Its administrator."""
    from counterfoil.testbed.cluster.credentials import passwords

    assert cluster.secrets is not None
    password = passwords(cluster.secrets, "postgres")[ADMIN]
    return DatabaseAccess(cluster.host, cluster.port, "counterfoil", role(ADMIN), password)


@pytest.fixture(scope="module")
def server(cluster_directory: Path) -> Iterator[Cluster]:
    """One for this module; its database `counterfoil` is set up, to be copied."""
    with started(cluster_directory / "administered") as cluster:
        admin.apply(superuser(cluster), PASSWORDS)
        yield cluster


@pytest.fixture
def fresh(server: Cluster) -> Iterator[DatabaseAccess]:
    """A database that is set up."""
    access = replace(superuser(server), name=f"test_{secrets.token_hex(8)}")
    run(replace(access, name="postgres"), f"CREATE DATABASE {access.name} TEMPLATE counterfoil")
    admin.apply(access, PASSWORDS)  # rights on a database are not copied with it
    yield access
    run(replace(access, name="postgres"), f"DROP DATABASE {access.name} WITH (FORCE)")


def test_the_first_apply_creates_everything_and_the_second_nothing(server: Cluster) -> None:
    access = replace(superuser(server), name="from_nothing")
    done = admin.apply(access, PASSWORDS)
    assert "database from_nothing: created" in done
    assert {f"schema {name}: created" for name in ("ledger", "views")} <= set(done)
    assert {f"schema ledger: {LOG_KIND.revision}", "schema views: views_2"} <= set(done)
    assert admin.check(access) == []
    assert admin.apply(access, PASSWORDS) == []
    assert admin.check(access) == []


def test_a_log_that_is_there_is_kept(fresh: DatabaseAccess) -> None:
    with closing(open_log_store_on(as_user(fresh, "ledger"), LogId("ledger"))) as store:
        append(store, 0, entries(0, 3))
        assert admin.apply(fresh, PASSWORDS) == []
        check_log(store, entries(0, 3))
        append(store, 3, entries(3, 1))


DEFAULTS = "ALTER DEFAULT PRIVILEGES FOR ROLE counterfoil_views IN SCHEMA views"
DAMAGE = [
    ("GRANT UPDATE ON ledger.entries TO counterfoil_ledger", "too wide: UPDATE on TABLE ledger.entries"),
    ("GRANT UPDATE (data) ON ledger.entries TO counterfoil_ledger", "too wide: UPDATE (data) on TABLE ledger.entries"),
    ("GRANT TRUNCATE ON ledger.entries TO counterfoil_ledger", "too wide: TRUNCATE on TABLE ledger.entries"),
    ("GRANT SELECT ON issuance.head TO counterfoil_ledger", "too wide: SELECT on TABLE issuance.head"),
    ("GRANT SELECT ON ledger.head TO counterfoil_ledger WITH GRANT OPTION", "too wide: GRANT OPTION FOR SELECT"),
    ("GRANT ALL ON SCHEMA ledger TO counterfoil_ledger", "too wide: CREATE on SCHEMA ledger"),
    ("GRANT INSERT ON ledger.entries TO counterfoil_gateway", "too wide: INSERT on TABLE ledger.entries"),
    ("GRANT USAGE ON SCHEMA ledger TO PUBLIC", "too wide: USAGE on SCHEMA ledger for PUBLIC"),
    ("GRANT EXECUTE ON FUNCTION ledger.refuse() TO PUBLIC", "too wide: EXECUTE on FUNCTION ledger.refuse()"),
    ("GRANT USAGE ON SCHEMA public TO PUBLIC", "too wide: USAGE on SCHEMA public for PUBLIC"),
    ("GRANT CREATE ON SCHEMA public TO counterfoil_views", "too wide: CREATE on SCHEMA public"),
    ("GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", "too wide: TEMPORARY on DATABASE"),
    ("GRANT TRUNCATE ON gateway.sessions TO counterfoil_gateway", "too wide: TRUNCATE on TABLE gateway.sessions"),
    ("GRANT SELECT ON gateway.sessions TO counterfoil_views", "too wide: SELECT on TABLE gateway.sessions"),
    ("REVOKE DELETE ON gateway.sessions FROM counterfoil_gateway", "missing: DELETE on TABLE gateway.sessions"),
    ("GRANT UPDATE ON ledger._lease TO counterfoil_gateway", "too wide: UPDATE on TABLE ledger._lease"),
    ("GRANT TRUNCATE ON views._lease TO PUBLIC", "too wide: TRUNCATE on TABLE views._lease for PUBLIC"),
    ("REVOKE UPDATE ON ledger._lease FROM counterfoil_ledger", "missing: UPDATE on TABLE ledger._lease"),
    ("REVOKE INSERT ON ledger.entries FROM counterfoil_ledger", "missing: INSERT on TABLE ledger.entries"),
    ("REVOKE SELECT ON views._positions FROM counterfoil_gateway", "missing: SELECT on TABLE views._positions"),
    ("REVOKE CONNECT ON DATABASE {database} FROM counterfoil_ledger", "missing: CONNECT on DATABASE"),
    (f"{DEFAULTS} REVOKE SELECT ON TABLES FROM counterfoil_gateway", "missing: SELECT on views created later"),
    ("ALTER ROLE counterfoil_gateway CREATEROLE", "role counterfoil_gateway: CREATEROLE"),
    ("ALTER ROLE counterfoil_gateway SUPERUSER", "role counterfoil_gateway: SUPERUSER"),
    ("GRANT pg_write_all_data TO counterfoil_gateway", "role counterfoil_gateway: member of pg_write_all_data"),
    ("GRANT counterfoil_views TO counterfoil_gateway", "role counterfoil_gateway: member of counterfoil_views"),
]
"""Drift that `apply` corrects."""
FINDINGS = [
    ("ALTER TABLE ledger.entries DISABLE TRIGGER entries_no_change", "trigger entries_no_change is missing"),
    ("ALTER TABLE ledger.entries ENABLE REPLICA TRIGGER entries_no_change", "trigger entries_no_change is missing"),
    ("DROP TRIGGER head_at_last_entry ON ledger.head", "ledger.head: trigger head_at_last_entry is missing"),
    ("ALTER TABLE ledger.entries OWNER TO counterfoil_ledger", "ledger.entries: owned by counterfoil_ledger"),
    ("ALTER SCHEMA ledger OWNER TO counterfoil_ledger", "schema ledger: owned by counterfoil_ledger"),
    ("ALTER TABLE views._meta OWNER TO counterfoil_admin", "views._meta: owned by counterfoil_admin"),
    (
        "UPDATE ledger._version SET version_num = 'log_7'",
        f"schema ledger: at log_7; this program knows {LOG_KIND.revision}",
    ),
    ("DROP SCHEMA matching CASCADE", "schema matching: missing"),
    ("ALTER DATABASE {database} SET synchronous_commit = off", "synchronous_commit is off"),
    ("GRANT DELETE ON ledger.cursors TO counterfoil_test_stranger", "DELETE on TABLE ledger.cursors"),
    ("GRANT UPDATE ON ledger._lease TO counterfoil_test_stranger", "UPDATE on TABLE ledger._lease"),
    ("GRANT SELECT ON gateway.webhooks TO counterfoil_test_stranger", "SELECT on TABLE gateway.webhooks"),
]
"""Findings that a person has to deal with."""


@pytest.mark.parametrize(("statement", "finding"), DAMAGE)
def test_changed_rights_are_found_and_corrected(fresh: DatabaseAccess, statement: str, finding: str) -> None:
    assert admin.check(fresh) == []
    run(fresh, statement.format(database=fresh.name))
    try:
        findings = admin.check(fresh)
        assert len(findings) == 1
        assert finding in findings[0]
    finally:
        assert len(admin.apply(fresh, PASSWORDS)) == 1
    assert admin.check(fresh) == []


@pytest.mark.parametrize(("statement", "finding"), FINDINGS)
def test_drift_that_apply_does_not_correct_is_found(fresh: DatabaseAccess, statement: str, finding: str) -> None:
    run(fresh, "DROP ROLE IF EXISTS counterfoil_test_stranger", "CREATE ROLE counterfoil_test_stranger")
    try:
        run(fresh, statement.format(database=fresh.name))
        assert any(finding in each for each in admin.check(fresh))
    finally:
        run(fresh, "DROP OWNED BY counterfoil_test_stranger", "DROP ROLE counterfoil_test_stranger")


def test_read_rights_of_other_roles_are_no_finding(fresh: DatabaseAccess) -> None:
    run(fresh, "DROP ROLE IF EXISTS counterfoil_test_stranger", "CREATE ROLE counterfoil_test_stranger")
    try:
        run(
            fresh,
            f"GRANT CONNECT ON DATABASE {fresh.name} TO counterfoil_test_stranger",
            "GRANT USAGE ON SCHEMA ledger TO counterfoil_test_stranger",
            "GRANT SELECT ON ledger.entries TO counterfoil_test_stranger",
        )
        assert admin.check(fresh) == []
        assert admin.apply(fresh, PASSWORDS) == []
    finally:
        run(fresh, "DROP OWNED BY counterfoil_test_stranger", "DROP ROLE counterfoil_test_stranger")


@pytest.mark.parametrize("schema", ["ledger", VIEWS])
def test_a_lease_that_is_missing_is_made(fresh: DatabaseAccess, schema: str) -> None:
    run(fresh, f"DROP VIEW {schema}._lease")
    assert f"schema {schema}: its lease is missing, so that no service can write" in admin.check(fresh)
    assert f"schema {schema}: lease created" in admin.apply(fresh, PASSWORDS)
    assert admin.check(fresh) == []
    assert admin.apply(fresh, PASSWORDS) == []


def test_a_newer_schema_is_left_alone(fresh: DatabaseAccess) -> None:
    run(fresh, "UPDATE ledger._version SET version_num = 'log_7'", "DROP SCHEMA views CASCADE")
    with pytest.raises(StorageError, match="log_7 is newer than this program"):
        admin.apply(fresh, PASSWORDS)
    assert "schema views: missing" in admin.check(fresh)


# passwords ------------------------------------------------------------------------------------------------------------


def log_in(access: DatabaseAccess, user: str, password: str | None) -> None:
    """Raises OperationalError if it is the wrong password."""
    connect(replace(access, user=role(user), password=password)).close()


def test_passwords_work_change_and_are_not_logged(server: Cluster, fresh: DatabaseAccess) -> None:
    run(fresh, "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    for user, password in PASSWORDS.items():
        log_in(fresh, user, password)
        for wrong in (None, "wrong", PASSWORDS["ledger"] if user != "ledger" else ""):
            with pytest.raises(psycopg.OperationalError):
                log_in(fresh, user, wrong)
    assert admin.apply(fresh, {}) == []  # and are not mentioned

    try:
        assert admin.apply(fresh, {**PASSWORDS, "ledger": "another"}) == ["role counterfoil_ledger: password set"]
        log_in(fresh, "ledger", "another")
        with pytest.raises(psycopg.OperationalError):
            log_in(fresh, "ledger", PASSWORDS["ledger"])
    finally:
        assert admin.apply(fresh, PASSWORDS) == ["role counterfoil_ledger: password set"]

    (log,) = [each.log for each in server.status() if each.name == "postgres"]
    logged = log.read_text()
    assert "ALTER ROLE counterfoil_ledger PASSWORD" in logged
    assert "password of" not in logged
    assert "another" not in logged


def test_a_wrong_password_is_reported_and_not_shown(server: Cluster) -> None:
    with pytest.raises(StorageError, match="password authentication failed") as raised:
        admin.apply(replace(superuser(server), password="not this one"), PASSWORDS)
    assert "not this one" not in str(raised.value)


def test_an_administrator_that_is_no_superuser(cluster_directory: Path) -> None:
    with started(cluster_directory / "owned") as cluster:
        owner = replace(superuser(cluster), user="owner", password="of the owner", name="owned")
        run(superuser(cluster), f"CREATE ROLE owner LOGIN CREATEROLE CREATEDB PASSWORD '{owner.password}'")
        assert "database owned: created" in admin.apply(owner, PASSWORDS)
        assert admin.check(owner) == []
        again = admin.apply(owner, PASSWORDS)
        assert again == [f"role {role(user)}: password set" for user in CLIENTS]  # it cannot read the verifiers
        with closing(open_log_store_on(as_user(owner, "ledger"), LogId("ledger"))) as store:
            append(store, 0, entries(0, 3))
        for user in (*SERVICES, VIEWS):
            lease = Lease(as_user(owner, user), user)
            assert lease.acquire(0)
            lease.release()
