"""A process that has one server, or a directory for clusters, for a test run, and ends it with that run.

``python -m tests.servers.keeper KIND HOME PID``: all that it has is in HOME. It is over when there is a file `stop` or
when the process PID is gone; a run that is killed leaves nothing behind.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from counterfoil.errors import CounterfoilError
from counterfoil.testbed.cluster.plan import SUPERUSER
from tests.servers import REPORT, STOP, containers

POLL_SECONDS = 0.2
DOWN_SECONDS = 3


def kafka(home: Path, opened: ExitStack) -> str:
    """One broker: HOST:PORT."""
    contained = _contained(containers.kafka, opened)
    if contained is not None:
        return contained
    from counterfoil.testbed.cluster.cluster import Cluster

    cluster = Cluster(home / "cluster")
    cluster.make()
    cluster.start_broker(1)
    return cluster.kafka


def postgres(home: Path, opened: ExitStack) -> str:
    """PostgreSQL: a URL with the superuser's name in it."""
    contained = _contained(containers.postgres, opened)
    if contained is not None:
        return contained
    from counterfoil.testbed.cluster.cluster import Cluster

    cluster = Cluster(home / "cluster")
    cluster.make()
    cluster.start_postgres()
    return cluster.database.replace("//", f"//{SUPERUSER}@")


def directory(home: Path, _opened: ExitStack) -> str:
    """A directory for clusters that tests start themselves. It downloads Kafka's jars, which tests must not."""
    from counterfoil.testbed.cluster.jars import fetch

    fetch(lambda _what, _done, _total: None)
    return str(home)


KINDS: Mapping[str, Callable[[Path, ExitStack], str]] = {"kafka": kafka, "postgres": postgres, "directory": directory}


def main(kind: str, home: Path, pid: int) -> None:
    """Keep the server until the run is over."""
    run = psutil.Process(pid)
    with ExitStack() as opened:
        opened.callback(_remove, home)
        try:
            report(home, "address", KINDS[kind](home, opened))
        except (CounterfoilError, ModuleNotFoundError) as problem:
            report(home, "missing", str(problem))
        while _lives(run) and not (home / STOP).exists():
            time.sleep(POLL_SECONDS)


def report(home: Path, name: str, text: str) -> None:
    """Write the report atomically."""
    draft = home / f".{name}"
    draft.write_text(json.dumps({name: text}))
    draft.replace(home / REPORT)


def _contained(start: Callable[[ExitStack], str], opened: ExitStack) -> str | None:
    if not containers.engine_answers():
        return None
    try:
        return start(opened)
    except containers.NO_CONTAINER as problem:
        logging.getLogger(__name__).warning("no container: %s", problem)
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _remove(home: Path) -> None:
    for plan in home.glob("*/cluster.json"):
        from counterfoil.testbed.cluster.cluster import Cluster

        Cluster(plan.parent).down(DOWN_SECONDS)
    shutil.rmtree(home, ignore_errors=True)
    with suppress(OSError):  # the last one of a run
        home.parent.rmdir()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
