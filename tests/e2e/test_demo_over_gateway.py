"""The demo's story over a gateway, with the services in another process: the same end as in one process, and clean."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.demo.world import START
from counterfoil.runtime.clock import FileClock
from tests.demo.story import options
from tests.e2e.running import Shell, serving

pytestmark = pytest.mark.e2e

SEED = "3"
TIMING = ("audit", "logs", "speed")
"""The members of a report that may depend on speed, batches and the order between services; no other may."""


class Prepared(Shell):
    """A shell on a prepared demo, whose services use its clock."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment with the clock's setting."""
        return {**super().environment, "COUNTERFOIL_CLOCK": str(self.home / "clock")}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("demo")
    prepared = Prepared(folder / "home")
    found = prepared.ok("demo", "--prepare", "--home", prepared.home, "--seed", SEED)
    assert found["clock"] == str(prepared.home / "clock")
    with serving(prepared):
        yield prepared


def story(shell: Shell) -> list[str]:
    return options(shell.home.parent / "in")


def over_gateway(shell: Shell, *words: str) -> subprocess.CompletedProcess[str]:
    """In a separate process, because it follows the logs on a thread until it ends."""
    command = [sys.executable, "-m", "counterfoil", "demo", "--gateway", shell.url, "--home", str(shell.home), "--json"]
    streams: dict[str, Any] = {"capture_output": True, "text": True}
    return subprocess.run([*command, *words], env=shell.environment, check=False, timeout=100, **streams)


def refusal(ran: subprocess.CompletedProcess[str]) -> str:
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    error: dict[str, str] = json.loads(ran.stderr)["error"]
    assert error["code"] == "cannot_run"
    return error["meaning"]


def test_a_demo_of_another_seed_is_refused_and_leaves_no_trace(shell: Prepared) -> None:
    assert "not prepared with this seed" in refusal(over_gateway(shell, "--seed", "4"))
    with FileClock(shell.home / "clock") as clock:
        assert clock.now() == START


@pytest.fixture(scope="module")
def report(shell: Prepared) -> Any:
    ran = over_gateway(shell, "--seed", SEED, *story(shell))
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_it_ends_as_in_one_process(shell: Prepared, report: Any, tmp_path: Path) -> None:
    embedded = Shell(tmp_path).ok("demo", "--home", tmp_path / "home", "--seed", SEED, *story(shell))
    assert report["balances"]["sha256"] == embedded["balances"]["sha256"]
    assert {name: part for name, part in report.items() if name not in TIMING} == {
        name: part for name, part in embedded.items() if name not in TIMING
    }
    assert min(report["contracts"][end] for end in ("completed", "defaulted")) > 0
    assert report["commands"]["refused"]["bad_signature"]  # at intake
    assert report["commands"]["refused"].keys() & {"duties_not_separate", "exceeds_available"}  # in an entry
    assert report["commands"]["repeats_with_the_same_receipt"]


def test_everything_that_was_published_was_fetched_and_is_clean(shell: Prepared, report: Any) -> None:
    assert report["audit"]["clean"], report["audit"]["findings"]
    assert json.loads((shell.home / "report.json").read_text()) == report
    for service, log in report["logs"].items():
        mirrored = shell.home / "mirror" / service / "main" / "checkpoint"
        assert mirrored.read_text().splitlines()[1] == str(log["entries"])
        assert not any(report["audit"]["logs"][0]["waiting"].values())
    audited = shell.ok("audit", shell.home / "mirror", "--vkeys", shell.home / "vkeys", "--twin")
    assert audited["clean"]


@pytest.mark.usefixtures("report")
def test_a_market_is_played_once(shell: Prepared) -> None:
    assert "played before" in refusal(over_gateway(shell, "--seed", SEED))


def test_services_that_go_by_another_clock_are_refused(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    shell.ok("demo", "--prepare", "--home", shell.home, "--seed", SEED)
    with serving(shell):
        assert "COUNTERFOIL_CLOCK" in refusal(over_gateway(shell, "--seed", SEED))


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter").write_text("mine")
    for words, why in [
        (("--prepare", "--gateway", "http://127.0.0.1:9"), "--prepare"),
        (("--clock", tmp_path / "clock"), "--clock"),
        (("--prepare", "--home", tmp_path / "taken"), "not an earlier demo"),
        (("--gateway", "http://127.0.0.1:9", "--home", tmp_path / "taken"), "not an earlier demo"),
        (("--gateway", "http://127.0.0.1:9", "--home", tmp_path / "new"), "clock"),
        (("--gateway", "nowhere", "--home", tmp_path / "new"), "--url"),
    ]:
        ran = shell.run("demo", *words, "--json")
        assert ran.code == 2, words
        assert why in ran.error["meaning"]
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["letter"]


def test_up_refuses_a_malformed_clock_file(tmp_path: Path) -> None:
    shell = Prepared(tmp_path / "home")
    shell.ok("init")
    ran = shell.run("up", "--port", "0", "--json")
    assert ran.code == 2
    assert str(shell.home / "clock") in ran.error["meaning"]
