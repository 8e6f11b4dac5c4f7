"""An environment without settings; and Kafka with users and rights, for the commands that administer it."""

from __future__ import annotations

import pytest

from counterfoil.settings import NAMES
from tests.transport.secured import secured

__all__ = ["secured"]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from the environment of the run."""
    for name in NAMES:
        monkeypatch.delenv(f"COUNTERFOIL_{name.upper()}", raising=False)
