"""The market behind a stepped client, per test or per module, and behind a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.harness import Served, Stepped, served, stepped


@pytest.fixture
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stepped]:
    """A new market for one test."""
    with stepped(tmp_path_factory.mktemp("market")) as client:
        yield client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stepped]:
    """One market for the tests of a module, which must not depend on its state."""
    with stepped(tmp_path_factory.mktemp("market")) as client:
        yield client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One served market for the tests of a module."""
    with served(tmp_path_factory.mktemp("market")) as running:
        yield running
