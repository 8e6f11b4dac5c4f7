"""The prepared market's views on both databases, as fixtures of modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final, NamedTuple

import pytest

from counterfoil.catalogue import VIEWS
from counterfoil.settings import VIEWS as SCHEMA
from counterfoil.storage import open_view_store, open_view_store_on
from counterfoil.storage.view_store import SqlViewStore
from tests.readers.market import AUDITOR, changes, read_market
from tests.readers.own import Rows
from tests.servers.fixture import PostgresServer
from tests.storage.server import as_user, copied

READERS: Final[dict[str | None, tuple[str, set[str]]]] = {
    None: ("anybody", set()),
    "nobody-registered": ("anybody", set()),
    "lab-1": ("beneficiary", set()),
    "none-beneficiary": ("beneficiary", set()),
    "gpu-1": ("provider", set()),
    "late": ("provider", set()),
    "lab-1-provider": ("provider", set()),
    "city": ("issuer", {"p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p11", "p13", "p14", "p15", "p17", "p18"}),
    "city-issuer": ("issuer", {"p2"}),
    "none-issuer": ("issuer", set()),
    AUDITOR: ("issuer", {"p2"}),
    "none-treasurer": ("treasurer", set()),
}
"""Readers with their kind, and the programmes that they read: of `city`, of its group where two sign, as an auditor."""


class Prepared(NamedTuple):
    """A store with the market's views, and all their rows."""

    store: SqlViewStore
    rows: Rows


def prepare(store: SqlViewStore) -> Prepared:
    """Fill an empty store."""
    store.apply(changes(read_market()), {})
    return Prepared(store, Rows({view.name: list(store.page(view.name, {}, None, 5_000)) for view in VIEWS}))


@pytest.fixture(scope="package")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """On SQLite."""
    with closing(open_view_store(tmp_path_factory.mktemp("views") / "views.db", VIEWS)) as store:
        yield prepare(store)


@pytest.fixture(scope="package")
def postgresql(postgres: PostgresServer) -> Iterator[Prepared]:
    """On PostgreSQL."""
    with copied(postgres) as made, closing(open_view_store_on(as_user(made, SCHEMA), VIEWS)) as store:
        yield prepare(store)


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def prepared(request: pytest.FixtureRequest) -> Prepared:
    """On each of them."""
    found: Prepared = request.getfixturevalue(request.param)
    return found
