"""Serves an instance in one process: services on threads, the gateway on the event loop; stops cleanly."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from rich.text import Text

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.cli.command import Invalid, Out
from counterfoil.cli.init import whereabouts
from counterfoil.cli.render import record
from counterfoil.errors import ServiceStopped
from counterfoil.gateway.app import Delivery, create_app
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.server import server_config
from counterfoil.instance import Instance
from counterfoil.ports import Clock
from counterfoil.runtime.clock import open_clock
from counterfoil.settings import Listen

_LOOPBACK = ("127.", "::1", "localhost")

log = logging.getLogger("counterfoil.up")


class Stop:
    """Remembers that the process was asked to stop, also while there is no server yet, and tells `asking`."""

    def __init__(self) -> None:
        self.asked = False
        self.server: uvicorn.Server | None = None
        self.asking: Callable[[], None] = lambda: None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        self.asking()
        if self.server is not None:
            self.server.should_exit = True


def serve(out: Out, instance: Instance, listen: Listen) -> None:
    """Serve until a signal comes. Raises `Invalid` if it cannot begin, `ServiceStopped` if a service failed."""
    logging.basicConfig(level=out.settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with _only_one(instance), listening(listen) as listener:
        stop = Stop()
        delivery = Delivery()
        system = _open(instance, open_clock(out.settings.clock), delivery)
        try:
            if not stop.asked:
                _run(out, system, delivery, listener, stop)
        finally:
            system.close()
    if system.failure:
        raise ServiceStopped(system.failure)
    out.note("stopped")


def _run(out: Out, system: Embedded, delivery: Delivery, listener: socket.socket, stop: Stop) -> None:
    server = make_server(system.backend(), delivery, lambda: system.failure, stop)
    system.start()
    url = url_of(listener)
    found = {"url": url, **whereabouts(system.instance)}
    out.show(found, record(found), Text("Ctrl-C stops it", style="dim"))
    warn_without_tls(out, listener)
    if not stop.asked:
        server.run([listener])  # afterwards it raises the signals it caught once more, for `stop`


def make_server(backend: Backend, delivery: Delivery, failure: Callable[[], str], stop: Stop) -> uvicorn.Server:
    """A server of the gateway that ends when it is asked to, or when a service has failed for good."""

    async def watch() -> None:
        if failure():
            server.should_exit = True

    config = server_config(create_app(backend, delivery), log_config=None, callback_notify=watch, timeout_notify=1)
    server = stop.server = uvicorn.Server(config)
    return server


def url_of(listener: socket.socket) -> str:
    """Where a server listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def warn_without_tls(out: Out, listener: socket.socket) -> None:
    """Say so where others can listen in."""
    if not str(listener.getsockname()[0]).startswith(_LOOPBACK):
        out.note("listening beyond this machine without TLS: put a proxy with TLS in front of it")


def _open(instance: Instance, clock: Clock, delivery: Delivery) -> Embedded:
    try:
        return Embedded(instance, clock, deliver=delivery)
    except Exception as problem:
        log.debug("opening failed", exc_info=problem)
        raise ServiceStopped(f"cannot open {instance.root}: {problem!r}") from problem


@contextmanager
def _only_one(instance: Instance) -> Iterator[None]:
    """Hold the instance's lock, which goes with the process. Raises `Invalid` if another process has it."""
    path = instance.root / "up.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            pid = file.read().strip()
            raise Invalid(f"process {pid} serves {instance.root} already: stop it, or take another --home") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


@contextmanager
def listening(listen: Listen) -> Iterator[socket.socket]:
    """Take an address for a server. Raises `Invalid`."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        listener = socket.create_server(listen, family=family, backlog=1_024)
    except OSError as problem:
        raise Invalid(f"cannot listen on {listen.host} port {listen.port}: {problem.strerror or problem}") from problem
    with listener:
        yield listener
