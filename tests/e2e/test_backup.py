"""The drill: a market is backed up under load, destroyed, restored; who met its logs goes on, or finds a rollback."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from counterfoil.client.http import Gateway
from counterfoil.client.problems import RefusedByService, Unreachable
from tests.e2e.founding import found_a_market, trade
from tests.e2e.running import Shell, eventually, serving
from tests.histories import Crowd

pytestmark = pytest.mark.e2e

CLIENTS = 8
PAUSE = 0.02  # seconds between two commands of a client


@contextmanager
def under_load(url: str, crowd: Crowd) -> Iterator[list[int]]:
    """Clients that send until the block ends; yields the indexes of what was answered meanwhile."""
    stop, answered = Event(), list[int]()

    def client(seed: int) -> None:
        rng = random.Random(seed)
        with Gateway(url, pauses=()) as gateway:
            while not stop.is_set():
                try:
                    answered.append(gateway.submit(crowd.command(rng))["index"])
                except RefusedByService:
                    pass
                except Unreachable:
                    return
                time.sleep(PAUSE)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for seed in range(CLIENTS):
            pool.submit(client, seed)
        try:
            yield answered
        finally:
            stop.set()


def test_backed_up_under_load_destroyed_and_restored(tmp_path: Path) -> None:
    shell, keys = Shell(tmp_path / "home"), tmp_path / "client"
    mirror, early, late = tmp_path / "mirror", tmp_path / "early", tmp_path / "late"
    deposit = (
        "balance",
        "deposit",
        "acme",
        "--amount",
        "1",
        "--currency",
        "USD",
        "--as",
        "treasury",
        "--keys",
        keys,
        "--reference",
    )
    shell.ok("init", "--host", "market.example")
    with serving(shell) as process:
        found_a_market(shell, tmp_path)
        trade(shell)
        shutil.copytree(shell.home / "keys", keys)
        with under_load(shell.url, Crowd(shell.home)) as answered:
            eventually(lambda: len(answered) > 50)
            made = shell.ok("backup", early)
            before = len(answered)
            eventually(lambda: len(answered) > before + 50)
        shell.ok(*deposit, "MET-1")  # a client that keeps the checkpoints it met
        process.kill()
    shell.ok("backup", late)  # of what was committed when it was killed
    shutil.copytree(shell.home / "logs", mirror)
    shutil.rmtree(shell.home)

    refused = shell.run("restore", early, "--published", mirror, "--json")
    assert refused.code == 2
    assert "the backup has" in refused.error["meaning"]
    assert "--roll-back" in refused.error["meaning"]
    assert not shell.home.exists()
    assert shell.ok("restore", late, "--published", mirror)["entries"]["ledger/main"] > made["entries"]["ledger/main"]
    with serving(shell):
        shell.ok(*deposit, "MET-2")
    assert shell.ok("audit", shell.home)["clean"]
    assert shell.run("restore", late, "--json").code == 2  # nothing is written over

    rolled = Shell(tmp_path / "rolled")
    rolled.ok("restore", early, "--published", mirror, "--roll-back")
    with serving(rolled):
        found = rolled.run(*deposit, "MET-3", "--json")
    assert found.code != 0
    assert rolled.run("audit", rolled.home, "--json").code == 0  # as a history of its own it is sound: others tell
    assert (found.code, found.error["code"]) in {(1, "not_proven"), (4, "rollback_detected")}, found.err
