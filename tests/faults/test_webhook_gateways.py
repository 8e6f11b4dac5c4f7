"""Gateways that are processes of their own share webhooks on PostgreSQL: one that freezes or dies loses no delivery."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

from counterfoil.access import DatabaseAccess
from counterfoil.client.author import Author
from counterfoil.gateway.readers import session_time
from counterfoil.settings import GATEWAY
from counterfoil.storage.webhook_store import open_webhook_store_on
from counterfoil.webhooks import Webhook
from tests.gateway.test_feed import whole
from tests.gateway.webhook_receiver import Receiver, eventually, receiving
from tests.market import Market, found, seed_of, trade
from tests.servers.fixture import PostgresServer
from tests.storage.server import as_user, copied

LEASE = 1.2  # seconds
PARTY = "city"
PATHS = ("/one", "/two", "/three")


@contextmanager
def gateway(home: Path, access: DatabaseAccess) -> Iterator[subprocess.Popen[str]]:
    """One more gateway, killed in the end."""
    words = [sys.executable, "-m", "tests.faults.webhook_gateway", str(home), str(LEASE)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(asdict(access), default=str))
            process.stdin.close()
            yield process
        finally:
            process.kill()


class Trouble:
    """Answers deliveries. The first gateway freezes in one, goes on when it is replaced; then the second is killed."""

    def __init__(self, deliveries: int) -> None:
        self.gateways: list[subprocess.Popen[str]] = []
        self._deliveries = deliveries
        self.frozen = self.thawed = self.killed = 0.0

    def answer(self, number: int) -> int:
        """Take one delivery."""
        now = time.monotonic()
        if not self.frozen and number >= self._deliveries // 3:
            self.frozen = now
            self.gateways[0].send_signal(signal.SIGSTOP)
        elif self.frozen and not self.thawed and now - self.frozen > LEASE / 2:
            self.thawed = now
            self.gateways[0].send_signal(signal.SIGCONT)
        elif self.thawed and not self.killed and number >= 2 * self._deliveries // 3:
            self.killed = now
            self.gateways[1].kill()
        time.sleep(0.01)
        return 204


def test_a_frozen_and_a_killed_gateway_lose_nothing_and_repeat_what_was_under_way_alone(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with Market(tmp_path) as market:
        found(market)
        trade(market)
        wanted = [item["id"] for item in whole(market.system.backend(), PARTY, 500)]
    trouble = Trouble(len(PATHS) * len(wanted))
    with copied(postgres) as database, receiving(trouble.answer) as receiver, ExitStack() as running:
        access = as_user(database, GATEWAY)
        store = running.enter_context(closing(open_webhook_store_on(access)))
        author = Author(PARTY, seed_of(PARTY))
        for path in PATHS:
            url = receiver.url(path)
            store.create(Webhook(path, PARTY, author.key_id, url, (), bytes(32), session_time(), ""), 99)
        for number in range(2):
            trouble.gateways.append(running.enter_context(gateway(tmp_path, access)))
            eventually(lambda: bool(receiver.messages), within=60)  # the first holds them, the second waits
            assert len(trouble.gateways) == number + 1
        eventually(lambda: bool(trouble.thawed), within=30)
        assert trouble.thawed - trouble.frozen > LEASE / 2
        for path in PATHS:
            eventually(partial(taken, receiver, path, wanted), within=30)
        eventually(lambda: {each.delivered for each in store.of(PARTY)} == {len(wanted)})
        assert trouble.killed
        for path in PATHS:
            sent = Counter(each.event["id"] for each in receiver.messages if each.path == path)
            assert sum(sent.values()) - len(wanted) <= 2, "one under way when a gateway froze, one when one was killed"


def taken(receiver: Receiver, path: str, wanted: list[str]) -> bool:
    return receiver.accepted(path) == wanted
