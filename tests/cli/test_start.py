"""What a command imports: its start is felt, so a typical one pays for its own service and no server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pytest

from counterfoil.catalogue import CATALOGUE, VIEWS
from counterfoil.cli import late_views
from counterfoil.cli.late import COMMANDS, all_commands
from tests.cli.make_views import described
from tests.e2e.running import Shell

NEVER = (
    "alembic", "anyio", "asyncio", "certifi", "click", "counterfoil.audit", "counterfoil.bootstrap",
    "counterfoil.core.decider", "counterfoil.core.lookalikes", "counterfoil.gateway", "counterfoil.ops",
    "counterfoil.storage", "counterfoil.transport", "email", "fastapi", "http.client", "httpcore",
    "httpx", "prometheus_client", "pydantic", "pydantic_core", "pygments",
    "pythonjsonlogger", "rich.progress", "rich.traceback", "sqlalchemy", "starlette",
    "ssl", "tomllib", "urllib.request", "uvicorn", "uvloop",
)  # fmt: skip
"""What no typical command needs."""
HARMLESS = {"httpx._main", "counterfoil.gateway", "counterfoil.gateway.bounds"}
"""A name that is not to be imported, and constants that help texts name."""
WORDS = ("counterfoil.contract.codec", "counterfoil.vocabulary", "cryptography", "counterfoil.client.author")
"""What only a command needs that signs, or that reads entries."""
VIEWS_OF = tuple(f"counterfoil.{service}.views" for service in CATALOGUE)
SERVICES = tuple(f"counterfoil.{service}" for service in CATALOGUE)
RUN = """\
import sys
from counterfoil.cli.main import app
try:
    app()
except SystemExit:
    pass
print("modules:", *sorted(sys.modules), sep="\\n")
"""
READING = (
    *WORDS, *SERVICES, "counterfoil.contract.record", "counterfoil.core", "counterfoil.log", "counterfoil.ports",
    "counterfoil.programme", "msgspec", "nacl", "rich",
)  # fmt: skip
"""What a command that only reads does without, too."""
SIGNING = (
    "counterfoil.matching.auction_events",
    "counterfoil.ports",
    "secrets",
    "counterfoil.vocabulary",
    "cryptography",
    "rich",
)
"""What a command does without that signs; the words of its own service are enough."""
TYPICAL = {
    "--version": (*READING, "socket"),
    "party list --json": READING,
    "balance show acme --json": (*(set(READING) - {"counterfoil.ledger"}), "counterfoil.ledger.events"),
    "offer list --json": READING,
    "offer show off-7-0 --json": READING,
    "claim list --json": READING,
    "programme list --json": READING,
    "programme show p --json": READING,
    "voucher issue --programme p --beneficiary acme --amount 1 --as acme --json": (
        *VIEWS_OF, *(set(SERVICES) - {"counterfoil.issuance", "counterfoil.ledger"}), *SIGNING,
    ),
    "offer cancel off-7-0 --as acme --json": (*VIEWS_OF, *(set(SERVICES) - {"counterfoil.matching"}), *SIGNING),
}  # fmt: skip
"""Commands, and what of all that is not their own they need not."""


def modules(environment: Mapping[str, str], words: str) -> tuple[set[str], str]:
    """What a command imported, and what it said on standard error."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *words.split()],
        env={**environment, "COUNTERFOIL_URL": "http://[::1]:1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ran.stdout.partition("modules:")[2].split()), ran.stderr


def among(found: Collection[str], unwanted: Sequence[str]) -> set[str]:
    """Which are unwanted, or below what is."""
    return {name for name in found for each in unwanted if name == each or name.startswith(f"{each}.")}


@pytest.mark.parametrize("words", TYPICAL)
def test_a_typical_command_imports_its_own_service_and_no_server(tmp_path: Path, words: str) -> None:
    shell = Shell(tmp_path)
    shell.ok("keys", "new", "acme")
    found, said = modules(shell.environment, words)
    assert '"unreachable"' in said or words == "--version", said  # it went as far as its request
    assert among(found, (*NEVER, *TYPICAL[words])) <= HARMLESS


def test_the_help_of_all_commands_imports_none_of_them(tmp_path: Path) -> None:
    found, _ = modules(Shell(tmp_path).environment, "--help")
    own = {f"counterfoil.cli.{each}" for each in ("command_tree", "failures", "late", "main", "parameters", "root")}
    assert {name for name in found if name.startswith("counterfoil.cli.")} <= own


def test_the_help_of_all_commands_is_theirs() -> None:
    own = {name: (each.help or "").partition("\n\n")[0] for name, each in all_commands().items()}
    assert own == {name: each.help for name, each in COMMANDS.items()}


def test_the_views_of_the_command_line_are_those_of_the_catalogue() -> None:
    assert late_views.FILE.read_text() == described()  # `make schemas` writes it
    assert {name: view.key for name, view in late_views.VIEWS.items()} == {view.name: view.key for view in VIEWS}
