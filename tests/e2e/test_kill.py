"""Kills at random times: acknowledged commands stay, others can be repeated, and the logs audit clean.

`COUNTERFOIL_KILL_SEED=N` repeats the commands and kill times of a failed run, but not the order of its threads.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sqlite3
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterfoil.client.http import Gateway
from counterfoil.client.problems import RefusedByService, Unreachable
from counterfoil.client.verify import parse_vkeys, verify_answer
from counterfoil.contract.entry import CommandCause
from counterfoil.contract.log_id import log_of
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.services import SERVICES
from counterfoil.log.checkpoint import Checkpoint
from counterfoil.log.tiles import TILE_WIDTH, bundle_path, tile_path
from counterfoil.log.verify import TileTree, open_checkpoint
from counterfoil.vocabulary import CODEC
from tests.e2e.founding import found_a_market, trade
from tests.e2e.running import STOPS_WITHIN, Shell, serving
from tests.histories import Crowd

pytestmark = pytest.mark.e2e

KILLS = 3
CLIENTS = 16
KILLED_AFTER = (0.3, 1.5)  # seconds under load
PAUSE = 0.04  # longest pause of a client in seconds, for a few hundred commands a second in all
LEAVES = 0.1  # the share of commands sent without waiting for the receipt
COMMANDS_EACH = 100  # of one client between two kills
WEIGHTS = {"deposit": 4, "withdraw": 3, "offer": 3, "bid": 4, "cancel": 1}

Receipt = dict[str, Any]


@dataclass
class Sent:
    """A command that was sent: its bytes, its service, and its receipt once there is one, also of a refusal."""

    envelope: bytes
    service: str
    id: str
    payload: bytes
    receipt: Receipt | None = None

    @classmethod
    def of(cls, envelope: bytes) -> Sent:
        """A command that is about to be sent."""
        decoded = CODEC.decode_envelope(envelope)
        header = decoded.header
        return cls(envelope, log_of(header.aud).service, f"{header.actor}/{header.command_id}", decoded.payload)

    def submit(self, gateway: Gateway) -> None:
        """Send it, and keep the receipt. Raises `Unreachable`."""
        try:
            self.receipt = gateway.submit(self.envelope)
        except RefusedByService as refused:
            self.receipt = dict(refused.receipt or {"refused": refused.code})
        assert "entry" in self.receipt, self.receipt

    def leave(self, client: httpx.Client) -> None:
        """Send it and do not wait for the decision. Raises `httpx.TransportError`."""
        answer = client.post("/v1/commands", content=self.envelope, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202, answer.text


def load(url: str, crowd: Crowd, rng: random.Random, process: subprocess.Popen[str]) -> list[Sent]:
    """Run `CLIENTS` clients until the process is killed; returns what they sent, the last of each unanswered."""

    def client(seed: int) -> list[Sent]:
        own, sent = random.Random(seed), []
        with Gateway(url, pauses=()) as gateway, httpx.Client(base_url=url, trust_env=False, verify=False) as hasty:
            for _ in range(COMMANDS_EACH):
                sent.append(Sent.of(crowd.command(own)))
                try:
                    if own.random() < LEAVES:
                        sent[-1].leave(hasty)
                    else:
                        sent[-1].submit(gateway)
                except (Unreachable, httpx.TransportError):
                    break
                time.sleep(own.uniform(0, PAUSE))
        return sent

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, rng.getrandbits(64)) for _ in range(CLIENTS)]
        time.sleep(rng.uniform(*KILLED_AFTER))
        process.kill()
        return [each for future in clients for each in future.result()]


def committed(home: Path) -> dict[str, list[bytes]]:
    """Every log's entries as the services committed them."""
    found = {}
    for service in SERVICES:
        with closing(sqlite3.connect(f"file:{home}/db/{service}.sqlite?mode=ro", uri=True)) as database:
            rows = database.execute('SELECT "index", data FROM entries ORDER BY "index"').fetchall()
        assert [index for index, _ in rows] == list(range(len(rows)))
        found[service] = [data for _, data in rows]
    return found


