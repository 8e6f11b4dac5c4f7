"""Times the stores alone: `python -m tests.benchmarks.bench_storage [--seconds N] [--directory DIR] [--database URL]`.

On SQLite; with `--database postgresql://USER@HOST:PORT/NAME`, a superuser's (PGPASSWORD is its password), on PostgreSQL
too, in databases that are made for it and dropped. Nothing is asserted about time; every figure comes with its workload
and its machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Protocol
from urllib.parse import urlsplit

import sqlalchemy
from uuid_utils import uuid7

from counterfoil.access import DatabaseAccess
from counterfoil.contract.log_id import LogId
from counterfoil.ports import Add, Change, Head, NewEntry, Put, View
from counterfoil.storage import (
    SqlLogStore,
    SqlViewStore,
    open_log_store,
    open_log_store_on,
    open_view_store,
    open_view_store_on,
)

ENTRY_BYTES = 1_200
BATCHES = (1, 100, 512)
ROUNDS = 3
PARTIES = 500
TRADES = View(
    "trades",
    ("trade",),
    {"trade": "text", "party": "text", "price": "amount", "at": "time", "detail": "json"},
    ("party",),
)
BALANCES = View("balances", ("party",), {"party": "text", "available": "amount", "held": "amount"})
WORKLOAD = f"""\
appends: entries of {ENTRY_BYTES} random bytes, UUIDv7 ids, 32-byte content and leaf, one cursor and the head in each
         transaction, synchronous=FULL, synchronous_commit=on; the making of the entries is left out
