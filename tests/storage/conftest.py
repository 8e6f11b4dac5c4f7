"""The fixture of the tests on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from counterfoil.access import DatabaseAccess
from tests.servers.fixture import PostgresServer
from tests.storage.server import copied


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[DatabaseAccess]:
    """A new database for one test, set up, for the superuser."""
    with copied(postgres) as made:
        yield made