def published(home: Path, service: str, head: Checkpoint, tree: TileTree) -> list[bytes]:
    """A log's published entries, each verified under the checkpoint."""
    entries: list[bytes] = []
    for number in range(-(-head.size // TILE_WIDTH)):
        width = min(TILE_WIDTH, head.size - number * TILE_WIDTH)
        entries += tree.entries(number, (home / "logs" / service / "main" / bundle_path(number, width)).read_bytes())
    return entries


def check_each_once(sent: list[Sent], logs: Mapping[str, list[bytes]]) -> list[Sent]:
    """Each command with a receipt is one entry of its log: at the receipt's index, with the receipt's bytes.

    Returns the decided commands that have no receipt.
    """
    places: dict[tuple[str, bytes], list[int]] = defaultdict(list)
    for service, entries in logs.items():
        for index, data in enumerate(entries):
            cause = CODEC.decode_entry(data).cause
            if isinstance(cause, CommandCause):
                places[service, cause.payload].append(index)
    for each in sent:
        where = places[each.service, each.payload]
        if each.receipt is None:
            assert len(where) <= 1, (each.id, where)
        else:
            assert where == [each.receipt["index"]], (each.id, where, each.receipt["index"])
            assert logs[each.service][where[0]] == decode_base64(each.receipt["entry"]), each.id
    return [each for each in sent if each.receipt is None and places[each.service, each.payload]]


def repeat(url: str, unanswered: list[Sent]) -> None:
    """Send each unacknowledged command twice more; both answers must be the same entry."""
    with Gateway(url) as gateway:
        for each in unanswered:
            each.submit(gateway)
            first = each.receipt
            each.submit(gateway)
            assert first is not None
            assert each.receipt is not None
            assert (first["index"], first["entry"]) == (each.receipt["index"], each.receipt["entry"])
            each.receipt = first


def check_offline(home: Path, sent: list[Sent]) -> None:
    """All receipts, old and new, prove their commands and belong to the published history."""
    keys, logs = parse_vkeys((home / "vkeys").read_text()), {}
    trees: dict[str, TileTree] = {}
    for origin, key in keys.items():
        service = log_of(origin).service
        folder = home / "logs" / service / "main"

        def read_tile(level: int, index: int, width: int, folder: Path = folder) -> bytes:
            return (folder / tile_path(level, index, width)).read_bytes()

        head = open_checkpoint((folder / "checkpoint").read_bytes(), [key])
        trees[origin] = TileTree(head, read_tile)
        logs[service] = published(home, service, head, trees[origin])
    checkpoints = {}
    for each in sent:
        assert each.receipt is not None
        origin = each.receipt["origin"]
        proven = verify_answer(each.receipt, keys[origin], each.envelope)
        assert (proven.entry.id, proven.entry.index) == (each.id, each.receipt["index"])
        checkpoints[origin, proven.checkpoint.size, proven.checkpoint.root] = proven.checkpoint
    for (origin, _, _), checkpoint in checkpoints.items():
        trees[origin].check_prefix(checkpoint)
    assert len(checkpoints) > KILLS
    check_each_once(sent, logs)


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    seed = int(os.environ.get("COUNTERFOIL_KILL_SEED") or secrets.randbits(32))
    print(f"COUNTERFOIL_KILL_SEED={seed}")  # noqa: T201 shown when the test fails
    rng, shell, sent = random.Random(seed), Shell(tmp_path / "home"), []
    shell.ok("init", "--host", "market.example")
    with serving(shell) as process:
        found_a_market(shell, tmp_path)
        trade(shell)
        crowd = Crowd(shell.home, WEIGHTS)
        sent += load(shell.url, crowd, rng, process)
    for kill in range(1, KILLS + 1):
        with serving(shell) as process:
            decided = check_each_once(sent, committed(shell.home))
            unanswered = [each for each in sent if each.receipt is None]
            print(f"kill {kill}: {len(sent)} sent, {len(unanswered)} open, {len(decided)} of them decided")  # noqa: T201
            assert len(unanswered) > len(decided) > 0
            repeat(shell.url, unanswered)
            check_each_once(sent, committed(shell.home))
            if kill < KILLS:
                sent += load(shell.url, crowd, rng, process)
                continue
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOPS_WITHIN) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
    outcomes = {(each.service, "refused" in (each.receipt or {})["outcomes"][0]) for each in sent}
    assert outcomes == {(service, refused) for service in ("ledger", "matching") for refused in (True, False)}
    assert shell.ok("audit", shell.home, "--vkeys", shell.home / "vkeys")["clean"]
    check_offline(shell.home, sent)
