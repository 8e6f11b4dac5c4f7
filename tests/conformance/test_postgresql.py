"""The PostgreSQL stores keep every guarantee of their ports, with the rights that their roles have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.ports import LogStore, SnapshotStore, View, ViewStore
from counterfoil.sessions import SessionStore
from counterfoil.settings import GATEWAY, VIEWS
from counterfoil.storage import admin, open_log_store_on, open_snapshot_store_on, open_view_store_on
from counterfoil.storage.session_store import open_session_store_on
from counterfoil.storage.webhook_store import open_webhook_store_on
from counterfoil.webhooks import WebhookStore
from tests.conformance.log_store import LogStoreSuite
from tests.conformance.session_store import SessionStoreSuite
from tests.conformance.snapshot_store import SnapshotStoreSuite
from tests.conformance.view_store import ViewStoreSuite
from tests.conformance.webhook_store import WebhookStoreSuite
from tests.servers.fixture import PostgresServer
from tests.storage.server import PASSWORDS, as_user, copied, roles_alone


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[DatabaseAccess]:
    with copied(postgres) as made:
        yield made


class TestPostgresqlLogStore(LogStoreSuite):
    @pytest.fixture
    def make(self, database: DatabaseAccess) -> Iterator[Callable[[], LogStore]]:
        access = as_user(database, "ledger")
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_log_store_on(access, LogId("ledger"))))


class TestPostgresqlLogStoreOfAShard(LogStoreSuite):
    @pytest.fixture
    def make(self, database: DatabaseAccess) -> Iterator[Callable[[], LogStore]]:
        log = LogId("matching", "cn.sh")
        with roles_alone():
            admin.apply(database, PASSWORDS, [*MAIN_LOGS, log])
        access = as_user(database, "matching")
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_log_store_on(access, log)))


class TestPostgresqlSnapshotStore(SnapshotStoreSuite):
    @pytest.fixture
    def make(self, database: DatabaseAccess) -> Iterator[Callable[[], SnapshotStore]]:
        access = as_user(database, "ledger")
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_snapshot_store_on(access, LogId("ledger"))))


class TestPostgresqlSessionStore(SessionStoreSuite):
    @pytest.fixture
    def make(self, database: DatabaseAccess) -> Iterator[Callable[[], SessionStore]]:
        access = as_user(database, GATEWAY)
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_session_store_on(access)))


class TestPostgresqlWebhookStore(WebhookStoreSuite):
    @pytest.fixture
    def make(self, database: DatabaseAccess) -> Iterator[Callable[[], WebhookStore]]:
        access = as_user(database, GATEWAY)
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_webhook_store_on(access)))


class TestPostgresqlViewStore(ViewStoreSuite):
    @pytest.fixture
    def make(self, database: DatabaseAccess) -> Iterator[Callable[..., ViewStore]]:
        def opened(*views: View) -> ViewStore:
            return stack.enter_context(closing(open_view_store_on(as_user(database, VIEWS), views)))

        with ExitStack() as stack:
            yield opened
