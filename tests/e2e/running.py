"""Runs the command line as users do: `up` as a process on a free loopback port, and commands against it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from counterfoil.cli.main import app
from counterfoil.contract.disclosure import Disclosure
from counterfoil.runtime.clock import ClockDriver

STARTS_WITHIN = 30  # seconds
STOPS_WITHIN = 30  # seconds
EVENTUALLY = 20  # seconds


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error on standard error, as JSON."""
        found: dict[str, Any] = json.loads(self.err)["error"]
        return found


class Shell:
    """Commands with an instance's directory and gateway in their environment."""

    def __init__(self, home: Path, url: str = "http://127.0.0.1:9", disclosure: Disclosure = "public") -> None:
        """By default commands read without a session."""
        self.home, self.url, self.disclosure = home, url, disclosure
        self.probes = url
        self.more: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERFOIL_")}
        given = {
            "COUNTERFOIL_HOME": str(self.home),
            "COUNTERFOIL_URL": self.url,
            "COUNTERFOIL_DISCLOSURE": self.disclosure,
        }
        return {**kept, **given, **self.more}

    def run(self, *words: str | Path) -> Ran:
        """Run one command inside this process, through the entry point that the installed command has."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        argv = ["counterfoil", *map(str, words)]
        surroundings = patch.dict(os.environ, self.environment, clear=True), patch.object(sys, "argv", argv)
        with surroundings[0], surroundings[1], redirect_stdout(out), redirect_stderr(err):
            try:
                app()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Ran(code, out.getvalue(), err.getvalue())

    def ok(self, *words: str | Path) -> Any:
        """Run a command that must succeed; returns its JSON."""
        ran = self.run(*words, "--json")
        assert ran.code == 0, f"{words}: exit code {ran.code}\n{ran.out}\n{ran.err}"
        assert ran.err == ""
        return ran.json

    def soon(self, *words: str | Path) -> Any:
        """The same for a command whose actor's key the service may not know yet."""
        ends = time.monotonic() + EVENTUALLY
        while (ran := self.run(*words, "--json")).code and time.monotonic() < ends:
            assert ran.error["code"] == "unknown_key", ran.err
            time.sleep(0.05)
        assert ran.code == 0, ran.err
        return ran.json


def eventually(found: Callable[[], Any], what: str = "a true value", within: float = EVENTUALLY) -> Any:
    """The first true value of `found`; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.05)
    return value


def move_on(shell: Shell, clock: ClockDriver, moment: int) -> None:
    """Move the clock of a served instance, in two steps that wait until every log has consumed what the others decided.

    Otherwise what was decided before is consumed days later, and the audit finds that it was left aside.
    """
    eventually(lambda: idle(shell), "every log has consumed everything")
    clock.advance_to(moment)
    eventually(lambda: not shell.run("clock", "status").code)
    eventually(lambda: idle(shell), "every log has consumed everything")


def idle(shell: Shell) -> bool:
    """Whether no consumer of the served instance has anything left to read."""
    shown = httpx.get(f"{shell.probes}/metrics").raise_for_status().text
    lags = [each for each in shown.splitlines() if each.startswith("counterfoil_consumer_lag{")]
    assert lags
    return all(float(each.rpartition(" ")[2]) == 0 for each in lags)


@contextmanager
def serving(
    shell: Shell, program: Sequence[str] = ("-m", "counterfoil"), python: Path = Path(sys.executable)
) -> Iterator[subprocess.Popen[str]]:
    """`counterfoil up` on a free port; sets the URL of `shell`. Kills it if the block did not stop it.

    `program`: what the interpreter `python` runs.
    """
    command = [str(python), *program, "up", "--port", "0", "--json"]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=shell.environment, **streams)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=STARTS_WITHIN)[1]
        shell.url, shell.probes = (json.loads(line)[name] for name in ("url", "probes"))
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=STOPS_WITHIN)
