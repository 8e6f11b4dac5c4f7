"""The demo's directory: an instance with keys derived from the seed, and a marker that allows its replacement."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.errors import AlreadyInitialised
from counterfoil.instance import Instance
from counterfoil.key_files import SUFFIX, write_key
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.testbed.seeded_keys import seeded_key

HOST: Final = "demo.counterfoil.example"
OPERATOR: Final = "Market operator (fictional)"
MARKER: Final = "demo.json"


CLOCK: Final = "clock"
"""The file with the demo's time, below its directory."""


def make_instance(home: Path, seed: int) -> Instance:
    """A new instance in `home`, in place of an earlier demo. Raises `AlreadyInitialised`."""
    check_replaceable(home)
    shutil.rmtree(home, ignore_errors=True)
    instance = Instance.create(home, HOST, OPERATOR, lambda name: seeded_key(seed, name), disclosure="public")
    mark(home, seed)
    return instance


def mark(home: Path, seed: int) -> None:
    """Mark the directory as a demo's, so that the next demo may replace it."""
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).write_text(json.dumps({"seed": seed}) + "\n")


def write_keys(home: Path, seed: int, parties: Iterable[str]) -> None:
    """The keys of these parties, each derived from the seed, as files: to act as them in a demo that goes on."""
    for party_id in parties:
        file = home / "keys" / f"{party_id}{SUFFIX}"
        if not file.exists():
            write_key(file, seeded_key(seed, party_id))


def is_demo(instance: Instance) -> bool:
    """Whether the instance's keys follow from a seed, so that everybody can sign for it."""
    return instance.identity.host == HOST or (instance.root / MARKER).exists()


def check_replaceable(home: Path) -> None:
    """Raises `AlreadyInitialised` if `home` has files and is not an earlier demo."""
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise AlreadyInitialised(f"{home} is not empty and not an earlier demo: choose another --home")


def log_keys(seed: int) -> dict[LogId, VerifyKey]:
    """The keys of the demo with this seed, by log."""
    seeds = {log: seeded_key(seed, f"log-{log.stem}") for log in MAIN_LOGS}
    return {log: SigningKey(log.origin(HOST), key).verify_key for log, key in seeds.items()}
