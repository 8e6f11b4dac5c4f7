"""A Kafka and a PostgreSQL for demos, benchmarks and drills: one's own, or a cluster for the length of a block."""

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
    """The Kafka or the PostgreSQL that was given has a market's records already."""


@contextmanager
def servers(
    settings: Settings, root: Path, progress: Progress, brokers: Literal[1, 3] = 1, *, secure: bool = False
) -> Iterator[Settings]:
    """The settings with Kafka and PostgreSQL in them, prepared: topics, tables and rights are there.

    What the settings name already is taken, if no market was there before; else a cluster is started in `root`, and
    stopped at the end. Raises `UsedBefore`, `ClusterError`, and what `provision.apply` raises.
    """
    if settings.kafka is not None and settings.database is not None:
        _prepare(settings, None)
        _check_new(settings)
        yield settings
        return
    cluster = Cluster(root)
    try:
        cluster.up(brokers, secure=secure, progress=progress)
        here = {"kafka": cluster.kafka, "database": cluster.database, "secrets": cluster.secrets}
        given = settings.model_copy(update=here)
        _prepare(given, brokers)
        yield given
    finally:
        cluster.down()


def _check_new(settings: Settings) -> None:
    found = provision.written(settings.kafka_access(ADMIN), settings.database_access(ADMIN))
    if found:
        raise UsedBefore(
            f"there was a market on {settings.kafka} or {settings.database} before, for {found[0]} is not empty: "
            "take a Kafka and a database that are new to Counterfoil"
        )


def _prepare(settings: Settings, brokers: int | None) -> None:
    kafka, database = settings.kafka_access(ADMIN), settings.database_access(ADMIN)
    provision.apply(kafka, database, brokers=brokers, secrets=settings.secrets)
