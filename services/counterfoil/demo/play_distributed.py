"""The demo on the distributed form: a cluster, a process for every part, the story over HTTP, and the audit."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from counterfoil.audit.run import Progress
from counterfoil.demo.play import Input, Watch
from counterfoil.demo.play_over_gateway import CLOCK, prepare, run_over_gateway
from counterfoil.settings import Settings
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import EACH, Fleet
from counterfoil.testbed.servers import servers

CLUSTER: Final = "cluster"


def run_distributed(
    settings: Settings, home: Path, given: Input, progress: Watch, advanced: Progress
) -> dict[str, Any]:
    """Prepare `home`, start everything on it, play the story, audit what was published, and stop everything.

    Kafka and PostgreSQL are those of the settings, which must be new to Counterfoil, or a cluster in `home/cluster`.
    Returns the report, as `run_over_gateway` does. Raises what that raises, `UsedBefore`, `ClusterError`, `NotRunning`.
    """
    if (home / CLUSTER).exists():
        Cluster(home / CLUSTER).down()  # of a run that was cut short
    prepare(home, given.seed)
    with ExitStack() as opened:
        ready = opened.enter_context(servers(settings, home / CLUSTER, progress))
        mine = ready.model_copy(update={"home": home, "clock": home / CLOCK})
        fleet = opened.enter_context(Fleet(mine, home / "processes"))
        for number, member in enumerate([fleet.launch(parts) for parts in EACH], 1):
            fleet.meet(member)
            progress("processes", number, len(EACH))
        fleet.ready()
        return run_over_gateway(fleet.url, home / CLOCK, home, given, progress, advanced)
