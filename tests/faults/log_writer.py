"""A process that appends to a log until it is killed: `python -m tests.faults.log_writer PATH`.

After each append that returned it prints the size of the log, so that the test knows what was acknowledged.
"""

from __future__ import annotations

import sys
from pathlib import Path

from counterfoil.storage import open_log_store
from tests.conformance.log_store import append, entries


def main(path: Path) -> None:
    """Append batches of 1..20 entries until killed."""
    store = open_log_store(path)
    head = store.head()
    size = head.size if head else 0
    while True:
        count = size % 20 + 1
        append(store, size, entries(size, count))
        size += count
        sys.stdout.write(f"{size}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
