"""A prepared Kafka and PostgreSQL for demos, benchmarks and drills: given ones, or a local cluster for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from counterfoil.bootstrap import provision
from counterfoil.errors import CounterfoilError
from counterfoil.settings import ADMIN, Settings
from counterfoil.testbed.cluster.cluster import Cluster

Progress = Callable[[str, int, int], None]


class UsedBefore(CounterfoilError):
    """The given Kafka or PostgreSQL already holds a market's records."""


@contextmanager
def prepared_servers(
    settings: Settings, root: Path, progress: Progress, brokers: Literal[1, 3] = 1, *, secure: bool = False
) -> Iterator[Settings]:
    """The settings with a Kafka and a PostgreSQL that have topics, tables and rights.

    If `settings` name both, these are used, and must not hold a market yet; else a local cluster with this many
    `brokers` is started in `root`, and stopped when the block ends. Raises `UsedBefore`, `ClusterError`, and what
    `provision.apply` raises.
    """
    if settings.kafka is not None and settings.database is not None:
        _prepare(settings, None)
        _check_new(settings)
        yield settings
        return
    cluster = Cluster(root)
    try:
        cluster.up(brokers, secure=secure, progress=progress)
        given = settings.changed(cluster.addresses)
        _prepare(given, brokers)
        yield given
    finally:
        cluster.down()


def _check_new(settings: Settings) -> None:
    found = provision.existing_data(settings.kafka_access(ADMIN), settings.database_access(ADMIN))
    if found:
        raise UsedBefore(
            f"there was a market on {settings.kafka} or {settings.database} before: {found[0]} is not empty. "
            "Use a Kafka and a database that are new to Counterfoil"
        )


def _prepare(settings: Settings, brokers: int | None) -> None:
    kafka, database = settings.kafka_access(ADMIN), settings.database_access(ADMIN)
    provision.apply(kafka, database, brokers=brokers, secrets=settings.secrets)
