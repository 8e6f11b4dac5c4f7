"""Delivers webhooks as one gateway of several: `python -m tests.faults.webhook_gateway HOME LEASE`, until it is killed.

HOME is a market that nobody runs; the webhooks are on PostgreSQL, whose access comes as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast

from counterfoil.access import DatabaseAccess
from counterfoil.catalogue import VIEWS
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.deliveries import Deliveries
from counterfoil.gateway.following import Pace
from counterfoil.instance import Instance
from counterfoil.storage import open_log_store
from counterfoil.storage.view_store import open_view_store
from counterfoil.storage.webhook_store import open_webhook_store_on


def main(home: Path, lease: float, access: DatabaseAccess) -> None:
    """Deliver for ever."""
    instance, unused = Instance(home), cast("Any", None)
    with ExitStack() as opened:
        views = opened.enter_context(closing(open_view_store(instance.views_database, VIEWS)))
        stores = {log: opened.enter_context(closing(open_log_store(instance.database(log)))) for log in instance.logs()}
        backend = Backend(
            receipts=unused, transport=unused, views=views, definitions=VIEWS, positions=views.positions,
            origins={log: instance.origin(log) for log in instance.logs()}, stores=stores, snapshots={},
            sessions=unused, webhooks=opened.enter_context(closing(open_webhook_store_on(access))),
            log_directories={}, failure=str, standstill=lambda _log: None, catching_up=str, waiting=dict, now=int,
        )  # fmt: skip
        pace = Pace(poll=0.02, lease=lease, attempt=lease / 3, retry_first=0.02, retry_longest=0.1)
        asyncio.run(Deliveries(backend, loopback=True, pace=pace).run())


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), DatabaseAccess(**json.load(sys.stdin)))
