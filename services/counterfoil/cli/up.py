"""`counterfoil up`: serves an instance in one process, services on threads and the gateway on the event loop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.gateway_server import (
    InsecureDemo,
    RequestLogOption,
    StopSignal,
    http_url,
    listener_url,
    listening,
    make_server,
    protections_of,
    refuse_open_demo,
    warn_without_tls,
)
from counterfoil.cli.instance_files import instance_files
from counterfoil.cli.options import Home, option
from counterfoil.cli.passphrases import PassphraseFile, passphrase_of
from counterfoil.cli.render import Record, plain
from counterfoil.contract.times import HOUR
from counterfoil.errors import BadPrivateFile, CounterfoilError, ServiceStopped
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.instance import Instance
from counterfoil.log.errors import LogError
from counterfoil.ops import logs
from counterfoil.ports import Unavailable
from counterfoil.process_lock import Held, process_lock
from counterfoil.runtime.os_errors import classified
from counterfoil.settings import Listen, Settings, parse_listen

if TYPE_CHECKING:
    from socket import socket

    import uvicorn

    from counterfoil.bootstrap.embedded import Embedded
    from counterfoil.bootstrap.monitor import Monitor

_SWITCH_SECONDS: Final = 0.001
"""How long a service's thread computes while the gateway's waits: with each signature, read and write it waits anew."""

log = logging.getLogger("counterfoil.up")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "up", "counterfoil up --port 8440")
    def up(
        out: Out,
        home: Home = None,
        host: Annotated[
            str | None,
            option("--host", "Where to listen. Default: COUNTERFOIL_LISTEN, or 127.0.0.1.", metavar="ADDRESS"),
        ] = None,
        port: Annotated[
            int | None,
            typer.Option("--port", min=0, max=65_535, metavar="N", help="0 takes a free one. Default: 8440."),
        ] = None,
        passphrase_file: PassphraseFile = None,
        request_log: RequestLogOption = False,
        insecure_demo: InsecureDemo = False,
    ) -> None:
        """Serve the instance, all services in this process, until interrupted.

        SIGINT and SIGTERM stop it cleanly: it takes no new command, answers those in flight, publishes everything and
        exits with code 0. COUNTERFOIL_PROBES shows /livez, /readyz, /startupz and /metrics. Exit code 3: a service has
        failed for good.
        """
        base = parse_listen(out.settings.listen)
        listen = Listen(base.host if host is None else host, base.port if port is None else port)
        root = home if home is not None else out.settings.home
        instance = Instance(root, passphrase_of(out, passphrase_file))
        refuse_open_demo(instance, listen.host, insecure=insecure_demo)
        serve(out, instance, listen, request_log=request_log)


def serve(out: Out, instance: Instance, listen: Listen, *, request_log: bool) -> None:
    """Serve until a signal comes. Raises `Invalid` if it cannot start, `ServiceStopped` if a service failed."""
    settings = out.settings
    out.json = out.json or settings.log_format == "json"  # a log collector must get JSON objects only
    logs.configure(settings.log_level, settings.log_format, "up")
    sys.setswitchinterval(_SWITCH_SECONDS)
    with _only_process(instance), listening(listen) as listener, _monitoring(settings) as monitor:
        stop = StopSignal()
        relay = AnswerRelay()
        system = _open(out, instance, relay, monitor)
        try:
            if not stop.received:
                protections = protections_of(settings, instance, listen.host)
                server = make_server(
                    system.backend(), relay, lambda: system.failure, stop, protections, request_log=request_log
                )
                _run(out, system, server, listener, stop, monitor)
        finally:
            system.close()
    if system.failure:
        raise ServiceStopped(system.failure)
    out.note("stopped")


@contextmanager
def _monitoring(settings: Settings) -> Iterator[Monitor]:
    """Probes from before the logs are loaded until they are closed. Raises `Invalid`, `BadSetting`."""
    from counterfoil.bootstrap.monitor import Monitor

    with extra("distributed"):
        monitor = Monitor(parse_listen(settings.probes), settings.otlp)
    with closing(monitor):
        yield monitor


def _run(
    out: Out, system: Embedded, server: uvicorn.Server, listener: socket, stop: StopSignal, monitor: Monitor
) -> None:
    from counterfoil.bootstrap.monitor import watch_embedded
    from counterfoil.cli.gateway_server import disclosure_of

    system.start()
    watch_embedded(monitor, system)
    url = listener_url(listener)
    addresses = {"url": url, "console": f"{url}/console", "probes": http_url(*monitor.probes.address)}
    found = {**addresses, **instance_files(system.instance)}
    found["disclosure"] = disclosure_of(out.settings, system.instance)
    out.show(found, Record(found), plain("Ctrl-C stops it", "dim"))
    warn_without_tls(out, listener)
    if not stop.received:
        server.run([listener])  # at its end uvicorn raises the signals that it caught again, for `stop`


def _open(out: Out, instance: Instance, relay: AnswerRelay, monitor: Monitor) -> Embedded:
    from counterfoil.bootstrap.embedded import Embedded
    from counterfoil.runtime.clock import open_clock

    clock = open_clock(out.settings.clock)
    try:
        outage = out.settings.longest_outage * HOUR
        return Embedded(instance, clock, deliver=relay, longest_outage=outage, telemetry=monitor.instruments)
    except BadPrivateFile:
        raise
    except Exception as problem:
        log.debug("opening failed", exc_info=problem)
        known = classified(problem) if isinstance(problem, OSError) else problem
        reason = known if isinstance(known, CounterfoilError | LogError | Unavailable) else repr(known)
        raise ServiceStopped(f"cannot open {instance.root}: {reason}") from problem


@contextmanager
def _only_process(instance: Instance) -> Iterator[None]:
    """Hold the instance's lock, which ends with the process.

    Raises `Invalid` if another process has it, running or frozen, and `ServiceStopped` if its file cannot be written.
    """
    path = instance.root / "up.lock"
    with ExitStack() as opened:
        try:
            opened.enter_context(process_lock(path))
        except Held as holder:
            text = f"process {holder} serves {instance.root} already: stop it (kill -KILL if it is frozen)"
            raise Invalid(f"{text}, or take another --home") from holder
        except OSError as problem:
            raise ServiceStopped(f"cannot serve {instance.root}: {classified(problem, path)}") from problem
        yield