views:   each trade inserts a row (5 columns, one filter index) and adds to two of {PARTIES} balances, 100 trades in an
         apply, synchronous=NORMAL, synchronous_commit=off; a figure counts changes"""


def machine() -> str:
    """What the figures were taken on."""
    return (
        f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, SQLAlchemy {sqlalchemy.__version__}"
    )


def batch_of(count: int) -> list[NewEntry]:
    """Entries as a runner would hand them over."""
    made = []
    for _ in range(count):
        data = secrets.token_bytes(ENTRY_BYTES)
        made.append(NewEntry(str(uuid7()), data, sha256(data).digest(), sha256(data[:32]).digest()))
    return made


def append_rate(store: SqlLogStore, batch: int, seconds: float) -> float:
    """Entries a second in batches of `batch`."""
    root, spent, size = bytes(32), 0.0, 0
    while spent < seconds:
        new = batch_of(batch)
        started = perf_counter()
        store.append(size, new, {"commands": size + batch}, Head(size + batch, root, b"note" * 50))
        spent += perf_counter() - started
        size += batch
    return size / spent


def timed(work: Callable[[], object], times: int) -> float:
    """Seconds for one run of `work`, as the mean of `times`."""
    started = perf_counter()
    for _ in range(times):
        work()
    return (perf_counter() - started) / times


def read_rates(store: SqlLogStore, ids: list[str]) -> str:
    """Reading what was appended: ranges of 256 entries (a bundle), 512 ids (a runner's batch), the head."""
    entries = 256 / timed(lambda: store.entries(1_000, 1_256), 200)
    found = 512 / timed(lambda: store.find(ids), 100)
    heads = 1 / timed(store.head, 500)
    return f"{entries:>9,.0f} entries/s in ranges of 256, {found:,.0f} ids/s found, {heads:,.0f} heads/s"


def apply_rate(store: SqlViewStore, seconds: float) -> float:
    """View changes a second."""
    spent, done = 0.0, 0
    empty = [Put("balances", {"party": f"p{n}", "available": 0, "held": 0}) for n in range(PARTIES)]
    store.apply(empty, {})
    while spent < seconds:
        changes: list[Change] = []
        for n in range(done, done + 300, 3):
            a, b = f"p{n * 7 % PARTIES}", f"p{n * 11 % PARTIES}"
            row = {"trade": str(uuid7()), "party": a, "price": n, "at": n, "detail": {"hours": [1, 2, 3], "class": "a"}}
            changes += [
                Put("trades", row),
                Add("balances", (a,), {"available": -n}),
                Add("balances", (b,), {"held": n}),
            ]
        started = perf_counter()
        store.apply(changes, {"log": done})
        spent += perf_counter() - started
        done += len(changes)
    return done / spent


class Place(Protocol):
    """Where stores are made, each anew, and gone afterwards."""

    def log(self) -> AbstractContextManager[SqlLogStore]:
        """An empty log."""

    def views(self) -> AbstractContextManager[SqlViewStore]:
        """Empty views."""


class Files:
    """On SQLite."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def log(self) -> Iterator[SqlLogStore]:
        """In a file."""
        with ExitStack() as opened:
            directory = opened.enter_context(tempfile.TemporaryDirectory(dir=self._directory))
            yield opened.enter_context(closing(open_log_store(Path(directory) / "log.db")))

    @contextmanager
    def views(self) -> Iterator[SqlViewStore]:
        """In a file."""
        with ExitStack() as opened:
            directory = opened.enter_context(tempfile.TemporaryDirectory(dir=self._directory))
            yield opened.enter_context(closing(open_view_store(Path(directory) / "views.db", [TRADES, BALANCES])))


class Schemas:
    """On PostgreSQL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        name = parts.path.removeprefix("/")
        self._server = DatabaseAccess(parts.hostname or "", parts.port or 5432, name, parts.username or "")

    @contextmanager
    def log(self) -> Iterator[SqlLogStore]:
        """In a schema of a new database."""
        with self._database() as access, closing(open_log_store_on(access, LogId("ledger"))) as store:
            yield store

    @contextmanager
    def views(self) -> Iterator[SqlViewStore]:
        """In a schema of a new database."""
        with self._database() as access, closing(open_view_store_on(access, [TRADES, BALANCES])) as store:
            yield store

    @contextmanager
    def _database(self) -> Iterator[DatabaseAccess]:
        from counterfoil.storage import admin
        from tests.storage.server import connect

        access = replace(self._server, name=f"bench_{secrets.token_hex(4)}")
        admin.apply(access, {})
        try:
            yield access
        finally:
            with connect(self._server) as session:
                session.execute(f"DROP DATABASE {access.name} WITH (FORCE)".encode())


def measure(place: Place, seconds: float) -> None:
    """Print the figures of one place."""
    out = sys.stdout.write
    for batch in BATCHES:
        figures = []
        for _ in range(ROUNDS):
            with place.log() as store:
                figures.append(append_rate(store, batch, seconds))
        low, middle, high = sorted(figures)
        rates = f"{middle:>9,.0f} entries/s ({low:,.0f} - {high:,.0f})"
        out(f"append, batch {batch:>5,}: {rates}, {middle / batch:,.0f} commits/s\n")
    figures = []
    for _ in range(ROUNDS):
        with place.views() as views:
            figures.append(apply_rate(views, seconds))
    low, middle, high = sorted(figures)
    out(f"apply,  batch   300: {middle:>9,.0f} changes/s ({low:,.0f} - {high:,.0f})\n")
    with place.log() as store:
        new = batch_of(20_000)
        store.append(0, new, {}, Head(len(new), bytes(32), b"note"))
        out(f"read                : {read_rates(store, [entry.id for entry in new[::50]] + ['none'] * 112)}\n")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Times the stores alone.")
    parser.add_argument("--seconds", type=float, default=2.0, help="per figure and round")
    parser.add_argument(
        "--directory", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to be measured"
    )
    parser.add_argument("--database", help="postgresql://USER@HOST:PORT/NAME of a superuser")
    options = parser.parse_args()
    sys.stdout.write(f"{machine()}\n{WORKLOAD}\n{ROUNDS} rounds of {options.seconds:g} s: median (lowest - highest)\n")
    places: dict[str, Place] = {"SQLite": Files(options.directory)}
    if options.database:
        places["PostgreSQL"] = Schemas(options.database)
    for name, place in places.items():
        sys.stdout.write(f"{name}\n")
        measure(place, options.seconds)


if __name__ == "__main__":
    main()
