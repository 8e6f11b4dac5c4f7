"""A running market is audited and mirrored while it takes commands: no finding is false, and a planted one is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.audited import follow


@pytest.mark.e2e
def test_a_running_market_is_followed_by_auditors(tmp_path: Path) -> None:
    found = follow(tmp_path, seconds=6, rate=100)
    assert found.findings == []
    assert found.audits > 4
    assert found.sizes[-1] - found.sizes[0] > 256, "tiles were completed meanwhile"
    assert found.planted == ["an audit of the live directory", "a mirror"]
