"""A distributed market on a secure cluster, each component a process with only its own secrets and files.

Each has what its container has in docker-compose.yml: its two passwords and the authority's certificate, and of the
instance's directory its own log's key and the directories that it writes. The ledger's key is encrypted.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from counterfoil.client.author import Author
from counterfoil.client.ids import new_command_id
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.contract.services import SERVICES
from counterfoil.instance import Instance
from counterfoil.key_files import read_key
from counterfoil.private_files import write_password
from counterfoil.runtime.clock import SystemClock
from counterfoil.settings import GATEWAY, VIEWS, Settings, environment
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import Fleet, ServiceProcess
from counterfoil.vocabulary import VOCABULARY
from tests.e2e.running import Shell

COMPONENTS = (*SERVICES, VIEWS, GATEWAY)
Metrics = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""By name and labels."""

PASSPHRASE: Final = "correct horse battery staple"
"""Of the key of the ledger's log."""


class Operator(Shell):
    """A shell with all keys of the instance and the administrator's passwords."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.home)
        self.settings = settings

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command, with the addresses of the servers."""
        return environment(self.settings.changed({"url": self.url, "disclosure": self.disclosure}))


@dataclass
class Secured:
    """The market: its cluster, its processes, and the shell of its operator."""

    cluster: Cluster
    shell: Operator
    fleet: Fleet
    folder: Path
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def home(self) -> Path:
        """The instance's directory."""
        return self.shell.home

    @property
    def instance(self) -> Instance:
        """The instance with all of its files."""
        return Instance(self.home, lambda _path: PASSPHRASE.encode())

    def start(self, user: str, suffix: str = "", **changes: Any) -> ServiceProcess:
        """Start a process for one component."""
        process = self._launch(user, suffix, **changes)
        self._wait_started(process)
        return process

    def start_missing(self) -> None:
        """Start the components that do not run, and wait until all are active."""
        for process in [self._launch(user) for user in COMPONENTS if user not in self.fleet.processes]:
            self._wait_started(process)
        self.fleet.wait_ready()

    def _launch(self, user: str, suffix: str = "", **changes: Any) -> ServiceProcess:
        seen = {"home": self.folder / user / "home", "secrets": self.folder / user / "secrets"}
        if not seen["home"].exists():
            self._make_view(user, seen["home"], seen["secrets"])
        return self.fleet.launch((user,), suffix, **{**seen, **changes})

    def _wait_started(self, process: ServiceProcess) -> None:
        self.fleet.wait_started(process)
        if process.url is not None:
            self.shell.url = process.url

    def _make_view(self, user: str, home: Path, secrets: Path) -> None:
        """Copies of the files that `user` may read, links to the directories."""
        assert self.cluster.secrets is not None
        files = ["instance.json", *([f"log-keys/{user}.pem"] if user in SERVICES else [])]
        directories = {GATEWAY: ["logs"], VIEWS: []}.get(user, [f"logs/{user}", f"db/{user}-signer"])
        for name in files:
            _copy(self.home / name, home / name)
        for name in directories:
            (self.home / name).mkdir(parents=True, exist_ok=True)
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).symlink_to(self.home / name)
        for name in (f"kafka-{user}", f"postgres-{user}", "kafka-ca.pem"):
            _copy(self.cluster.secrets / name, secrets / name)

    def sign(self, party: str, body: Body) -> bytes:
        """The signed envelope of a party's command."""
        author = Author(party, read_key(self.home / "keys" / f"{party}.pem"))
        origin = self.instance.origin(LogId(VOCABULARY.service_of[type(body)]))
        return author.sign(body, origin, new_command_id(), SystemClock().now())

    def number(self) -> int:
        """A number that has not been used yet."""
        return next(self._numbers)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copy(source, target)  # with its mode


@contextmanager
def secured(cluster: Cluster, folder: Path, **changes: Any) -> Iterator[Secured]:
    """Set up by the command line, every component running; `changes` are settings of all processes."""
    settings = Settings().changed({**cluster.addresses, "home": folder / "home"})
    shell = Operator(settings)
    shell.ok("init", "--host", "secure.example", "--operator-name", "Secure market")
    file = folder / "passphrase"
    write_password(file, PASSPHRASE)
    encrypt = ("keys", "passphrase", "ledger", "--keys", settings.home / "log-keys", "--new-passphrase-file", file)
    assert shell.ok(*encrypt)["encrypted"]
    assert shell.ok("topics", "apply")["findings"] == []
    assert shell.ok("database", "apply")["findings"] == []
    with Fleet(settings.changed({"passphrase_file": file, **changes}), folder / "processes") as fleet:
        made = Secured(cluster, shell, fleet, folder / "seen")
        made.start_missing()
        yield made


def metrics(process: ServiceProcess) -> Metrics:
    """The metrics that a process shows."""
    families = text_string_to_metric_families(process.probe("metrics").text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}
