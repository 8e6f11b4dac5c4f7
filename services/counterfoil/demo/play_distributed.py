"""The demo on the distributed form: starts Kafka, PostgreSQL and a process per component, plays over HTTP, audits."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from counterfoil.audit.auditor import Progress
from counterfoil.demo.directory import CLOCK
from counterfoil.demo.play import PlayProgress, StoryInput
from counterfoil.demo.play_over_gateway import play_over_gateway, prepare
from counterfoil.settings import Settings
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import ONE_COMPONENT_EACH, Fleet
from counterfoil.testbed.servers import prepared_servers

CLUSTER: Final = "cluster"


def play_distributed(
    settings: Settings, home: Path, given: StoryInput, progress: PlayProgress, advanced: Progress
) -> dict[str, Any]:
    """Prepare `home`, start everything, play the story, audit the published logs, and stop everything.

    Kafka and PostgreSQL are those of `settings`, which must be new to Counterfoil, or a cluster in `home/cluster`.
    Returns the report of `play_over_gateway`; raises what that raises, and `UsedBefore`, `ClusterError`, `NotRunning`.
    """
    if (home / CLUSTER).exists():
        Cluster(home / CLUSTER).down()  # left by a run that was cut short
    prepare(home, given.seed)
    with ExitStack() as opened:
        with_servers = opened.enter_context(prepared_servers(settings, home / CLUSTER, progress))
        own = with_servers.changed({"home": home, "clock": home / CLOCK})
        fleet = opened.enter_context(Fleet(own, home / "processes"))
        for number, process in enumerate([fleet.launch(components) for components in ONE_COMPONENT_EACH], 1):
            fleet.wait_started(process)
            progress("processes", number, len(ONE_COMPONENT_EACH))
        fleet.wait_ready()
        return play_over_gateway(fleet.url, home / CLOCK, home, given, progress, advanced)
