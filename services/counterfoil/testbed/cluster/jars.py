"""Apache Kafka's jars, from a Maven repository into the user's own, each checked against `kafka-jars.lock`.

The lock lists a SHA-256 and coordinates a line. After a change of version, write it again:
``python -c 'from counterfoil.testbed.cluster.jars import lock; lock()'``.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from jgo.config import GlobalSettings
from jgo.maven import MavenContext

from counterfoil.testbed.cluster.errors import ClusterError

KAFKA: Final = "org.apache.kafka:kafka_2.13:4.4.0"
LOGGING: Final = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"
"""Without it Kafka logs nothing. Kafka's SLF4J is 1.7, hence not log4j-slf4j2-impl; the version is Kafka's Log4j."""
TIMEOUT_SECONDS: Final = 60
_LOCK: Final = "kafka-jars.lock"

Progress = Callable[[str, int, int], None]
"""(what, how many are done by now, how many in all)"""


def fetch(progress: Progress) -> list[Path]:
    """The paths of the jars; those that are missing are downloaded, 43 MB in all. Raises `ClusterError`."""
    lines = [line.split() for line in (files(__package__) / _LOCK).read_text().splitlines()]
    context = _context()
    found = []
    with _exclusive(context.repo_cache), ThreadPoolExecutor(4) as pool:
        for path in pool.map(lambda line: _jar(context, *line), lines):
            found.append(path)
            progress("jars", len(found), len(lines))
    return found


def lock() -> None:
    """Resolve Kafka and its dependencies again, and write the lock beside this module."""
    context = _context()
    # Each on its own: a second endpoint would change the versions of the first one's dependencies.
    wanted, others = context.resolver.resolve([context.create_dependency(KAFKA)])
    artifacts = [each.artifact for each in (*wanted, *others) if each.scope in (None, "compile", "runtime")]
    artifacts.append(context.create_dependency(LOGGING).artifact)
    lines = [
        f"{_sha256(each.resolve())}  {each.component.project.groupId}:{each.artifactId}:{each.version}\n"
        for each in artifacts
    ]
    Path(__file__).with_name(_LOCK).write_text("".join(sorted(lines, key=lambda line: line.split()[1])))


def _context() -> MavenContext:
    """jgo's context, with the repositories in its settings first: mirrors, where Maven Central cannot be reached."""
    settings = GlobalSettings.load()
    usual = MavenContext(repo_cache=settings.repo_cache)
    remotes = {**settings.repositories, **usual.remote_repos}
    return MavenContext(repo_cache=settings.repo_cache, remote_repos=remotes, timeout=TIMEOUT_SECONDS)


def _jar(context: MavenContext, digest: str, coordinates: str) -> Path:
    artifact = context.create_dependency(coordinates).artifact
    for _attempt in range(2):
        try:
            path = artifact.resolve()
        except (OSError, RuntimeError) as problem:
            raise ClusterError(
                f"cannot download {coordinates}, a part of Apache Kafka, into {context.repo_cache}: {problem}. "
                "It comes from a Maven repository; a mirror can be named in jgo's settings."
            ) from problem
        if _sha256(path) == digest:
            return path
        path.unlink()  # incomplete, or not what was published
    raise ClusterError(f"the download of {coordinates} does not match its hash in {_LOCK}; nothing was run")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _exclusive(repository: Path) -> Iterator[None]:
    """One process at a time: a jar that another one has half written would look damaged."""
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".counterfoil.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
