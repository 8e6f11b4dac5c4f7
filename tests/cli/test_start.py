"""What a command imports: its start is felt, so a typical one pays for its own service and no server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from counterfoil.catalogue import CATALOGUE
from counterfoil.cli.late_views import SERVICE_OF
from tests.e2e.running import Shell

SERVERS = (
    "alembic", "anyio._backends", "asyncio", "click", "counterfoil.audit", "counterfoil.bootstrap",
    "counterfoil.gateway", "counterfoil.ops", "counterfoil.storage", "counterfoil.transport",
    "cryptography", "fastapi", "httpx._main",
    "prometheus_client", "pygments", "pythonjsonlogger", "rich.progress", "rich.traceback", "sqlalchemy", "starlette",
    "uvicorn", "uvloop",
)  # fmt: skip
"""What no typical command needs."""
RUN = """\
import sys
from counterfoil.cli.main import app
try:
    app()
except SystemExit:
    pass
print(*sorted(sys.modules), sep="\\n")
"""
TYPICAL = {
    "party list": ("counterfoil.redemption.views", "counterfoil.redemption.events", "counterfoil.ledger.views"),
    "balance show acme": ("counterfoil.redemption.views", "counterfoil.issuance.views", "counterfoil.matching.views"),
    "bid list": ("counterfoil.redemption.views", "counterfoil.issuance.views", "counterfoil.ledger.views"),
    "claim list": ("counterfoil.matching.views", "counterfoil.issuance.views", "counterfoil.ledger.views"),
}


@pytest.mark.parametrize("words", TYPICAL)
def test_a_typical_command_imports_its_own_service_and_no_server(tmp_path: Path, words: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *words.split(), "--json"],
        env={**Shell(tmp_path).environment, "COUNTERFOIL_URL": "http://[::1]:1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert '"unreachable"' in ran.stderr  # it went as far as its request
    unwanted = {
        name
        for name in ran.stdout.splitlines()
        for each in (*SERVERS, *TYPICAL[words])
        if name == each or name.startswith(f"{each}.")
    }
    assert unwanted <= {"httpx._main"}  # an entry that says: not to be imported


def test_each_view_is_imported_from_its_service() -> None:
    assert {view.name: name for name, service in CATALOGUE.items() for view in service.views} == SERVICE_OF
