"""One seed gives one history: the same roots and states in every process, with any hash seed, and after a restart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.demo.story import thinned

ROOT = Path(__file__).parents[2]
EVERY = 8  # one in this many of the sample's nodes and tasks


def play(home: Path, seed: int, hash_seed: str) -> Any:
    """The figures of one run in its own process."""
    nodes, pods = thinned(home / "in", EVERY, EVERY)
    done = subprocess.run(
        [sys.executable, "-m", "tests.audit.play_demo", str(home / "demo"), str(seed), str(nodes), str(pods)],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return play(tmp_path_factory.mktemp("first"), 7, "0")


def test_the_demo_has_many_events_of_each_kind(first: Any) -> None:
    assert first["clean"]
    assert all(count > 40 for count in first["events"].values()), first["events"]


def test_the_same_seed_gives_the_same_history(first: Any, tmp_path: Path) -> None:
    assert play(tmp_path, 7, "4242") == first


def test_another_seed_gives_another_history(first: Any, tmp_path: Path) -> None:
    other = play(tmp_path, 8, "0")
    assert other["clean"]
    for service, root in first["roots"].items():
        assert other["roots"][service] != root


def test_recovered_replayed_and_lived_state_are_the_same(first: Any) -> None:
    assert first["recovered"] == first["replayed"]
    assert {service: root for service, (root, _) in first["recovered"].items()} == first["roots"]
