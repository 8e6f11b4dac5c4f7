"""A real Kafka and a real PostgreSQL on this machine, with all of their files in one directory.

cluster.json                the plan: brokers, ports; no secrets
secrets/                    passwords and certificate for clients (0700); only of a secure cluster
kafka/broker-N/             settings, data, log and pid of a broker
postgres/                   data, log and pid of PostgreSQL

The servers run in sessions of their own and outlive the process that started them. Nothing listens beyond the loopback
interface; without `secure`, every local program has all rights on both servers, and so those of their accounts.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from counterfoil.settings import ADMIN
from counterfoil.testbed.cluster.credentials import ensure_credentials, passwords
from counterfoil.testbed.cluster.errors import ClusterError
from counterfoil.testbed.cluster.jars import Progress, fetch
from counterfoil.testbed.cluster.kafka import Broker
from counterfoil.testbed.cluster.plan import DATABASE, HOST, Plan
from counterfoil.testbed.cluster.postgres import STOP, Postgres, StopMode
from counterfoil.testbed.cluster.server import Server

LOCK_SECONDS: Final = 180
DOWN_SECONDS: Final = 20
"""Seconds that servers have to stop before they are killed; both recover from that."""
_KILLED_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.1
_SECRETS: Final = "secrets"
_KAFKA: Final = "kafka"
_POSTGRES: Final = "postgres"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server: its process if it runs, its ports, its log, and the octets of memory and disk that it uses."""

    name: str
    pid: int | None
    ports: tuple[int, ...]
    memory: int | None
    disk: int
    log: Path


