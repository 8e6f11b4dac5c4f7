"""Each log has its own schema, rights and lease in one database: two shards of a service are separate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.settings import GATEWAY
from counterfoil.storage import StorageError, admin, open_log_store_on, read_log_store_on
from counterfoil.storage.lease import Lease
from counterfoil.storage.schemas import schema_of
from tests.conformance.log_store import append, check_log, entries
from tests.storage.server import PASSWORDS, as_user, refused, roles_alone

MAIN, SHARD, HYPHENED = LogId("matching"), LogId("matching", "cn.sh"), LogId("matching", "us-east")
LOGS = (*MAIN_LOGS, SHARD, HYPHENED)


@pytest.fixture
def divided(database: DatabaseAccess) -> Iterator[DatabaseAccess]:
    """A database that was set up for the main logs, and then for two more shards."""
    with roles_alone():
        done = admin.apply(database, PASSWORDS, LOGS)
        for log in (SHARD, HYPHENED):
            assert f"schema {schema_of(log)}: created" in done
        assert not [each for each in done if each.startswith("schema matching:")]  # as it was
        yield database


def test_schemas_of_shards_are_made_and_checked_like_the_others(divided: DatabaseAccess) -> None:
    assert schema_of(SHARD) == "matching_cn_sh"
    assert schema_of(HYPHENED) == "matching_us__east"
    assert admin.check(divided, LOGS) == []
    assert admin.apply(divided, PASSWORDS, LOGS) == []
    assert admin.check(divided) == []  # a check for fewer logs ignores the others


def test_a_shard_whose_schema_is_not_made_is_a_finding(database: DatabaseAccess) -> None:
    assert f"schema {schema_of(SHARD)}: missing" in admin.check(database, (*MAIN_LOGS, SHARD))
    with pytest.raises(StorageError, match="database apply"):
        open_log_store_on(as_user(database, "matching"), SHARD)


def test_two_shards_have_logs_of_their_own(divided: DatabaseAccess) -> None:
    access = as_user(divided, "matching")
    with closing(open_log_store_on(access, MAIN)) as main, closing(open_log_store_on(access, SHARD)) as shard:
        append(main, 0, entries(0, 3), {"commands": 3})
        check_log(shard, [])
        append(shard, 0, entries(0, 5), {"commands": 5})  # the same ids in another log
        check_log(main, entries(0, 3))
        check_log(shard, entries(0, 5))
        assert (main.cursors(), shard.cursors()) == ({"commands": 3}, {"commands": 5})
    with closing(read_log_store_on(as_user(divided, GATEWAY), SHARD)) as reader:
        check_log(reader, entries(0, 5))


def test_a_shard_is_as_closed_as_any_log(divided: DatabaseAccess) -> None:
    schema = schema_of(SHARD)
    with closing(open_log_store_on(as_user(divided, "matching"), SHARD)) as store:
        append(store, 0, entries(0, 1))
    for statement in (f"UPDATE {schema}.entries SET id = id", f"DELETE FROM {schema}.entries"):
        assert refused(as_user(divided, "matching"), statement) == "42501"  # insufficient privilege
        assert refused(divided, statement) == "23001"  # the trigger, for the owner too
    for user in ("ledger", "views"):
        assert refused(as_user(divided, user), f"SELECT * FROM {schema}.entries") == "42501"
    assert refused(as_user(divided, GATEWAY), f"DELETE FROM {schema}.entries") == "42501"


def test_the_leases_of_two_shards_are_independent(divided: DatabaseAccess) -> None:
    access = as_user(divided, "matching")
    held = [Lease(access, schema_of(log)) for log in (MAIN, SHARD, HYPHENED)]
    second = Lease(access, schema_of(SHARD))
    try:
        assert [lease.acquire(1.0) for lease in held] == [True, True, True]
        assert not second.acquire(0.1)
        held[0].release()
        assert not second.acquire(0.1)
        held[1].release()
        assert second.acquire(5.0)
        held[2].check()
    finally:
        for lease in (*held, second):
            lease.release()


def test_the_right_to_write_one_shard_is_the_services(divided: DatabaseAccess) -> None:
    with pytest.raises(StorageError, match=r"missing, or .* has no right to it"):
        Lease(as_user(divided, "ledger"), schema_of(SHARD)).acquire(0.1)
