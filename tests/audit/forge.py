"""A dishonest operator: edits entries and publishes the log again, signed with the log's own key."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson

from counterfoil.contract.canonical import canonical
from counterfoil.contract.times import format_time, parse_time
from counterfoil.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.note import parse_note
from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, bundle_path, decode_bundle, encode_bundle, tiles_for
from counterfoil.log.tree import Tree
from tests.market import HOST, seed_of

Json = dict[str, Any]


class Forgery:
    """One published log: its entries as editable JSON, and `seal` to publish them."""

    def __init__(self, logs: Path, service: str) -> None:
        self.root = logs / service / "main"
        self.key = SigningKey(f"{HOST}/{service}/main", seed_of(f"log-{service}"))
        size = parse_checkpoint(parse_note((self.root / "checkpoint").read_bytes()).text).size
        self.entries: list[Json] = [orjson.loads(data) for data in read_entries(self.root, size)]

    def find(self, event: str, nth: int = 0) -> int:
        """The index of the nth entry with an event of this type, such as ``trade.matched.v1``."""
        return self.where(lambda entry: any(each["type"] == event for each in entry["data"]["events"]))[nth]

    def where(self, wanted: Callable[[Json], bool]) -> list[int]:
        """The indexes of the entries for which `wanted` holds."""
        return [index for index, entry in enumerate(self.entries) if wanted(entry)]

    def caused_by(self, kind: str) -> list[int]:
        """The indexes of the entries with a cause of this kind."""
        return self.where(lambda entry: kind in entry["data"]["cause"])

    def event(self, index: int, nth: int = 0) -> Json:
        """The nth event of an entry."""
        found: Json = self.entries[index]["data"]["events"][nth]
        return found

    def renumber(self) -> None:
        """Give every entry its index, and a time after the entry before."""
        last = 0
        for index, entry in enumerate(self.entries):
            entry["data"]["index"], entry["sequence"] = index, f"{index:020d}"
            if entry["id"].startswith("timer/"):
                entry["id"] = f"timer/{index}"
            last = max(last + 1, parse_time(entry["time"]))
            entry["time"] = format_time(last)

    def seal(self) -> None:
        """Publish the entries as they are now."""
        publish(self.root, self.key, [canonical(entry) for entry in self.entries])


def read_entries(root: Path, size: int) -> list[bytes]:
    """The entries of a published log of this size."""
    entries: list[bytes] = []
    for index in range((size + TILE_WIDTH - 1) // TILE_WIDTH):
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        entries += decode_bundle((root / bundle_path(index, width)).read_bytes(), width)
    return entries


def publish(root: Path, key: SigningKey, entries: Sequence[bytes]) -> None:
    """Publish a whole log whose files are valid, whatever its entries contain."""
    shutil.rmtree(root / "tile", ignore_errors=True)
    tree = Tree(lambda _level, _index: b"")
    tree.append([leaf_hash(entry) for entry in entries])
    for ref in tiles_for(0, len(entries)):
        first = ref.index * TILE_WIDTH
        path = root / ref.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        if ref.level == ENTRIES:
            path.write_bytes(encode_bundle(entries[first : first + ref.width]))
        else:
            path.write_bytes(tree.tile(ref.level, ref.index, ref.width))
    (root / "vkey").write_text(f"{key.verify_key.vkey()}\n")
    (root / "checkpoint").write_bytes(sign_checkpoint(Checkpoint(key.name, len(entries), tree.root()), key))


def scalars(value: Any) -> Iterable[tuple[Any, Any]]:
    """Every (container, key) below a JSON value whose item is not a container."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        if isinstance(each, (dict, list)):
            yield from scalars(each)
        else:
            yield value, key


def other_value(value: Any, rng: Random) -> Any:
    """Another value, mostly of the same kind."""
    if rng.random() < 0.2:
        return rng.choice([None, [], {}, "", 0, -1, 2**53 - 1, True, "x" * 70, "\u0000", [[]], {"a": 1}])
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int):
        return value + rng.choice([-1, 1, 1_000])
    at = rng.randrange(len(value)) if value else 0
    new = rng.choice("0123456789abcdefZ=")
    return value[:at] + (new if value[at : at + 1] != new else "Q") + value[at + 1 :]
