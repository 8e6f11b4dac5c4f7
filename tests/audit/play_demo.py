"""A process that plays the demo and opens it again: `python -m tests.audit.play_demo HOME SEED NODES PODS`.

It prints, as JSON: the logs' roots, the state roots that the audit replayed, and those of the recovered services.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.demo.play import StoryInput
from counterfoil.demo.play_in_process import play_in_process
from counterfoil.instance import Instance
from counterfoil.runtime.clock import VirtualClock
from tests.state_root import state_root


def main(home: Path, seed: int, nodes: Path, pods: Path) -> None:
    """Play, recover, print."""
    report = play_in_process(home, StoryInput.load(seed, nodes, pods), lambda _what, _done, _total: None)
    recovered = {}
    with closing(Embedded(Instance(home), VirtualClock(0), synchronous="OFF")) as system:
        for log, runner in system.runners.items():
            engine = runner.engine
            recovered[log.name] = [runner.tree.root().hex(), state_root(engine.decider.records(engine.state))[1].hex()]
    logs = report["audit"]["logs"]
    figures = {
        "clean": report["audit"]["clean"],
        "roots": {name: log["root"] for name, log in report["logs"].items()},
        "replayed": {log["origin"].split("/")[1]: [log["root"], log["state_root"]] for log in logs},
        "recovered": recovered,
        "events": {log["origin"].split("/")[1]: log["events"] for log in logs},
    }
    sys.stdout.write(json.dumps(figures, sort_keys=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
