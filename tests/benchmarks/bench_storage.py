"""Times the SQLite stores alone: `python -m tests.benchmarks.bench_storage [--seconds N] [--directory DIR]`.

Nothing is asserted about time; every figure comes with its workload and its machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import secrets
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import sqlalchemy
from uuid_utils import uuid7

from counterfoil.ports import Add, Change, Head, NewEntry, Put, View
from counterfoil.storage import SqlLogStore, open_log_store, open_view_store

ENTRY_BYTES = 1_200
BATCHES = (1, 100, 1_000)
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
         transaction, synchronous=FULL; a figure counts committed entries, the making of the entries left out
views:   each trade inserts a row (5 columns, one filter index) and adds to two of {PARTIES} balances, 100 trades in an
         apply, synchronous=NORMAL; a figure counts changes"""


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


def append_rate(directory: Path, batch: int, seconds: float) -> float:
    """Entries a second in batches of `batch`."""
    root, spent, size = bytes(32), 0.0, 0
    store = open_log_store(directory / "log.db")
    while spent < seconds:
        new = batch_of(batch)
        started = perf_counter()
        store.append(size, new, {"commands": size + batch}, Head(size + batch, root, b"note" * 50))
        spent += perf_counter() - started
        size += batch
    store.close()
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


def apply_rate(directory: Path, seconds: float) -> float:
    """View changes a second."""
    spent, done = 0.0, 0
    store = open_view_store(directory / "views.db", [TRADES, BALANCES])
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
    store.close()
    return done / spent


def in_fresh(parent: Path, measure: Callable[[Path], float]) -> list[float]:
    """The figure of each round, lowest first, each in a directory of its own."""
    figures = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=parent) as directory:
            figures.append(measure(Path(directory)))
    return sorted(figures)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Times the SQLite stores alone.")
    parser.add_argument("--seconds", type=float, default=2.0, help="per figure and round")
    parser.add_argument(
        "--directory", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to be measured"
    )
    options = parser.parse_args()
    out = sys.stdout.write
    out(f"{machine()}\n{WORKLOAD}\n{ROUNDS} rounds of {options.seconds:g} s: median (lowest - highest)\n")
    for batch in BATCHES:
        figures = in_fresh(options.directory, partial(append_rate, batch=batch, seconds=options.seconds))
        out(f"append, batch {batch:>5,}: {figures[1]:>9,.0f} entries/s ({figures[0]:,.0f} - {figures[-1]:,.0f})\n")
    figures = in_fresh(options.directory, partial(apply_rate, seconds=options.seconds))
    out(f"apply,  batch   300: {figures[1]:>9,.0f} changes/s ({figures[0]:,.0f} - {figures[-1]:,.0f})\n")
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        store = open_log_store(Path(directory) / "log.db")
        new = batch_of(20_000)
        store.append(0, new, {}, Head(len(new), bytes(32), b"note"))
        out(f"read                : {read_rates(store, [entry.id for entry in new[::50]] + ['none'] * 112)}\n")
        store.close()


if __name__ == "__main__":
    main()
