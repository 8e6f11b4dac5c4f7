"""Published logs of a played market, for tests to copy and tamper with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from counterfoil.audit import shares
from tests.market import Market, play


def published(home: Path, crowd: int) -> Path:
    """The logs of a story played to its end."""
    market = Market(home)
    try:
        play(market, crowd)
    finally:
        market.system.close()
    return home / "logs"


def divide(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Audits are divided among so many processes, however short the logs are."""
    monkeypatch.setattr(shares, "cores", lambda: most)
    monkeypatch.setattr(shares, "_SMALLEST", 0)
    monkeypatch.setattr(shares, "_LARGEST", (1, 1))


@pytest.fixture(scope="session")
def small_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few dozen entries a log, every kind of entry among them. Read only."""
    return published(tmp_path_factory.mktemp("small") / "home", 0)


@pytest.fixture(scope="session")
def large_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than 256 entries a log, so that there are full tiles and a second level. Read only."""
    return published(tmp_path_factory.mktemp("large") / "home", 130)


@pytest.fixture
def small(small_logs: Path, tmp_path: Path) -> Path:
    """A copy of the small logs."""
    return Path(shutil.copytree(small_logs, tmp_path / "small" / "logs"))


@pytest.fixture
def large(large_logs: Path, tmp_path: Path) -> Path:
    """A copy of the large logs."""
    return Path(shutil.copytree(large_logs, tmp_path / "large" / "logs"))
