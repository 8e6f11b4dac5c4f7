"""The generator of long logs makes real ones, of the length asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.bench.large_log import large_log


def test_a_long_ledger_is_a_real_one(tmp_path: Path) -> None:
    large_log(tmp_path / "home", 4_500, accounts=20)
    report = audit(tmp_path / "home")
    assert report.findings == []
    (ledger,) = [log for log in report.logs if "/ledger/" in log.origin]
    assert abs(ledger.size - 4_500) <= 1
    assert ledger.signatures > 4_400
    assert ledger.state_roots == 2


def test_a_ledger_without_room_for_its_accounts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 48 entries"):
        large_log(tmp_path / "home", 47, accounts=20)
    large_log(tmp_path / "home", 48, accounts=20)
