"""Kafka and PostgreSQL as containers, where a Docker engine on this machine answers; the images are compose's."""

from __future__ import annotations

from contextlib import ExitStack

import docker  # type: ignore[import-untyped]
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from counterfoil.testbed.cluster.plan import DATABASE, HOST, MESSAGE_BYTES, SUPERUSER, free_ports

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18.6"
ENGINE_SECONDS = 3
NO_CONTAINER = (docker.errors.DockerException, OSError)
"""Errors that mean that no container can be started; the cluster is tried then."""


def engine_answers() -> bool:
    """Whether there is a Docker engine that answers at once."""
    try:
        client = docker.from_env(timeout=ENGINE_SECONDS)
        with ExitStack() as opened:
            opened.callback(client.close)
            return bool(client.ping())
    except NO_CONTAINER:
        return False


def kafka(opened: ExitStack) -> str:
    """A broker that ends with `opened`: HOST:PORT. Raises `NO_CONTAINER`."""
    (port,) = free_ports(1)
    container = DockerContainer(KAFKA_IMAGE).with_envs(
        KAFKA_NODE_ID="1",
        KAFKA_PROCESS_ROLES="broker,controller",
        KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
        KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
        KAFKA_LISTENERS="CLIENT://:9092,CONTROLLER://:9093",
        KAFKA_ADVERTISED_LISTENERS=f"CLIENT://{HOST}:{port}",
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        KAFKA_INTER_BROKER_LISTENER_NAME="CLIENT",
        KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
        KAFKA_MESSAGE_MAX_BYTES=str(MESSAGE_BYTES),
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
        KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR="1",
        KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR="1",
        KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
        KAFKA_HEAP_OPTS="-Xms256m -Xmx512m",
    )
    _bind(container, 9092, port)
    opened.enter_context(container.waiting_for(LogMessageWaitStrategy("Kafka Server started")))
    return f"{HOST}:{port}"


def postgres(opened: ExitStack) -> str:
    """A PostgreSQL without passwords that ends with `opened`: its URL. Raises `NO_CONTAINER`."""
    (port,) = free_ports(1)
    container = PostgresContainer(POSTGRES_IMAGE, username=SUPERUSER, dbname=DATABASE, driver="psycopg")
    container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
    _bind(container, 5432, port)
    opened.enter_context(container)
    return f"postgresql://{SUPERUSER}@{HOST}:{port}/{DATABASE}"


def _bind(container: DockerContainer, inside: int, port: int) -> None:
    """Publish a port on the loopback interface only, which `with_bind_ports` cannot do."""
    container.ports[str(inside)] = (HOST, port)  # type: ignore[assignment]
