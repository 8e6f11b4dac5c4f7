"""Jars come from a repository once, and only with the content that the lock names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread

import pytest
from jgo.maven import MavenContext

from counterfoil.testbed.cluster import jars
from counterfoil.testbed.cluster.errors import ClusterError

COORDINATES = "org.example:tried:1.0"
PLACE = Path("org/example/tried/1.0/tried-1.0.jar")
CONTENT = b"a jar, for all that matters here"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the standard library's name
        """Log nothing."""


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[Path, MavenContext]]:
    """A repository with one jar in it, and a context that downloads from it."""
    jar = tmp_path / "remote" / PLACE
    jar.parent.mkdir(parents=True)
    jar.write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "remote")))
    Thread(target=server.serve_forever, daemon=True).start()
    here = {"here": f"http://127.0.0.1:{server.server_port}"}
    yield jar, MavenContext(repo_cache=tmp_path / "own", remote_repos=here)
    server.shutdown()
    server.server_close()


def test_a_jar_is_downloaded_once(published: tuple[Path, MavenContext]) -> None:
    jar, context = published
    assert jars._jar(context, DIGEST, COORDINATES).read_bytes() == CONTENT
    jar.unlink()
    assert jars._jar(context, DIGEST, COORDINATES) == context.repo_cache / PLACE


def test_one_that_was_cut_short_is_downloaded_again(published: tuple[Path, MavenContext]) -> None:
    _jar, context = published
    own = context.repo_cache / PLACE
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT[:7])
    assert jars._jar(context, DIGEST, COORDINATES).read_bytes() == CONTENT


def test_one_with_other_content_is_refused_and_not_kept(published: tuple[Path, MavenContext]) -> None:
    jar, context = published
    jar.write_bytes(CONTENT + b".")
    with pytest.raises(ClusterError, match=r"org\.example:tried:1\.0 does not match its hash in kafka-jars\.lock"):
        jars._jar(context, DIGEST, COORDINATES)
    assert not (context.repo_cache / PLACE).exists()


def test_one_that_cannot_be_had_is_named(published: tuple[Path, MavenContext]) -> None:
    jar, context = published
    jar.unlink()
    with pytest.raises(ClusterError, match=r"cannot download org\.example:tried:1\.0"):
        jars._jar(context, DIGEST, COORDINATES)


def test_the_lock_names_kafka_and_its_logging() -> None:
    lines = [line.split() for line in (files(jars.__package__) / "kafka-jars.lock").read_text().splitlines()]
    named = {coordinates for _digest, coordinates in lines}
    assert {jars.KAFKA, jars.LOGGING} <= named
    assert len(named) == len(lines)
    kafka, logging = jars.KAFKA.rpartition(":")[2], jars.LOGGING.rpartition(":")[2]
    assert {f"org.apache.kafka:kafka-clients:{kafka}", f"org.apache.logging.log4j:log4j-core:{logging}"} <= named
