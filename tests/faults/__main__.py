"""Drills by hand: ``python -m tests.faults zombie --seconds 20``, or all of them, one after the other."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from counterfoil.testbed.cluster.cluster import Cluster
from tests.faults import audited, large
from tests.faults.drill_market import drill_market
from tests.faults.drills import DRILLS, Drill

LARGE, AUDITED = "large", "audited"


def main() -> int:
    """Run drills; returns 1 if one of the last two found something that is not well. The others raise."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    known = ", ".join((*DRILLS, LARGE, AUDITED))
    options.add_argument("drill", nargs="*", metavar="DRILL", help=f"any of: {known}; default: all but the last two")
    options.add_argument("--seconds", type=float, default=10.0, help="how long the fault lasts")
    options.add_argument("--times", type=int, default=1, help="how often each is run on the same servers")
    options.add_argument("--entries", type=int, default=100_000, help=f"of the ledger, for `{LARGE}`")
    given = options.parse_args()
    if unknown := [name for name in given.drill if name not in (*DRILLS, LARGE, AUDITED)]:
        options.error(f"no such drill: {', '.join(unknown)}")
    problems: list[str] = []
    for name in given.drill or DRILLS:
        run, brokers = DRILLS.get(name, (None, 1))
        with tempfile.TemporaryDirectory(prefix="counterfoil-drill-") as folder:
            if name == AUDITED:
                problems += audited.run(Path(folder), given.seconds)
                continue
            cluster = Cluster(Path(folder) / "cluster")
            try:
                cluster.up(brokers)
                if run is None:
                    problems += large.run(cluster, Path(folder), given.entries)
                else:
                    _repeat(name, run, cluster, Path(folder), given)
            finally:
                cluster.down(seconds=1)
    return 1 if problems else 0


def _repeat(name: str, run: Drill, cluster: Cluster, folder: Path, given: argparse.Namespace) -> None:
    began = time.monotonic()
    with drill_market(cluster, folder) as made:
        for _ in range(given.times):
            made.restart()
            run(made, given.seconds)
            sys.stdout.write(f"{name}: {time.monotonic() - began:.0f} s, all is well: {made.verdict()}\n")


if __name__ == "__main__":
    sys.exit(main())
