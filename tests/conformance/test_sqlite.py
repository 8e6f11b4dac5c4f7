"""The SQLite stores keep every guarantee of their ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from counterfoil.ports import LogStore, SnapshotStore, View, ViewStore
from counterfoil.sessions import SessionStore
from counterfoil.storage import open_log_store, open_snapshot_store, open_view_store
from counterfoil.storage.session_store import open_session_store
from counterfoil.storage.webhook_store import open_webhook_store
from counterfoil.webhooks import WebhookStore
from tests.conformance.log_store import LogStoreSuite
from tests.conformance.session_store import SessionStoreSuite
from tests.conformance.snapshot_store import SnapshotStoreSuite
from tests.conformance.view_store import ViewStoreSuite
from tests.conformance.webhook_store import WebhookStoreSuite


class TestSqliteLogStore(LogStoreSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Iterator[Callable[[], LogStore]]:
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_log_store(tmp_path / "log.db")))


class TestSqliteSnapshotStore(SnapshotStoreSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Iterator[Callable[[], SnapshotStore]]:
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_snapshot_store(tmp_path / "state.db")))


class TestSqliteSessionStore(SessionStoreSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Iterator[Callable[[], SessionStore]]:
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_session_store(tmp_path / "sessions.db")))


class TestSqliteWebhookStore(WebhookStoreSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Iterator[Callable[[], WebhookStore]]:
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(open_webhook_store(tmp_path / "sessions.db")))


class TestSqliteViewStore(ViewStoreSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Iterator[Callable[..., ViewStore]]:
        def opened(*views: View) -> ViewStore:
            return stack.enter_context(closing(open_view_store(tmp_path / "views.db", views)))

        with ExitStack() as stack:
            yield opened
