"""The demo's story on a part of its sample, small enough to be played many times."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.demo.directory import make_instance
from counterfoil.demo.play import StoryInput, play_and_report
from counterfoil.demo.world import START
from counterfoil.runtime.clock import VirtualClock
from counterfoil.testbed.system import EmbeddedSystem

SAMPLE = Path(str(resources.files("counterfoil.demo"))) / "data"


def thinned(folder: Path, nodes: int = 3, pods: int = 12) -> tuple[Path, Path]:
    """Every `nodes`-th node and `pods`-th task of the sample, written to `folder`: the two files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, every in (("nodes.csv", nodes), ("pods.csv", pods)):
        header, *lines = (SAMPLE / name).read_text().splitlines()
        (folder / name).write_text("\n".join([header, *lines[::every]]) + "\n")
    return folder / "nodes.csv", folder / "pods.csv"


def options(folder: Path, nodes: int = 3, pods: int = 12) -> list[str]:
    """The options of `counterfoil demo` for such a part of the sample."""
    files = thinned(folder, nodes, pods)
    return ["--nodes", str(files[0]), "--pods", str(files[1])]


def play(home: Path, seed: int, system: type[EmbeddedSystem] = EmbeddedSystem) -> tuple[dict[str, Any], dict[str, str]]:
    """Play it in this process: its report without the speed, and the roots of the logs."""
    clock = VirtualClock(START)
    embedded = Embedded(make_instance(home, seed), clock, synchronous="OFF")
    try:
        given = StoryInput.load(seed, *thinned(home / "in"))
        report = play_and_report(system(embedded, clock), given, lambda *_: None)
        del report["speed"]
        return report, {log.name: runner.tree.root().hex() for log, runner in embedded.runners.items()}
    finally:
        embedded.close(seal=False)
