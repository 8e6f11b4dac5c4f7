"""File descriptors: enough for all connections, with some kept for what the process needs itself."""

from __future__ import annotations

import logging
import resource
from typing import Final

from counterfoil.errors import CounterfoilError
from counterfoil.gateway.bounds import MAX_CONNECTIONS, RESERVED_DESCRIPTORS

_FEWEST: Final = 64  # connections with which a gateway is of use

log = logging.getLogger("counterfoil.gateway")


class TooFewDescriptors(CounterfoilError):
    """The process may not open as many files as the gateway needs; the message says how many."""


def reserve() -> int:
    """Raise this process's limit as far as it must and may; returns how many connections that permits.

    Raises `TooFewDescriptors`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + RESERVED_DESCRIPTORS
    unlimited = resource.RLIM_INFINITY
    permitted = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < permitted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (permitted, hard))
    connections = permitted - RESERVED_DESCRIPTORS
    if connections < _FEWEST:
        raise TooFewDescriptors(
            f"at most {permitted} files may be open, and the gateway needs {_FEWEST + RESERVED_DESCRIPTORS}: "
            "raise the limit (ulimit -n)"
        )
    if connections < MAX_CONNECTIONS:
        log.warning("at most %d connections: the limit on open files is %d (ulimit -n)", connections, permitted)
    return connections
