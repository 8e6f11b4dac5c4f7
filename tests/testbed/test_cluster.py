"""A real Kafka and PostgreSQL: they start, keep their plan, and recover from faults."""

from __future__ import annotations

import socket
import stat
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from counterfoil.private_files import read_password
from counterfoil.settings import USERS
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.cluster.errors import ClusterError
from counterfoil.testbed.cluster.plan import PORTS, Plan
from tests.servers.fixture import NewCluster

PATIENCE = 30


def kafka(cluster: Cluster, user: str = "admin", password: str | None = None) -> AdminClient:
    """An administrator's connection; its warnings about brokers that are down are not printed."""
    settings: dict[str, Any] = {
        "bootstrap.servers": cluster.kafka,
        "log_level": 0,
        "topic.metadata.refresh.interval.ms": 1_000,  # or it waits for a controller that a test has killed
    }
    if cluster.secrets is not None:
        settings |= {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": f"counterfoil-{user}",
            "sasl.password": password or read_password(cluster.secrets / f"kafka-{user}"),
            "ssl.ca.location": str(cluster.secrets / "kafka-ca.pem"),
        }
    return AdminClient(settings)


def topics(admin: AdminClient) -> set[str]:
    return set(admin.list_topics(timeout=PATIENCE).topics)


def make_topic(admin: AdminClient, name: str, copies: int = 1) -> None:
    made = admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=copies)], request_timeout=PATIENCE)
    made[name].result()


def database(cluster: Cluster, password: str | None = None) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        host=cluster.host, port=cluster.port, dbname="counterfoil", user="counterfoil_admin", password=password
    )


# ---------------------------------------------------------------- one broker, no security


@pytest.mark.slow
@pytest.mark.xdist_group("servers")
@pytest.mark.timeout(300)
def test_a_cluster_comes_up_and_comes_back(new_cluster: NewCluster) -> None:
    with new_cluster() as cluster:
        make_topic(kafka(cluster), "kept")
        with database(cluster) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            durable = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
            assert connection.execute(durable).fetchone() == ("on", "on")
        every_server_is_shown(cluster)
        nothing_listens_beyond_loopback(cluster)

        before, addresses = cluster.pids, (cluster.kafka, cluster.database)
        cluster.up(1, secure=False)
        Cluster(cluster.root).up()
        with pytest.raises(ClusterError, match="was made with --brokers 1"):
            cluster.up(3)
        with pytest.raises(ClusterError, match="was made without security"):
            cluster.up(secure=True)
        with pytest.raises(ClusterError, match="broker-1, postgres still running"):
            cluster.remove()
        assert cluster.pids == before

        cluster.kill_broker(1)
        cluster.stop_postgres("immediate")
        assert cluster.pids == {}
        assert [each.pid for each in cluster.status()] == [None, None]
        cluster.up()
        assert (cluster.kafka, cluster.database) == addresses
        assert cluster.pids.keys() == before.keys()
        assert not set(cluster.pids.values()) & set(before.values())
        assert "kept" in topics(kafka(cluster))
        with database(cluster) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def every_server_is_shown(cluster: Cluster) -> None:
    broker, postgres = cluster.status()
    assert (broker.name, postgres.name) == ("broker-1", "postgres")
    assert {"broker-1": broker.pid, "postgres": postgres.pid} == cluster.pids
    assert cluster.kafka == f"127.0.0.1:{broker.ports[0]}"
    assert cluster.database == f"postgresql://127.0.0.1:{postgres.ports[0]}/counterfoil"
    for each in (broker, postgres):
        assert (each.memory or 0) > 1024 * 1024
        assert each.disk > 0
        assert each.log.stat().st_size > 0  # `disk` counts blocks, and those of what was just written may come later
    assert cluster.secrets is None


def nothing_listens_beyond_loopback(cluster: Cluster) -> None:
    listening = {
        (each.laddr.ip.removeprefix("::ffff:"), each.laddr.port)
        for pid in cluster.pids.values()
        for each in psutil.Process(pid).net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", port) for each in cluster.status() for port in each.ports}


def test_what_cannot_be_a_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="2 brokers: there can be 1 or 3"):
        Cluster(tmp_path / "new").up(2)
    (tmp_path / "diary.txt").touch()
    with pytest.raises(ClusterError, match="is not empty and holds no cluster"):
        Cluster(tmp_path).up()
    with pytest.raises(ClusterError, match=r"cannot make .*diary\.txt: File exists"):
        Cluster(tmp_path / "diary.txt").up()
    with pytest.raises(ClusterError, match=r"no cluster in .*: run `counterfoil cluster up"):
        Cluster(tmp_path).down()
    assert [each.name for each in tmp_path.iterdir() if not each.is_dir()] == ["diary.txt"]


