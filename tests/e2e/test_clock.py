"""`counterfoil up` with a clock that is set wrong, or behind, and after an outage: what was decided audits clean."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from counterfoil.contract.services import SERVICES
from tests.e2e.running import STOPS_WITHIN, Shell, eventually, serving
from tests.faults.ticking import TickingClock

pytestmark = pytest.mark.e2e

MINUTES = 60
HOURS = 3_600


class TimedShell(Shell):
    """Its processes go by the clock file beside the instance."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command."""
        return {**super().environment, "COUNTERFOIL_CLOCK": str(self.home.parent / "clock")}

    def waiting(self) -> dict[str, Any]:
        """Which logs decide nothing, with the reason."""
        found: dict[str, Any] = httpx.get(f"{self.url}/healthz", trust_env=False).json()["waiting"]
        return found

    def register(self, name: str) -> None:
        """A command to issuance that must be accepted."""
        self.ok("keys", "new", name)
        self.ok("party", "register", name, "--name", name, "--role", "beneficiary", "--as", "operator")


def test_a_clock_that_is_wrong_and_a_service_that_was_away(tmp_path: Path) -> None:
    shell = TimedShell(tmp_path / "home")
    shell.ok("init", "--host", "clock.example")
    with TickingClock(tmp_path / "clock") as clock:
        with serving(shell) as process:
            shell.register("first")
            clock.set_by(9 * HOURS)
            reasons = eventually(lambda: len(found := shell.waiting()) == 4 and found)
            assert {each["code"] for each in reasons.values()} == {"clock_apart"}
            assert shell.run("clock", "status").code == 1
            clock.set_by(-9 * HOURS)
            eventually(lambda: not shell.waiting())
            shell.register("second")  # neither expired, nor from the future
            process.kill()
            process.wait(STOPS_WITHIN)
        clock.move_on(10 * MINUTES)
        with serving(shell) as process:
            shell.register("third")
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOPS_WITHIN) == 0
        clock.set_by(-5 * MINUTES)
        with serving(shell) as process:
            assert "later" in eventually(lambda: shell.waiting().get("ledger"))["text"]
            assert [each["log"] for each in shell.ok("clock", "accept")["accepted"]] == list(SERVICES)
            eventually(lambda: not shell.waiting())
            shell.register("fourth")
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOPS_WITHIN) == 0
    report = shell.ok("audit", shell.home)
    assert report["clean"], json.dumps(report["findings"])
    assert [[each["seconds"] // MINUTES for each in log["outages"]] for log in report["logs"]] == [[10]] * 4
