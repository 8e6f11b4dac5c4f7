"""By hand, for drills.

    python -m tests.histories found HOME URL
    python -m tests.histories record HOME URL... --out FILE [--seconds N] [--clients N] [--seed N]
    python -m tests.histories check FILE LOGS [--vkeys FILE]

`found` sets up a market in a new instance, `record` sends load to its gateways until interrupted or the time is up, and
`check` checks what was recorded against the published logs; it exits with 1 if it finds anything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from counterfoil.client.verify import parse_vkeys
from tests.e2e.founding import found_a_market, trade
from tests.e2e.running import Shell
from tests.histories import Crowd, Plan, Recorder, check, figures, read_observations


def main() -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("found")
    new.add_argument("home", type=Path)
    new.add_argument("url")
    record = commands.add_parser("record")
    record.add_argument("home", type=Path)
    record.add_argument("urls", nargs="+")
    record.add_argument("--out", type=Path, required=True)
    record.add_argument("--seconds", type=float, default=60.0)
    record.add_argument("--clients", type=int, default=16)
    record.add_argument("--seed", type=int, default=0)
    checked = commands.add_parser("check")
    checked.add_argument("observations", type=Path)
    checked.add_argument("logs", type=Path)
    checked.add_argument("--vkeys", type=Path)
    given = parser.parse_args()
    return {"found": _found, "record": _record, "check": _check}[given.command](given)


def _found(given: argparse.Namespace) -> int:
    shell = Shell(given.home, given.url)
    with tempfile.TemporaryDirectory() as folder:
        found_a_market(shell, Path(folder))
    trade(shell)
    return 0


def _record(given: argparse.Namespace) -> int:
    plan = Plan(clients=given.clients, seconds=given.seconds)
    recorder = Recorder(given.urls, Crowd(given.home), given.out, plan, seed=given.seed)
    recorder.start()
    try:
        observations = recorder.join()
    except KeyboardInterrupt:
        observations = recorder.stop()
    print(figures(observations))  # noqa: T201
    return 0


def _check(given: argparse.Namespace) -> int:
    observations = read_observations(given.observations)
    findings = check(observations, given.logs, parse_vkeys(given.vkeys.read_text()) if given.vkeys else None)
    print(figures(observations))  # noqa: T201
    for each in findings:
        print(f"{each.log} {each.place}: {each.code}: {each.text}")  # noqa: T201
    print(f"{len(findings)} findings")  # noqa: T201
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