def test_a_port_that_was_taken_is_in_the_error(cluster_directory: Path) -> None:
    cluster = Cluster(cluster_directory / "taken")
    cluster.make()
    with socket.create_server(("127.0.0.1", cluster.port)), pytest.raises(ClusterError, match="Address already in use"):
        cluster.start_postgres()
    assert cluster.pids == {}
    cluster.start_postgres()
    assert list(cluster.pids) == ["postgres"]
    cluster.down()
    cluster.remove()


def test_a_plan_is_kept_and_a_damaged_one_refused(tmp_path: Path) -> None:
    made = Plan.new(3, secure=True)
    made.save(tmp_path)
    assert Plan.load(tmp_path) == made
    ports = [made.postgres, *(port for each in made.brokers for port in (each.client, each.internal, each.controller))]
    assert len(set(ports)) == 10
    assert set(ports) <= set(PORTS)
    (tmp_path / "cluster.json").write_text('{"brokers": 3}')
    with pytest.raises(ClusterError, match=r"cluster\.json is damaged"):
        Cluster(tmp_path).status()


# ---------------------------------------------------------------- three brokers, secure


@pytest.mark.slow
@pytest.mark.xdist_group("servers")
@pytest.mark.timeout(300)
@pytest.mark.drill
def test_a_secure_cluster_keeps_its_secrets_and_loses_a_broker(cluster_directory: Path) -> None:
    cluster = Cluster(cluster_directory / "secure")
    cluster.make(3, secure=True)
    with Watch(passwords(cluster)) as watch:
        cluster.up(3, secure=True)
    assert (watch.seen, watch.looks > 10) == (set(), True)
    rights_have_to_be_given(cluster)
    postgresql_asks_for_the_password(cluster)
    the_loss_of_a_broker_is_stood(cluster)
    with pytest.raises(ClusterError, match="was made secure"):
        cluster.up(secure=False)
    passwords_are_for_their_owner_alone(cluster)
    cluster.down(seconds=1)
    cluster.remove()


def rights_have_to_be_given(cluster: Cluster) -> None:
    make_topic(kafka(cluster), "guarded", copies=3)
    assert "guarded" in topics(kafka(cluster))
    assert topics(kafka(cluster, "ledger")) == set()
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        make_topic(kafka(cluster, "ledger"), "own", copies=3)
    with pytest.raises(KafkaException):
        kafka(cluster, "admin", "0" * 48).list_topics(timeout=3)


def postgresql_asks_for_the_password(cluster: Cluster) -> None:
    assert cluster.secrets is not None
    with database(cluster, read_password(cluster.secrets / "postgres-admin")) as connection:
        assert connection.execute("SELECT system_user").fetchone() == ("scram-sha-256:counterfoil_admin",)
    for wrong in (None, "0" * 48):
        with pytest.raises(psycopg.OperationalError, match="password"):
            database(cluster, wrong)


def the_loss_of_a_broker_is_stood(cluster: Cluster) -> None:
    admin = kafka(cluster)
    cluster.kill_broker(2)
    assert set(cluster.pids) == {"broker-1", "broker-3", "postgres"}
    make_topic(admin, "meanwhile", copies=2)
    cluster.start_broker(2)
    deadline = time.monotonic() + PATIENCE
    while len(admin.list_topics(timeout=PATIENCE).brokers) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert set(admin.list_topics(timeout=PATIENCE).brokers) == {1, 2, 3}
    with pytest.raises(ClusterError, match="there is no broker 4"):
        cluster.start_broker(4)


def passwords_are_for_their_owner_alone(cluster: Cluster) -> None:
    assert cluster.secrets is not None
    assert stat.S_IMODE(cluster.secrets.stat().st_mode) == 0o700
    for path in (*cluster.secrets.iterdir(), cluster.root / "kafka" / "broker.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert "PRIVATE KEY" not in (cluster.secrets / "kafka-ca.pem").read_text()
    secret = [password.encode() for password in passwords(cluster)]
    assert len(secret) == 2 * len(USERS)
    for path in cluster.root.rglob("*"):
        if path.is_file() and not path.is_relative_to(cluster.secrets):
            content = path.read_bytes()
            assert not any(each in content for each in secret), path


def passwords(cluster: Cluster) -> set[str]:
    assert cluster.secrets is not None
    return {read_password(cluster.secrets / f"{server}-{user}") for server in ("kafka", "postgres") for user in USERS}


class Watch:
    """Looks at every command line and environment of this machine, many times a second."""

    def __init__(self, words: set[str]) -> None:
        self.seen: set[str] = set()
        self.looks = 0
        self._words, self._over = words, Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            for pid in psutil.pids():
                self._read(Path(f"/proc/{pid}/cmdline"))
                self._read(Path(f"/proc/{pid}/environ"))
            self.looks += 1
            time.sleep(0.02)  # a tool takes some tenths of a second

    def _read(self, path: Path) -> None:
        try:
            text = path.read_text(errors="replace")
        except OSError:  # it has ended, or belongs to another user
            return
        self.seen |= {f"{word} in {path.name}" for word in self._words if word in text}
