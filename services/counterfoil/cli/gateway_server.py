"""What `counterfoil up` and `counterfoil serve` share: the gateway's server, its address, and stopping by signal."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from counterfoil.cli.command import Invalid, Out
from counterfoil.contract.disclosure import Disclosure
from counterfoil.settings import Listen, Settings

if TYPE_CHECKING:
    import uvicorn

    from counterfoil.gateway.backend import Backend
    from counterfoil.gateway.protections import Protections
    from counterfoil.gateway.relay import AnswerRelay
    from counterfoil.instance import Instance


class StopSignal:
    """Catches SIGINT and SIGTERM from now on: remembers that one came, stops the server if there is one.

    `on_stop` is called from the signal handler.
    """

    def __init__(self) -> None:
        self.received = False
        self.server: uvicorn.Server | None = None
        self.on_stop: Callable[[], None] = lambda: None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.received = True
        self.on_stop()
        if self.server is not None:
            self.server.should_exit = True


RequestLogOption = Annotated[
    bool, typer.Option("--request-log", help="Log requests: route, status, size, time and address; no values.")
]

InsecureDemo = Annotated[
    bool,
    typer.Option("--insecure-demo", help="Serve a demo, whose private keys everybody knows, beyond this machine."),
]


def refuse_open_demo(instance: Instance, host: str, *, insecure: bool) -> None:
    """Raises `Invalid` for an instance of the demo that is to listen beyond the loopback interface."""
    from counterfoil.demo.directory import is_demo

    if not insecure and not _is_loopback(host) and is_demo(instance):
        raise Invalid(
            f"{instance.root} is a demo: its private keys follow from the seed, so anybody who reaches {host} could act"
            " for everybody; listen on 127.0.0.1, or add --insecure-demo"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_server(
    backend: Backend,
    relay: AnswerRelay,
    failure: Callable[[], str],
    stop: StopSignal,
    protections: Protections,
    *,
    request_log: bool = False,
) -> uvicorn.Server:
    """The gateway's server, which ends on a signal, or when `failure` gives a text: a service has failed for good.

    Raises `TooFewDescriptors`.
    """
    import uvicorn

    from counterfoil.console.app import pages
    from counterfoil.gateway.app import create_app
    from counterfoil.gateway.connections import Connections
    from counterfoil.gateway.descriptors import reserve
    from counterfoil.gateway.request_log import RequestLog
    from counterfoil.gateway.server import server_config

    async def check_failure() -> None:
        if failure():
            server.should_exit = True

    app = create_app(backend, relay, protections, pages)
    connections = Connections(protections.proxies, most=reserve())
    config = server_config(
        RequestLog(app) if request_log else app,
        connections,
        protections.proxies,
        log_config=None,
        callback_notify=check_failure,
        timeout_notify=1,
    )
    server = stop.server = uvicorn.Server(config)
    server.should_exit = stop.received  # it may have come while this was being made
    return server


def protections_of(settings: Settings, instance: Instance, listen: str) -> Protections:
    """What the settings and the instance say of the gateway's protections. `listen`: the name that it listens on."""
    from counterfoil.gateway.protections import Protections
    from counterfoil.gateway.quotas import Quota

    hosts = (instance.identity.host, listen)
    named = (*settings.hosts.split(","), *(host.partition(":")[0].lower() for host in hosts))
    proxies = tuple(filter(None, settings.proxies.split(",")))
    quota = Quota(settings.quota_entries, settings.quota_bytes)
    known, disclosure = frozenset(filter(None, named)), disclosure_of(settings, instance)
    return Protections(quota, known, proxies, disclosure, settings.webhooks == "loopback")


def disclosure_of(settings: Settings, instance: Instance) -> Disclosure:
    """Who may read what of a gateway's answers: as the environment says, else the instance."""
    return settings.disclosure or instance.identity.disclosure


@contextmanager
def listening(listen: Listen) -> Iterator[socket.socket]:
    """A socket that listens on the address. Raises `Invalid`."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        listener = socket.create_server(listen, family=family, backlog=1_024)
    except OSError as problem:
        raise Invalid(f"cannot listen on {listen.host} port {listen.port}: {problem.strerror or problem}") from problem
    with listener:
        yield listener


def listener_url(listener: socket.socket) -> str:
    """The URL of a server that listens on this socket."""
    return http_url(*listener.getsockname()[:2])


def http_url(host: str, port: int) -> str:
    """The URL of an HTTP server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def warn_without_tls(out: Out, listener: socket.socket) -> None:
    """Print a warning if the socket listens beyond the loopback interface."""
    if not _is_loopback(str(listener.getsockname()[0])):
        out.note("listening beyond this machine without TLS: put a proxy with TLS in front of it")
