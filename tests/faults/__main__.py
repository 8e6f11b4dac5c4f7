"""Drills by hand: ``python -m tests.faults zombie --seconds 20``, or all of them, one after the other."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from counterfoil.testbed.cluster.cluster import Cluster
from tests.faults.drill_market import drill_market
from tests.faults.drills import DRILLS


def main() -> int:
    """Run drills; returns 0. A drill that finds a fault raises."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("drill", nargs="*", metavar="DRILL", help=f"any of: {', '.join(DRILLS)}")
    options.add_argument("--seconds", type=float, default=10.0, help="how long the fault lasts")
    options.add_argument("--times", type=int, default=1, help="how often each is run on the same servers")
    given = options.parse_args()
    for name in given.drill or DRILLS:
        run, brokers = DRILLS[name]
        with tempfile.TemporaryDirectory(prefix="counterfoil-drill-") as folder:
            cluster = Cluster(Path(folder) / "cluster")
            began = time.monotonic()
            try:
                cluster.up(brokers)
                with drill_market(cluster, Path(folder)) as made:
                    for _ in range(given.times):
                        made.restart()
                        run(made, given.seconds)
                        sys.stdout.write(f"{name}: {time.monotonic() - began:.0f} s, all is well: {made.verdict()}\n")
            finally:
                cluster.down(seconds=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
