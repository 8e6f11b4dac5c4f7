"""A process that wins a lease and keeps it: `python -m tests.storage.holder HOST PORT DATABASE IDLE WAIT` (seconds).

It prints `waits`, then `holds` once it holds the lease, and `lost` when it has lost it; then it ends.
"""

from __future__ import annotations

import sys
import time

from counterfoil.access import DatabaseAccess
from counterfoil.storage import LeaseLost
from counterfoil.storage.lease import Lease
from tests.storage.server import as_user


def say(word: str) -> None:
    """Print a word for the parent process."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main(host: str, port: str, database: str, idle_seconds: str, wait_seconds: str) -> None:
    """Hold the lease of the ledger for as long as possible."""
    access = as_user(DatabaseAccess(host, int(port), database, ""), "ledger")
    lease = Lease(access, "ledger", int(idle_seconds))
    say("waits")
    if not lease.acquire(float(wait_seconds)):
        return
    say("holds")
    try:
        while True:
            lease.check()
            time.sleep(0.1)
    except LeaseLost:
        say("lost")


if __name__ == "__main__":
    main(*sys.argv[1:])
