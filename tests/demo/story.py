"""The demo's story on a part of its sample: small enough to be played again and again."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.demo.play import Input, make_instance, play_on
from counterfoil.demo.scenario import START
from counterfoil.runtime.clock import VirtualClock
from counterfoil.testbed.system import EmbeddedSystem

SAMPLE = Path(str(resources.files("counterfoil.demo"))) / "data"
EVERY = {"nodes.csv": 3, "pods.csv": 8}
"""One in so many of the sample's lines."""


def thinned(name: str, folder: Path) -> Path:
    """A part of one of the sample's files, written to `folder`."""
    header, *lines = (SAMPLE / name).read_text().splitlines()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([header, *lines[:: EVERY[name]]]) + "\n")
    return folder / name


def part(folder: Path, seed: int) -> Input:
    """The story's input."""
    return Input.load(seed, thinned("nodes.csv", folder), thinned("pods.csv", folder))


def play(home: Path, seed: int, system: type[EmbeddedSystem] = EmbeddedSystem) -> tuple[dict[str, Any], dict[str, str]]:
    """Play it in this process: its report but for the speed, and the roots of the logs."""
    clock = VirtualClock(START)
    embedded = Embedded(make_instance(home, seed), clock, synchronous="OFF", threads=1)
    try:
        report = play_on(system(embedded, clock), part(home / "in", seed), _unseen)
        del report["speed"]
        return report, {name: runner.tree.root().hex() for name, runner in embedded.runners.items()}
    finally:
        embedded.close(seal=False)


def _unseen(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""