class Cluster:
    """The cluster in the directory `root`, which need not exist yet. Every method may raise `ClusterError`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def make(self, brokers: int | None = None, *, secure: bool | None = None) -> None:
        """Make the cluster if there is none: 1 or 3 brokers (default 1), secure or not (default not). Starts nothing.

        The number of brokers and the security cannot be changed later.
        """
        if (plan := Plan.load(self.root)) is None:
            if self.root.exists() and any(self.root.iterdir()):
                raise ClusterError(f"{self.root} is not empty and holds no cluster: take another directory")
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            plan = Plan.new(1 if brokers is None else brokers, secure=bool(secure))
            plan.save(self.root)
        if brokers not in (None, len(plan.brokers)):
            raise ClusterError(f"{self.root} was made with --brokers {len(plan.brokers)}: take another directory")
        if secure not in (None, plan.secure):
            made = "secure" if plan.secure else "without security"
            raise ClusterError(f"{self.root} was made {made}: take another directory")
        (self.root / _KAFKA).mkdir(mode=0o700, exist_ok=True)
        if plan.secure:
            ensure_credentials(self.root / _SECRETS, self.root / _KAFKA)

    def up(self, brokers: int | None = None, *, secure: bool | None = None, progress: Progress | None = None) -> None:
        """Make the cluster if there is none, start what does not run, and wait until everything is ready."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise ClusterError(f"cannot make {self.root}: {problem.strerror}") from problem
        with self._exclusive():
            self.make(brokers, secure=secure)
            self._start([*self._brokers, self._postgres], progress if progress is not None else _silent)

    def down(self, seconds: float = DOWN_SECONDS) -> None:
        """Stop what runs; kill what has not stopped within `seconds`."""
        brokers, postgres = [broker.server for broker in self._brokers], self._postgres.server
        with self._exclusive():
            for broker in brokers:
                broker.signal(signal.SIGTERM)
            postgres.signal(STOP["fast"])
            deadline = time.monotonic() + seconds
            for server in (*brokers, postgres):
                if not server.wait_ended(deadline):
                    server.signal(signal.SIGKILL)
            deadline = time.monotonic() + _KILLED_SECONDS
            stuck = [server.name for server in (*brokers, postgres) if not server.wait_ended(deadline)]
            if stuck:
                raise ClusterError(f"cannot stop {', '.join(stuck)}")

    def remove(self) -> None:
        """Delete the cluster and all its data. It must be down."""
        running = [server.name for server in self._servers if server.pid is not None]
        if running:
            raise ClusterError(f"{', '.join(running)} still running: stop the cluster first")
        shutil.rmtree(self.root)

    def status(self) -> list[ServerStatus]:
        """The status of every server."""
        ports = [(each.own.client, each.own.internal, each.own.controller) for each in self._brokers]
        return [
            ServerStatus(server.name, server.pid, own, server.memory, _disk(server.directory), server.log)
            for server, own in zip(self._servers, [*ports, (self.port,)], strict=True)
        ]

    # addresses for clients --------------------------------------------------------------------------------------

    @property
    def brokers(self) -> int:
        """The number of brokers."""
        return len(self._brokers)

    @property
    def kafka(self) -> str:
        """The brokers' addresses: HOST:PORT, separated by commas."""
        return ",".join(broker.address for broker in self._brokers)

    @property
    def host(self) -> str:
        """The host of PostgreSQL; its database is `DATABASE`."""
        return HOST

    @property
    def port(self) -> int:
        """The port of PostgreSQL."""
        return self._plan.postgres

    @property
    def database(self) -> str:
        """The database's URL, without user and password."""
        return f"postgresql://{self.host}:{self.port}/{DATABASE}"

    @property
    def addresses(self) -> dict[str, Any]:
        """The fields of `Settings` that name its servers, for `Settings.changed`."""
        return {"kafka": self.kafka, "database": self.database, "secrets": self.secrets}

    @property
    def secrets(self) -> Path | None:
        """The directory of the clients' passwords; None without security."""
        return self.root / _SECRETS if self._plan.secure else None

    # one server at a time, for fault drills --------------------------------------------------------------

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the servers that run, by name: `broker-N`, `postgres`."""
        return {server.name: pid for server in self._servers if (pid := server.pid) is not None}

    def start_broker(self, broker: int) -> None:
        """Start a broker that does not run, and wait until it is ready."""
        self._start([self._broker(broker)], _silent)

    def kill_broker(self, broker: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a broker a signal; after SIGKILL and SIGTERM, wait until it has ended."""
        server = self._broker(broker).server
        if not server.signal(number):
            raise ClusterError(f"{server.name} does not run")
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._ended(server)

    def start_postgres(self) -> None:
        """Start PostgreSQL if it does not run, and wait until it accepts connections."""
        self._start([self._postgres], _silent)

    def stop_postgres(self, mode: StopMode = "fast") -> None:
        """Stop PostgreSQL; `immediate` is like a crash: it recovers at its next start."""
        if not self._postgres.server.signal(STOP[mode]):
            raise ClusterError("postgres does not run")
        self._ended(self._postgres.server)

    # ------------------------------------------------------------------------------------------------------------

    @property
    def _plan(self) -> Plan:
        found = Plan.load(self.root)
        if found is None:
            raise ClusterError(f"no cluster in {self.root}: run `counterfoil cluster up --home {self.root}` first")
        return found

    @property
    def _brokers(self) -> list[Broker]:
        return [Broker(self.root / _KAFKA, self._plan, each) for each in self._plan.brokers]

    @property
    def _postgres(self) -> Postgres:
        return Postgres(self.root / _POSTGRES, self._plan.postgres)

    @property
    def _servers(self) -> list[Server]:
        return [*(broker.server for broker in self._brokers), self._postgres.server]

    def _broker(self, number: int) -> Broker:
        for each in self._brokers:
            if each.own.id == number:
                return each
        raise ClusterError(f"there is no broker {number}")

    def _start(self, wanted: list[Broker | Postgres], progress: Progress) -> None:
        """Start in parallel those that do not run, then wait for each."""
        missing = [each for each in wanted if each.server.pid is None]
        self._prepare(missing, progress)
        begun = [(each, each.server.launch()) for each in missing]
        for done, (each, begins) in enumerate(begun):
            progress(f"servers {each.server.name}", done, len(begun))
            each.wait_ready(begins)
        progress("servers", len(begun), len(begun))

    def _prepare(self, missing: list[Broker | Postgres], progress: Progress) -> None:
        jars = fetch(progress) if any(isinstance(each, Broker) for each in missing) else []
        secrets = self.secrets
        known = {} if secrets is None else passwords(secrets, "kafka")
        admin = None if secrets is None else passwords(secrets, "postgres")[ADMIN]

        def prepare(each: Broker | Postgres) -> None:
            if isinstance(each, Broker):
                each.format(jars, known)
            else:
                each.initialise(admin)

        with ThreadPoolExecutor() as pool:
            for done, _nothing in enumerate(pool.map(prepare, missing), 1):
                progress("preparing", done, len(missing))

    def _ended(self, server: Server) -> None:
        if not server.wait_ended(time.monotonic() + DOWN_SECONDS):
            raise ClusterError(f"{server.name} did not end within {DOWN_SECONDS} s")

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Hold the cluster's lock: one `up` or `down` at a time."""
        directory = os.open(self.root, os.O_RDONLY)
        deadline = time.monotonic() + LOCK_SECONDS
        try:
            while not _lock(directory):
                if time.monotonic() > deadline:
                    raise ClusterError(f"another command has held the lock of {self.root} for {LOCK_SECONDS} s")
                time.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(directory)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _silent(_what: str, _done: int, _total: int) -> None:
    """Ignore progress."""


def _disk(directory: Path) -> int:
    """The octets that files below take on disk, by their blocks of 512, since some files are sparse."""
    taken = 0
    for path in directory.rglob("*"):
        try:
            taken += path.lstat().st_blocks * 512
        except FileNotFoundError:  # deleted meanwhile
            continue
    return taken
