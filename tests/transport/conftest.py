"""A Kafka with users and rights, for the tests of its administration; and one to stop, kill and break."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transport.own_kafka import OwnKafka, own_kafka
from tests.transport.secured import secured

__all__ = ["kafka", "name", "secured"]


@pytest.fixture(scope="module")
def kafka(cluster_directory: Path) -> OwnKafka:
    """One for all tests of the process that break or fill one."""
    return own_kafka(cluster_directory)


@pytest.fixture
def name(kafka: OwnKafka) -> str:
    """A service on it that no other test uses."""
    return kafka.service()
