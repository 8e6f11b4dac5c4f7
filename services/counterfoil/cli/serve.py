"""`counterfoil serve`: any of the services, the views and the gateway, on Kafka and PostgreSQL."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Final

import typer

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.gateway_server import InsecureDemo, RequestLogOption, refuse_open_demo
from counterfoil.cli.options import Home, option
from counterfoil.cli.passphrases import PassphraseFile, passphrase_of
from counterfoil.cli.render import Record, plain
from counterfoil.contract.services import SERVICES
from counterfoil.errors import CounterfoilError, ServiceStopped
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.instance import Instance
from counterfoil.settings import GATEWAY, VIEWS, Listen, parse_listen

if TYPE_CHECKING:
    from socket import socket

    from counterfoil.bootstrap.distributed import Distributed
    from counterfoil.cli.gateway_server import StopSignal
    from counterfoil.gateway.protections import Protections

NAMES: Final = (*SERVICES, VIEWS, GATEWAY)
_POLL_SECONDS: Final = 0.5  # between checks whether to stop

log = logging.getLogger("counterfoil.serve")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "serve", "counterfoil serve ledger matching")
    def serve(
        out: Out,
        services: Annotated[
            list[str], typer.Argument(help=f"{', '.join(NAMES)}, SERVICE/SHARD; or `all`.", metavar="SERVICE...")
        ],
        home: Home = None,
        listen: Annotated[
            str | None,
            option("--listen", "Where the gateway listens. Default: COUNTERFOIL_LISTEN.", metavar="HOST:PORT"),
        ] = None,
        passphrase_file: PassphraseFile = None,
        request_log: RequestLogOption = False,
        insecure_demo: InsecureDemo = False,
        with_parent: Annotated[
            bool, typer.Option("--with-parent", help="Stop when the process that started it has ended.")
        ] = False,
    ) -> None:
        """Serve components of an instance in this process, on Kafka and PostgreSQL, until interrupted.

        COUNTERFOIL_KAFKA, COUNTERFOIL_DATABASE and COUNTERFOIL_SECRETS say where these are; `counterfoil topics apply`
        and `counterfoil database apply` prepare them. Components may be started in any order, in one process or many;
        of two processes with the same log one is active and the other a standby. COUNTERFOIL_PROBES shows /livez,
        /readyz, /startupz and /metrics. SIGINT and SIGTERM stop it cleanly. Exit code 3: a component has failed for
        good.
        """
        unknown = [name for name in services if name.partition("/")[0] not in NAMES and services != ["all"]]
        if unknown:
            raise Invalid(f"{unknown[0]!r} cannot be served: choose from {', '.join(NAMES)}, or `all`")
        root = home if home is not None else out.settings.home
        instance = Instance(root, passphrase_of(out, passphrase_file))
        names = served(instance, services)
        address = parse_listen(out.settings.listen if listen is None else listen)
        if GATEWAY in names:
            refuse_open_demo(instance, address.host, insecure=insecure_demo)
        if with_parent:
            Thread(target=_stop_with_parent, args=(os.getppid(),), name="counterfoil-parent", daemon=True).start()
        _serve(out, instance, names, address, request_log=request_log)


def served(instance: Instance, asked: Sequence[str]) -> tuple[str, ...]:
    """The components that `asked` names: a service means all its logs, ``all`` everything. Raises `Invalid`."""
    logs = instance.logs()
    components = [*(log.name for log in logs), VIEWS, GATEWAY]
    meant = {VIEWS: [VIEWS], GATEWAY: [GATEWAY], "all": components}
    meant |= {str(log): [log.name] for log in logs}
    meant |= {service: [log.name for log in instance.logs_of(service)] for service in SERVICES}
    unknown = [name for name in asked if name not in meant]
    if unknown:
        raise Invalid(f"{unknown[0]!r} cannot be served: choose from {', '.join(components)}, or `all`")
    return tuple(dict.fromkeys(component for name in asked for component in meant[name]))


def _stop_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _serve(out: Out, instance: Instance, names: tuple[str, ...], address: Listen, *, request_log: bool) -> None:
    with extra("distributed"):
        from counterfoil.bootstrap.distributed import Distributed
        from counterfoil.ops import logs
    from counterfoil.cli.gateway_server import StopSignal, listening, protections_of
    from counterfoil.runtime.clock import open_clock

    settings = out.settings
    out.json = out.json or settings.log_format == "json"  # a log collector must get JSON objects only
    logs.configure(settings.log_level, settings.log_format, "+".join(names))
    with ExitStack() as opened:
        listener = opened.enter_context(listening(address)) if GATEWAY in names else None
        stop, relay = StopSignal(), AnswerRelay()
        system = Distributed(instance, open_clock(settings.clock), settings, names, relay)
        stop.on_stop = system.cancel
        try:
            _show(out, system, names, listener)
            if _started(system) and not stop.received:
                protections = protections_of(settings, instance, address.host)
                _run(system, relay, listener, stop, protections, request_log=request_log)
        finally:
            system.close()
    if system.failure:
        raise ServiceStopped(system.failure)
    out.note("stopped")


def _started(system: Distributed) -> bool:
    """Start all components; False if it was stopped before all were connected. Raises `CounterfoilError`."""
    try:
        return system.start()
    except CounterfoilError:
        raise
    except Exception as problem:
        log.debug("starting failed", exc_info=problem)
        raise ServiceStopped(f"cannot serve {system.instance.root}: {problem!r}") from problem


def _show(out: Out, system: Distributed, names: tuple[str, ...], listener: socket | None) -> None:
    from counterfoil.cli.gateway_server import disclosure_of, http_url, listener_url, warn_without_tls

    found = {
        "serves": list(names),
        "home": str(system.instance.root),
        "probes": http_url(*system.probes.address),
        **(
            {
                "url": listener_url(listener),
                "console": f"{listener_url(listener)}/console",
                "disclosure": disclosure_of(out.settings, system.instance),
            }
            if listener
            else {}
        ),
    }
    out.show(found, Record(found), plain("Ctrl-C stops it", "dim"))
    if listener is not None:
        warn_without_tls(out, listener)


def _run(
    system: Distributed,
    relay: AnswerRelay,
    listener: socket | None,
    stop: StopSignal,
    protections: Protections,
    *,
    request_log: bool,
) -> None:
    """Serve until a signal comes, or a component has failed for good."""
    from counterfoil.cli.gateway_server import make_server

    if listener is not None:
        backend = system.gateway.backend()
        server = make_server(backend, relay, lambda: system.failure, stop, protections, request_log=request_log)
        server.run([listener])
        return
    while not stop.received and not system.wait(_POLL_SECONDS):
        pass
