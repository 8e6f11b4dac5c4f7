"""The fixtures `kafka_servers`, `postgres` and `new_cluster`: real servers, started once for a run and ended with it.

Where they come from, in this order: the addresses in COUNTERFOIL_TEST_KAFKA (HOST:PORT[,...]) and
COUNTERFOIL_TEST_DATABASE (postgresql://SUPERUSER[:PASSWORD]@HOST[:PORT]/NAME); containers, where a Docker engine
answers; `counterfoil.testbed.cluster`. Where none can be started, tests that need them are skipped with the reason;
with COUNTERFOIL_TEST_REQUIRE=1 they fail.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

import pytest

from counterfoil.access import DatabaseAccess
from tests.lacking import leave_out
from tests.servers import REPORT, STOP

if TYPE_CHECKING:
    from counterfoil.testbed.cluster.cluster import Cluster

ROOT = Path(__file__).parents[2]
RUN = "COUNTERFOIL_TEST_RUN"
"""Set for the run's processes: ``PID-RANDOM``, the main process of the run, and the name of its directory."""
PATIENCE = 110
"""Seconds until a server must be ready; the first time, 43 MB are downloaded."""
STOPS_WITHIN = 20
NewCluster = Callable[..., AbstractContextManager["Cluster"]]


def pytest_configure(config: pytest.Config) -> None:
    """Name the run, in the process that starts the others."""
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = f"{os.getpid()}-{secrets.token_hex(8)}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started, when all processes of the run have ended."""
    if hasattr(config, "workerinput"):
        return
    for keeper in _home().glob("*/"):
        (keeper / STOP).touch()
    deadline = time.monotonic() + STOPS_WITHIN
    while _home().exists() and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.fixture(scope="session")
def kafka_servers() -> str:
    """Kafka's address, HOST:PORT[,...]. One broker, no security, shared: use topic names of your own."""
    return os.environ.get("COUNTERFOIL_TEST_KAFKA") or _kept("kafka", "COUNTERFOIL_TEST_KAFKA")


class PostgresServer:
    """A PostgreSQL for tests."""

    def __init__(self, admin: DatabaseAccess) -> None:
        self.admin = admin
        self._made: list[str] = []

    @property
    def host(self) -> str:
        """Its host."""
        return self.admin.host

    @property
    def port(self) -> int:
        """Its port."""
        return self.admin.port

    def new_database(self) -> DatabaseAccess:
        """A new, empty database, as the superuser; it is dropped after the run. Roles are shared by all databases."""
        name = f"test_{secrets.token_hex(8)}"
        self._execute(f"CREATE DATABASE {name}")
        self._made.append(name)
        return DatabaseAccess(self.host, self.port, name, self.admin.user, self.admin.password)

    def close(self) -> None:
        """Drop the databases that were made."""
        for name in self._made:
            self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        import psycopg

        to = self.admin
        with psycopg.connect(
            host=to.host, port=to.port, dbname=to.name, user=to.user, password=to.password, autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL, as its superuser; make a database of your own."""
    url = urlsplit(os.environ.get("COUNTERFOIL_TEST_DATABASE") or _kept("postgres", "COUNTERFOIL_TEST_DATABASE"))
    password = None if url.password is None else unquote(url.password)
    name = url.path.removeprefix("/")
    made = PostgresServer(DatabaseAccess(url.hostname or "", url.port or 5432, name, url.username or "", password))
    yield made
    made.close()


@pytest.fixture(scope="session")
def cluster_directory() -> Path:
    """A directory for clusters that tests start themselves; what still runs there is stopped after the run."""
    return Path(_kept("directory", None, name=f"directory-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"))


@pytest.fixture(scope="session")
def new_cluster(cluster_directory: Path) -> NewCluster:
    """``with new_cluster(brokers=3, secure=True) as cluster``: a cluster of the test's own, which it may break."""
    from counterfoil.testbed.cluster.cluster import Cluster

    @contextmanager
    def made(brokers: int = 1, *, secure: bool = False) -> Iterator[Cluster]:
        cluster = Cluster(cluster_directory / secrets.token_hex(4))
        try:
            cluster.up(brokers, secure=secure)
            yield cluster
        finally:
            cluster.down(seconds=1)
            cluster.remove()

    return made


def _home() -> Path:
    return Path(tempfile.gettempdir()) / f"counterfoil-test-{os.environ[RUN]}"


def _kept(kind: str, variable: str | None, name: str | None = None) -> str:
    """The address that a keeper reports; it is started if no other process of the run has done so."""
    home = _home() / (name or kind)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / REPORT).exists():
            _start_keeper(kind, home)
        found = json.loads((home / REPORT).read_text())
    if "missing" in found:
        _leave_out(f"{kind}: {found['missing']}", variable)
    return str(found["address"])


def _start_keeper(kind: str, home: Path) -> None:
    run = os.environ[RUN].partition("-")[0]
    with (home / "log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.keeper", kind, home, run],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + PATIENCE
    while not (home / REPORT).exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{kind} did not come up:\n{(home / 'log').read_text()}", pytrace=False)
        time.sleep(0.05)
    keeper.returncode = 0  # it outlives this object, which would warn about that


def _leave_out(text: str, variable: str | None) -> NoReturn:
    advice = "pip install 'counterfoil[cluster]' runs them here"
    if variable is not None:
        advice += f", and {variable} names servers of your own"
    leave_out(f"{text} ({advice})")
