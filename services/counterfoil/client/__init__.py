"""Counterfoil for Python programs: signs commands, delivers them once, follows outcomes, verifies receipts and logs.

`Client` is for blocking programs, `AsyncClient` for asyncio; both carry out the same protocols (`steps`). What they
raise is drawn as a tree in `problems`. The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterfoil.client.asynchronous import AsyncClient, AsyncGateway
    from counterfoil.client.author import Author
    from counterfoil.client.blocking import Client
    from counterfoil.client.delivery import Settled
    from counterfoil.client.http import Gateway
    from counterfoil.client.log_server import LogServer
    from counterfoil.client.orders import OrderOutcome
    from counterfoil.client.outbox import Kept
    from counterfoil.client.problems import (
        CannotKeep,
        NotProven,
        NotReady,
        NotThere,
        NotVerified,
        OtherCommand,
        OtherInstance,
        RefusedByService,
        Unreachable,
        Unsettled,
    )
    from counterfoil.client.published import Met
    from counterfoil.client.states import StateRecord, verify_record
    from counterfoil.client.verify import Proven, parse_vkeys, verify_answer, verify_entry
    from counterfoil.client.webhooks import verify_webhook

_WHERE = {
    "asynchronous": ("AsyncClient", "AsyncGateway"),
    "author": ("Author",),
    "blocking": ("Client",),
    "delivery": ("Settled",),
    "http": ("Gateway",),
    "log_server": ("LogServer",),
    "orders": ("OrderOutcome",),
    "outbox": ("Kept",),
    "problems": (
        "CannotKeep", "NotProven", "NotReady", "NotThere", "NotVerified", "OtherCommand", "OtherInstance",
        "RefusedByService", "Unreachable", "Unsettled",
    ),
    "published": ("Met",),
    "states": ("StateRecord", "verify_record"),
    "verify": ("Proven", "parse_vkeys", "verify_answer", "verify_entry"),
    "webhooks": ("verify_webhook",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "AsyncClient", "AsyncGateway", "Author", "CannotKeep", "Client", "Gateway", "Kept", "LogServer", "Met", "NotProven",
    "NotReady", "NotThere", "NotVerified", "OrderOutcome", "OtherCommand", "OtherInstance", "Proven",
    "RefusedByService", "Settled", "StateRecord", "Unreachable", "Unsettled", "parse_vkeys", "verify_answer",
    "verify_entry", "verify_record", "verify_webhook",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
