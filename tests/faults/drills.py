"""Faults of the distributed form, end to end: each drill breaks something under load and waits for recovery.

Afterwards the observations must agree with the logs: nothing acknowledged is lost, nothing is applied twice, the audit
is clean (`DrillMarket.verdict`). All are bounded in time. ``python -m tests.faults`` runs them by hand, longer.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, Producer, TopicPartition

from counterfoil.contract.services import SERVICES
from counterfoil.contract.topics import commands_topic, entries_topic
from counterfoil.log.checkpoint import parse_checkpoint
from counterfoil.log.note import parse_note
from counterfoil.settings import GATEWAY, VIEWS
from counterfoil.storage.lease import IDLE_SECONDS
from counterfoil.storage.log_directory import PublishedDirectory
from tests.e2e.running import eventually
from tests.faults.crashing import STEPS
from tests.faults.drill_market import RECOVERS_WITHIN, DrillMarket
from tests.faults.freezing import LOG_STEPS

_until = partial(eventually, within=RECOVERS_WITHIN)
TAKES_OVER_WITHIN: Final = 40.0
"""Seconds until a standby is active in place of a process of `freezing`, whose lease ends soon."""
_CRASHES_WITHIN = 300.0  # partial tiles are deleted when one is full: 256 entries, and some logs grow slowly


def crashes(
    market: DrillMarket, seconds: float, services: tuple[str, ...] = SERVICES, at: tuple[str, ...] = STEPS
) -> None:
    """kill -9 at every durable step of every service, each time with a standby that takes over."""
    steps = [(service, step) for service in services for step in at]
    with market.load():
        for number, (service, step) in enumerate(steps):
            name = f"{service}+{number}"
            nth = 1 if step.endswith("partials") else 1 + number % 3
            program = ("-m", "tests.faults.crashing", step, str(nth))
            market.fleet.start((service,), str(number), program)
            market.fleet.stop(service)  # it takes over, and crashes
            crashed = market.fleet.processes[name].popen
            _until(lambda crashed=crashed: crashed.poll() is not None, f"{name} at {step}", within=_CRASHES_WITHIN)  # type: ignore[misc]
            assert market.fleet.wait_ended(name) == -signal.SIGKILL
            market.fleet.start((service,))
        market.fleet.wait_ready()
        time.sleep(seconds)


def killed(market: DrillMarket, seconds: float) -> None:
    """kill -9 of every component in turn, the views and the gateway too, each started again a moment later."""
    with market.load() as recorder:
        for name in (*SERVICES, VIEWS, GATEWAY):
            market.fleet.kill(name)
            time.sleep(seconds / 10)
            market.fleet.start((name,))
            recorder.urls[:] = [market.fleet.url] if GATEWAY in market.fleet.processes else recorder.urls
            market.fleet.wait_ready()


def zombie(market: DrillMarket, seconds: float) -> None:
    """The active process of the ledger freezes and a standby takes over; when it wakes, it has lost the lease."""
    with market.load():
        market.fleet.start(("ledger",), "second")
        _until(market.fleet.processes["ledger+second"].is_ready, "the standby is ready")
        assert market.fleet.processes["ledger+second"].role() == "standby"
        market.fleet.kill("ledger", signal.SIGSTOP)
        _until(
            lambda: market.fleet.processes["ledger+second"].role() == "active",
            "the standby takes over",
            within=IDLE_SECONDS + RECOVERS_WITHIN,
        )
        time.sleep(seconds)
        market.fleet.kill("ledger", signal.SIGCONT)
        _until(lambda: market.fleet.processes["ledger"].role() == "standby", "the frozen instance is a standby")
        market.fleet.stop("ledger+second")
        _until(lambda: market.fleet.processes["ledger"].role() == "active", "it takes over again")


def frozen(market: DrillMarket, seconds: float, service: str = "ledger", steps: tuple[str, ...] = LOG_STEPS) -> None:
    """The active process freezes at one instruction after the other; each time a standby takes over.

    It works and publishes while the other is frozen, which is a standby when it wakes.
    """
    with market.load():
        for number, step in enumerate(steps, 1):
            _until(market.fleet.processes[service].is_active, f"{service} is active before {step}")
            nth = 1 if step == "lease-won" else 1 + number % 3
            program = ("-m", "tests.faults.freezing", step, str(nth))
            stuck = market.fleet.start((service,), str(number), program)
            market.fleet.stop(service)  # the other takes over, and freezes
            _until(lambda stuck=stuck: _is_stopped(stuck.popen.pid), f"{stuck.name} is frozen at {step}")  # type: ignore[misc]
            successor = market.fleet.start((service,))
            _until(
                successor.is_active, f"a standby takes over from a process frozen at {step}", within=TAKES_OVER_WITHIN
            )
            if service in SERVICES:
                size = _published_size(market, service)
                _until(lambda size=size: _published_size(market, service) > size, f"{step}: the standby publishes")  # type: ignore[misc]
            time.sleep(seconds / 10)
            market.fleet.kill(stuck.name, signal.SIGCONT)
            _until(lambda stuck=stuck: stuck.role() == "standby", f"{stuck.name} is a standby after {step}")  # type: ignore[misc]
            market.fleet.stop(stuck.name)


def frozen_views(market: DrillMarket, seconds: float) -> None:
    """The same of the views, in the middle of their transaction."""
    frozen(market, seconds, VIEWS, ("rows-changed",))


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T")


def _published_size(market: DrillMarket, service: str) -> int:
    note = PublishedDirectory(market.home / "logs" / service / "main").checkpoint()
    return 0 if note is None else parse_checkpoint(parse_note(note).text).size


def frozen_kafka(market: DrillMarket, seconds: float) -> None:
    """Kafka is unreachable: every broker is frozen for a while, and what passes then counts as away."""
    with market.load():
        for broker in range(1, market.cluster.brokers + 1):
            market.cluster.kill_broker(broker, signal.SIGSTOP)
        time.sleep(seconds)
        logs = [market.fleet.processes[service].log for service in SERVICES]
        away = "nothing is decided: the transport has not answered"
        _until(lambda: all(away in log.read_text() for log in logs), "every writer counts as away")
        for broker in range(1, market.cluster.brokers + 1):
            market.cluster.kill_broker(broker, signal.SIGCONT)
        market.fleet.wait_ready(active=False, within=RECOVERS_WITHIN)


def restarted_kafka(market: DrillMarket, seconds: float) -> None:
    """The only broker is killed, and started again a while later."""
    with market.load():
        market.cluster.kill_broker(1)
        time.sleep(seconds)
        market.cluster.start_broker(1)
        market.fleet.wait_ready(active=False, within=RECOVERS_WITHIN)


def lost_leaders(market: DrillMarket, seconds: float) -> None:
    """Each of three brokers is killed in turn, leader or not, and restarted."""
    with market.load():
        for broker in range(1, market.cluster.brokers + 1):
            market.cluster.kill_broker(broker)
            time.sleep(seconds)
            market.cluster.start_broker(broker)
            _until(lambda: not _behind(market), "every partition has its replicas again")


def _behind(market: DrillMarket) -> bool:
    from confluent_kafka.admin import AdminClient

    topics = AdminClient({"bootstrap.servers": market.cluster.kafka}).list_topics(timeout=10).topics.values()
    partitions = itertools.chain.from_iterable(topic.partitions.values() for topic in topics)
    return any(len(each.isrs) < len(each.replicas) for each in partitions)


def restarted_database(market: DrillMarket, seconds: float) -> None:
    """PostgreSQL is stopped at once, as if it had crashed, and started again."""
    with market.load():
        market.cluster.stop_postgres("immediate")
        time.sleep(seconds)
        market.cluster.start_postgres()
        market.fleet.wait_ready(active=False, within=RECOVERS_WITHIN)


def full_disk(market: DrillMarket, seconds: float) -> None:
    """The disk of the published ledger is full for a while: committed entries are kept, and published later."""
    directory = market.home / "logs" / "ledger"
    market.fleet.stop("ledger")
    aside = directory.with_name("ledger-aside")
    directory.rename(aside)
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "counterfoil-drill", str(directory)]
    subprocess.run(mount, check=True)
    try:
        subprocess.run(["cp", "-r", f"{aside}/.", str(directory)], check=True)
        market.fleet.start(("ledger",))
        market.fleet.wait_ready()
        with market.load():
            ballast = directory / "ballast"
            _until(lambda: not _grow(ballast), "the disk is full")
            _until(lambda: not market.fleet.processes["ledger"].is_ready(), "the ledger says that it is not ready")
            time.sleep(seconds)
            ballast.unlink()
            _until(market.fleet.processes["ledger"].is_ready, "the ledger is ready again")
        market.fleet.stop("ledger")
        subprocess.run(["cp", "-r", f"{directory}/.", str(aside)], check=True)
    finally:
        market.fleet.stop(*[name for name in market.fleet.processes if name == "ledger"])
        subprocess.run(["umount", str(directory)], check=True)
    directory.rmdir()
    aside.rename(directory)
    market.restart()


def _grow(ballast: Path) -> bool:
    """Append to a file; False once the disk is full."""
    try:
        with ballast.open("ab") as file:
            file.write(bytes(2**20))
    except OSError:
        return False
    return True


def repeated_and_reordered(market: DrillMarket, seconds: float) -> None:
    """A user with write access to Kafka sends all records again in another order, and malformed ones."""
    with market.load():
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for service in SERVICES:
                for topic in (commands_topic(service), entries_topic(service)):
                    _again(market.cluster.kafka, topic)


def _again(servers: str, topic: str) -> None:
    """Send the topic's latest records once more, the last first, and each entry also with another's content."""
    reader = Consumer({"bootstrap.servers": servers, "group.id": "drill", "enable.auto.commit": False})
    try:
        begin, end = reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        reader.assign([TopicPartition(topic, 0, max(begin, end - 60))])
        records = reader.consume(min(60, end - begin), timeout=5) if end > begin else []
    finally:
        reader.close()
    writer = Producer({"bootstrap.servers": servers})
    for record in reversed(records):
        writer.produce(topic, record.value(), record.key(), headers=record.headers())
    for record, other in itertools.pairwise(records[::7]):
        writer.produce(topic, other.value(), record.key(), headers=record.headers())
    writer.produce(topic, b"junk", b"main")
    assert writer.flush(20) == 0


Drill = Callable[[DrillMarket, float], None]
"""Breaks something for so many seconds, under load, and waits for recovery."""
DRILLS: Final[dict[str, tuple[Drill, int]]] = {
    "crashes": (crashes, 1),
    "killed": (killed, 1),
    "zombie": (zombie, 1),
    "frozen": (frozen, 1),
    "frozen-views": (frozen_views, 1),
    "frozen-kafka": (frozen_kafka, 1),
    "restarted-kafka": (restarted_kafka, 1),
    "lost-leaders": (lost_leaders, 3),
    "restarted-database": (restarted_database, 1),
    "full-disk": (full_disk, 1),
    "repeated-and-reordered": (repeated_and_reordered, 1),
}
"""By name, the drill and the number of brokers that it needs."""
