"""Compares this checkout with another revision of it: ``python -m tests.benchmarks.compare REV``.

The other revision is checked out and built beside this one, and gets this revision's benchmarks, so that both do the
same work. They run in turn, pair by pair, so that a machine that slows down slows both. A part that the other revision
cannot run is said to be missing there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple, get_args

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from counterfoil.bench.figure import Reading, machine
from counterfoil.bench.parts import Part

ROOT: Final = Path(__file__).parents[2]
_OURS: Final = (
    "services/counterfoil/bench",
    "services/counterfoil/cli/bench.py",
    "services/counterfoil/gateway/relay.py",
    "services/counterfoil/testbed/fleet.py",
)
"""What the other revision takes from this one: the benchmarks, and what they stand on that is no part of the work."""
_LONGEST_SECONDS: Final = 1_800  # of one part at one revision
_LONGEST_BUILD_SECONDS: Final = 1_200


class Compared(NamedTuple):
    """One reading at both revisions: the medians, and for each pair of runs how many times better this one is."""

    before: Reading
    after: Reading
    ratios: list[float]


def main(words: Sequence[str]) -> None:
    """Run the comparison and print it. Exits with 2 if the revision cannot be built."""
    parser = argparse.ArgumentParser(prog="make bench BASE=REV", description="Compare with another revision.")
    parser.add_argument("base", help="the revision to compare with: a tag, a branch or a hash")
    parts = [each for each in get_args(Part) if each != "all"]
    parser.add_argument("--part", action="append", choices=parts, help="what to measure; may be repeated (all)")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each revision (3)")
    given, passed_on = parser.parse_known_args(words)
    console = Console()
    try:
        base = _build(given.base, console)
    except subprocess.SubprocessError as problem:
        sys.exit(f"{given.base} cannot be built: {problem}")
    console.print(f"{machine()}; {given.pairs} pairs; the benchmarks are this revision's in both")
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(given.part or parts) * given.pairs * 2)
        for part in given.part or parts:
            runs: dict[Path, list[list[Reading]]] = {base: [], ROOT: []}
            missing = ""
            for pair in range(given.pairs):
                for tree in (base, ROOT) if pair % 2 == 0 else (ROOT, base):
                    progress.update(task, description=f"{part} at {given.base if tree == base else 'this revision'}")
                    if tree == ROOT or not missing:
                        try:
                            runs[tree].append(_run(tree, part, passed_on))
                        except subprocess.SubprocessError as problem:
                            if tree == ROOT:
                                raise
                            missing = str(problem)
                    progress.advance(task)
            console.print(_table(part, given.base, compare(runs[base], runs[ROOT]), missing))


def compare(before: Sequence[Sequence[Reading]], after: Sequence[Sequence[Reading]]) -> list[Compared]:
    """The readings that the runs of both have, paired in the order of the runs; those of `after` alone are left as is.

    A ratio above 1 is better, whatever the unit: more per second, fewer microseconds, less memory.
    """
    values: list[dict[str, list[Reading]]] = []
    for runs in (before, after):
        found = defaultdict[str, list[Reading]](list)
        for run in runs:
            for reading in run:
                found[reading.name].append(reading)
        values.append(found)
    old, new = values
    return [
        Compared(
            _middle(old.get(name, [])),
            _middle(readings),
            [_ratio(*pair) for pair in zip(old.get(name, []), readings, strict=False)],
        )
        for name, readings in new.items()
    ]


def _middle(readings: Sequence[Reading]) -> Reading:
    if not readings:
        return Reading("", "", 0, True)
    return readings[0]._replace(value=median(each.value for each in readings))


def _ratio(before: Reading, after: Reading) -> float:
    better, worse = (after, before) if after.more_is_better else (before, after)
    return better.value / worse.value if worse.value else 0.0


def _table(part: str, base: str, rows: Sequence[Compared], missing: str) -> Table:
    table = Table(title=part, caption=f"{base} does not have this part: {missing}" if missing else None)
    for heading in ("figure", base, "this revision", "times better", "of the pairs"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for row in rows:
        ratios = sorted(row.ratios)
        table.add_row(
            row.after.name,
            f"{row.before.value:,.0f} {row.before.unit}" if ratios else "-",
            f"{row.after.value:,.0f} {row.after.unit}",
            f"{median(ratios):.2f}" if ratios else "-",
            f"{ratios[0]:.2f} to {ratios[-1]:.2f}" if ratios else "-",
        )
    return table


def _build(rev: str, console: Console) -> Path:
    """Check out and install a revision under `var/bench/`, with this revision's benchmarks; returns its folder."""
    commit = _output(["git", "rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}"], ROOT).strip()
    tree = ROOT / "var" / "bench" / commit[:12]
    if not tree.exists():
        console.print(f"building {rev} ({commit[:12]}) in {tree.relative_to(ROOT)}")
        tree.parent.mkdir(parents=True, exist_ok=True)
        _output(["git", "worktree", "prune"], ROOT)
        _output(["git", "worktree", "add", "--force", "--detach", str(tree), commit], ROOT)
    _output(["make", "setup-all"], tree)
    for name in _OURS:
        ours, theirs = ROOT / name, tree / name
        if ours.is_dir():
            shutil.rmtree(theirs, ignore_errors=True)
            shutil.copytree(ours, theirs, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ours, theirs)
    return tree


def _run(tree: Path, part: str, passed_on: Sequence[str]) -> list[Reading]:
    """Run one part at one revision. Raises `subprocess.SubprocessError` if it fails or takes too long."""
    printed = _output([str(tree / ".venv/bin/counterfoil"), "bench", "--part", part, "--json", *passed_on], tree)
    return [Reading(**each) for each in json.loads(printed)["readings"]]


def _output(command: Sequence[str], folder: Path) -> str:
    """The standard output of a command. Raises `subprocess.SubprocessError`, with the last line of its errors."""
    limit = _LONGEST_BUILD_SECONDS if command[0] == "make" else _LONGEST_SECONDS
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "MAKEFLAGS")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=limit
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise subprocess.SubprocessError(f"{Path(command[0]).name} exits with {done.returncode}: {last[:160]}")
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
