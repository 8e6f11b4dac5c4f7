"""Everything that the README shows runs as it stands, and what it promises about `make` is what the Makefile does."""

from __future__ import annotations

import json
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


def blocks(page: str) -> list[str]:
    """The commands that a page shows."""
    return re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


BLOCKS = blocks((ROOT / "README.md").read_text())

MICRO = 1_000_000
WITHIN = 200
"""Seconds for a block, on a machine that is busy with other tests."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(script: str, folder: Path) -> str:
    """Run a block as a reader would type it, on a port of its own, and return what it printed; whatever it leaves
    running is ended.
    """
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
    return output


def test_there_is_something_to_run() -> None:
    assert len(BLOCKS) == 4
    assert "make demo" in BLOCKS[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the block of the demo and its audits printed, and the demo's directory."""
    folder = tmp_path_factory.mktemp("demo")
    return run(BLOCKS[1], folder), folder / "var" / "demo"


@pytest.mark.timeout(WITHIN + 40)
def test_the_demo_ends_with_where_everything_is(demo: tuple[str, Path]) -> None:
    output, home = demo
    (last,) = [line for line in output.splitlines() if line.startswith("everything is in ")]
    assert last == "everything is in var/demo; served, everybody may read all of it (disclosure: public)"
    left = {each.name for each in home.iterdir()}
    assert left >= {"demo.json", "logs", "report.json"}
    assert any((home / "db").iterdir())


@pytest.mark.timeout(WITHIN + 40)
def test_the_figures_of_the_demo_are_believable(demo: tuple[str, Path]) -> None:
    """Vouchers worth what cities grant, used in part, few defaults, and better cards that cost more."""
    output, home = demo
    report = json.loads((home / "report.json").read_text())
    cities = report["cities"].values()
    assert len(cities) == 17
    for city in cities:
        assert f"\n{city['name']} " in output
        assert 1_000_000 <= int(city["issued"]) / MICRO / city["vouchers"] <= 2_000_000, city
        assert int(city["redeemed"]) > 0, city
    assert 150 < report["demand"]["start_ups"] < 250
    granted, redeemed, expired, budget = (
        sum(int(city[name]) for city in cities) for name in ("issued", "redeemed", "expired", "appropriated")
    )
    assert budget / 3 < granted < budget
    assert {city["pays"] for city in cities} == {"bids", "claims"}
    assert granted / 6 < redeemed < granted
    assert 0 < expired < granted / 6
    contracts = report["contracts"]
    assert 0 < contracts["defaulted"] < sum(contracts.values()) / 25
    averages = {name: int(row["average_price"]) for name, row in report["classes"].items()}
    assert averages["ascend-910b"] < averages["a100"] < averages["h800"]
    for row in report["classes"].values():
        assert int(row["lowest_price"]) <= int(row["average_price"]) <= int(row["highest_price"])
    assert "no public price of the Ascend 910B was found" in output


@pytest.mark.timeout(WITHIN + 40)
def test_a_programme_runs_from_its_budget_to_its_closing(tmp_path: Path) -> None:
    """Every command of the page for issuers, in one shell, as a reader follows it."""
    page = (ROOT / "docs" / "running-a-programme.md").read_text()
    output = run("".join(blocks(page)), tmp_path)
    assert "20 % of 300,000 = 60,000 (tier contract)" in output
    assert re.search(r"^harbourton-2026 +closed .* 52,000.00 USD .* 1,948,000.00 USD", output, re.MULTILINE)
    assert "clean: everything was checked, nothing was found" in output
    assert "0 alerts" in output


@pytest.mark.timeout(WITHIN + 40)
@pytest.mark.parametrize("block", BLOCKS[2:], ids=["a market by hand", "as services"])
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
