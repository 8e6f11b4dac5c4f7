"""Logs to report on: a small story whose figures are known, and the golden logs, which have every kind of entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.reports.folding import Folded, fold
from tests.audit.conftest import published


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of the story of `tests.market`. Read only."""
    return published(tmp_path_factory.mktemp("reported") / "home", 0)


@pytest.fixture(scope="session")
def story(played: Path) -> Folded:
    """What reports have of them. Read only."""
    return fold(played)
