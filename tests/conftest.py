"""What holds for every test: no socket leaves this machine, generated input is reproducible, servers are shared."""

from __future__ import annotations

import ipaddress
import os
import signal
import sys
from typing import Any

from hypothesis import HealthCheck, settings

# Tests start some thousand processes: without the compiled form of the package, each compiles it anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["tests.scheduling", "tests.servers.fixture"]

# Local names that a resolver may be asked for; None is "every local address" for a server about to listen.
LOCAL_NAMES = frozenset({None, "", "localhost", b"localhost"})
# Audit events of the socket module, and where in their arguments the host or the address is.
HOST_POSITION = {
    "socket.bind": 1,
    "socket.connect": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.sendmsg": 1,
    "socket.sendto": 1,
}


class OutsideSocketError(Exception):
    """A test reached for an address beyond the loopback interface. Not an OSError: nothing may retry it."""


def is_local(host: object) -> bool:
    """Whether `host` names this machine's loopback interface, in every form that the socket module passes on."""
    if host in LOCAL_NAMES:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_outside_sockets(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: raise `OutsideSocketError` before a socket call with an address beyond loopback is carried out."""
    position = HOST_POSITION.get(event)
    if position is None:
        return
    address = args[position]
    if event.startswith("socket.get"):
        host = address
    elif isinstance(address, tuple):  # an internet address; files of AF_UNIX are plain text, connected sockets None
        host = address[0]
        if host == "":  # binds every interface
            raise OutsideSocketError(f"{event} on every interface; bind 127.0.0.1")
    else:
        return
    if not is_local(host):
        raise OutsideSocketError(f"{event} to {host!r}; tests may only use 127.0.0.1, ::1 and localhost")


# A hook cannot be removed, and sees every socket of the process.
sys.addaudithook(refuse_outside_sockets)

# What a shell starts in the background ignores SIGINT, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# `default` is quick and, in CI, the same on every run; `thorough` is for a machine that may take its time.
settings.register_profile(
    "default",
    max_examples=60,
    deadline=None,  # the machine is shared; slowness is measured by the benchmark
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=2_000, derandomize=False)
settings.load_profile(os.environ.get("COUNTERFOIL_HYPOTHESIS", "default"))
