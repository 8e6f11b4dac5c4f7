"""A market that has traded, with a state root and a snapshot every few entries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.runtime import runner, snapshots
from tests.faults.starts import EVERY, Start, start
from tests.market import Market, found, image, trade


@pytest.fixture(scope="module")
def often() -> Iterator[None]:
    """State roots and snapshots every few entries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "STATE_ROOT_EVERY", EVERY)
        patch.setattr(snapshots, "SNAPSHOT_EVERY", EVERY)
        yield


@pytest.fixture(scope="module")
def traded(often: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market that has traded, as a crash leaves it. Read only."""
    home = tmp_path_factory.mktemp("traded") / "home"
    with Market(home) as market:
        found(market)
        trade(market)
    return home


@pytest.fixture
def home(traded: Path, tmp_path: Path) -> Path:
    """A copy of the traded market."""
    return image(traded, tmp_path / "home")


@pytest.fixture(scope="module")
def whole(traded: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A start of the traded market that folds everything."""
    bare = image(traded, tmp_path_factory.mktemp("bare") / "home")
    for path in (bare / "db").glob("*.snapshot*"):
        path.unlink()
    return start(bare)
