"""A distributed market on this machine for fault drills: a cluster, a process for every component, and clients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from counterfoil.audit.auditor import audit
from counterfoil.bootstrap import provision
from counterfoil.instance import Instance
from counterfoil.settings import ADMIN, Settings
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import ONE_COMPONENT_EACH, Fleet
from tests.e2e.founding import found_a_market
from tests.e2e.running import Shell
from tests.histories import Crowd, Figures, Observation, Plan, Recorder, check, figures, wait_published

PUBLISHED_WITHIN = 120.0
RECOVERS_WITHIN = 150.0
_names = count()
Processes = Sequence[Sequence[str]]


@dataclass
class DrillMarket:
    """The market, and everything that its clients have observed so far."""

    cluster: Cluster
    home: Path
    fleet: Fleet
    observed: list[Observation] = field(default_factory=list)

    @contextmanager
    def load(self, clients: int = 12, pause: float = 0.03) -> Iterator[Recorder]:
        """Clients send commands for the length of the block, and then until commands succeed again."""
        path = self.home.parent / f"observed-{next(_names)}.jsonl"
        plan = Plan(clients=clients, pause=pause)
        recorder = Recorder(self.fleet.url, Crowd(self.home), path, plan, seed=next(_names))
        with recorder:
            recorder.wait_for(20, RECOVERS_WITHIN)
            yield recorder
            recorder.wait_for(recorder.sent + 30, RECOVERS_WITHIN)
        self.observed += recorder.join()

    def verdict(self) -> Figures:
        """Check that the observations agree with the published logs and that these audit clean. Returns the figures."""
        logs = self.home / "logs"
        wait_published(logs, self.observed, PUBLISHED_WITHIN)
        self.fleet.stop()  # nothing is being written while the logs are read
        assert check(self.observed, logs) == []
        found = audit(logs)
        assert found.clean, found.to_json()
        return figures(self.observed)

    def restart(self) -> None:
        """Start every component that does not run."""
        missing = [each for each in ONE_COMPONENT_EACH if ",".join(each) not in self.fleet.processes]
        for process in [self.fleet.launch(components) for components in missing]:
            self.fleet.wait_started(process)
        self.fleet.wait_ready()


@contextmanager
def drill_market(
    cluster: Cluster, folder: Path, clock: Path | None = None, processes: Processes = ONE_COMPONENT_EACH
) -> Iterator[DrillMarket]:
    """A market founded on the cluster; its processes, each with these components, go by the clock file, if any."""
    settings = Settings().changed(cluster.addresses)
    kafka, database = settings.kafka_access(ADMIN), settings.database_access(ADMIN)
    provision.apply(kafka, database, brokers=cluster.brokers, secrets=cluster.secrets)
    instance = Instance.create(folder / "home", "faults.example", "Market operator (fictional)", disclosure="public")
    given = settings.changed({"home": instance.root, "log_level": "INFO", "clock": clock})
    with Fleet(given, folder / "processes") as fleet:
        for process in [fleet.launch(components) for components in processes]:
            fleet.wait_started(process)
        fleet.wait_ready()
        found_a_market(Shell(instance.root, fleet.url), folder)
        yield DrillMarket(cluster, instance.root, fleet)
