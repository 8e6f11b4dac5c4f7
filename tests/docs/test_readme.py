"""Everything that the README shows runs as it stands, and what it promises about `make` is what the Makefile does."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)

WITHIN = 200
"""Seconds for a block, on a machine that is busy with other tests."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(script: str, folder: Path) -> None:
    """Run a block as a reader would type it, on a port of its own; whatever it leaves running is ended."""
    address = f"127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COUNTERFOIL_LISTEN": address,
        "COUNTERFOIL_URL": f"http://{address}",
    }
    command = ["bash", "-euo", "pipefail", "-c", script]
    shell = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = shell.communicate(timeout=WITHIN)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        if "cluster up" in script:  # its servers outlive the shell
            down = ("counterfoil", "cluster", "down")
            subprocess.run(down, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False)
    assert shell.returncode == 0, output[-4_000:]


def test_there_is_something_to_run() -> None:
    assert len(BLOCKS) == 4
    assert "make demo" in BLOCKS[0]


@pytest.mark.timeout(WITHIN + 40)
@pytest.mark.parametrize("block", BLOCKS[1:], ids=["demo and audit", "a market by hand", "as services"])
def test_a_block_runs(block: str, tmp_path: Path) -> None:
    run(block, tmp_path)


def test_the_two_commands_are_what_the_makefile_does() -> None:
    def recipe(target: str) -> str:
        shown = subprocess.run(
            ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        )
        return shown.stdout

    assert "counterfoil demo" in recipe("demo")
    assert "counterfoil demo --distributed" in recipe("demo-distributed")
    assert "pytest" in recipe("test")
    assert "make test" in (ROOT / ".ci" / "run").read_text()
