"""A Kafka of our own with users, TLS and an authorizer, one for each process of a test run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from counterfoil.access import KafkaAccess
from counterfoil.bootstrap.provision import apply_topics
from counterfoil.settings import ADMIN, Settings
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.transport.admin import acls
from counterfoil.transport.admin.client import configuration
from counterfoil.transport.topic_settings import TOPICS


@dataclass(frozen=True)
class Secured:
    """One broker, set up by `apply_topics`; what a test changes, it has changed back when it ends."""

    servers: str
    secrets: Path

    def access(self, user: str = ADMIN) -> KafkaAccess:
        return Settings(kafka=self.servers, secrets=self.secrets).kafka_access(user)

    @property
    def admin(self) -> KafkaAccess:
        return self.access()

    @cached_property
    def client(self) -> AdminClient:
        """The administrator's."""
        return AdminClient(configuration(self.admin))


@cache
def start(directory: Path) -> Secured:
    """It runs until the run is over, and goes with the directory."""
    cluster = Cluster(directory / secrets.token_hex(4))
    cluster.make(1, secure=True)
    cluster.start_broker(1)
    assert cluster.secrets is not None
    made = Secured(cluster.kafka, cluster.secrets)
    assert len(apply_topics(made.admin, 1, made.secrets)) == len(TOPICS) + len(acls.RIGHTS)
    return made


@pytest.fixture
def secured(cluster_directory: Path) -> Secured:
    return start(cluster_directory)
