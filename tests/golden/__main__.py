"""Makes golden logs: ``python -m tests.golden``, below tests/golden, for every case that has none yet.

What is there is never written again. A version of the rules that a release has brought stays as it is, and so do its
logs; a new version gets logs of its own, and a case in `CASES`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, TileRef
from tests.golden.cases import CASES, FOLDER, size_of
from tests.golden.story import play
from tests.golden.world import GoldenWorld


def make(case: str, to: Path) -> None:
    """Play a case and keep the files that its last checkpoint needs. Raises FileExistsError."""
    first, then = CASES[case]
    with TemporaryDirectory() as home:
        world = GoldenWorld(Path(home) / "home", first)
        play(world, then)
        for log in sorted((world.home / "logs").glob("*/*")):
            _copy(log, to / log.relative_to(world.home / "logs"))


def _copy(log: Path, to: Path) -> None:
    to.mkdir(parents=True)
    for name in ("vkey", "checkpoint"):
        shutil.copyfile(log / name, to / name)
    size, level = size_of((log / "checkpoint").read_bytes()), 0
    for ref in _tiles(ENTRIES, size):
        _copy_file(log, to, ref)
    while size:
        for ref in _tiles(level, size):
            _copy_file(log, to, ref)
        size, level = size // TILE_WIDTH, level + 1


def _tiles(level: int, count: int) -> list[TileRef]:
    whole, rest = divmod(count, TILE_WIDTH)
    full = [TileRef(level, index, TILE_WIDTH) for index in range(whole)]
    return [*full, TileRef(level, whole, rest)] if rest else full


def _copy_file(log: Path, to: Path, ref: TileRef) -> None:
    path = ref.path()
    (to / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(log / path, to / path)


if __name__ == "__main__":
    for name in CASES:
        if not (FOLDER / name).exists():
            make(name, FOLDER / name)
            sys.stdout.write(f"{FOLDER / name}: made\n")
