"""A running market is audited and mirrored while it takes commands: no finding is false, and a planted one is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.audited import follow


@pytest.mark.e2e
def test_a_running_market_is_followed_by_auditors(tmp_path: Path) -> None:
    found = follow(tmp_path, seconds=3, rate=100, entries=1_200)  # of four logs, so that tiles are completed meanwhile
    assert found.findings == []
    assert found.planted == ["an audit of the live directory", "a mirror"]
