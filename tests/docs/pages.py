"""Pages whose commands run: the blocks of a page, in one shell, each with the output that the page shows for it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
WITHIN: Final = 200
"""Seconds for the blocks of one shell, on a machine that is busy with other tests."""
URL: Final = "http://127.0.0.1:8440"
"""Where a reader's market is; here each has a port of its own."""
_FENCE: Final = re.compile(r"^```(sh|output)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARK: Final = "\x1e"
_VARY: Final = (
    (re.compile(r"\b\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?)?"), "TIME"),
    (re.compile(r"\b\d{8}T\d{2}Z"), "HOUR"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}"), "KEY"),
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}="), "HASH"),
    (re.compile(r"\b(?=[0-9a-f]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}\b"), "HEX"),
    (re.compile(r"\b([a-z]{3})-\d+-\d+(-\d+)?\b"), r"\1-ID"),
    (re.compile(r"\b(issuance|ledger|matching|redemption):\d+"), r"\1:INDEX"),
    (re.compile(r"/main:\d+"), "/main:INDEX"),
    (re.compile(r"(size |000\.p/)\d+"), r"\1SIZE"),
    (re.compile(r"^(\S+/main) .*", re.MULTILINE), r"\1 FIGURES"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
)
"""What differs from run to run, and what it is compared as."""


class Step(NamedTuple):
    """A block of commands, and the outputs that the page shows for it."""

    script: str
    shown: str


def steps(page: str) -> list[Step]:
    """The blocks of a page, in order."""
    found: list[Step] = []
    for kind, text in _FENCE.findall(page):
        if kind == "sh":
            found.append(Step(text, ""))
        else:
            found[-1] = found[-1]._replace(shown=found[-1].shown + text)
    return found


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(script: str, folder: Path, within: int = WITHIN) -> str:
    """Run a script as a reader would type it, on a port of its own, and return what it printed; whatever it leaves
    running is ended.
    """
    address = f"127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COUNTERFOIL_LISTEN": address,
        "COUNTERFOIL_URL": f"http://{address}",
        "COLUMNS": "120",
    }
    command = ["bash", "-euo", "pipefail", "-c", script]
    printed = folder / "printed"  # a file: a pipe would stay open as long as a server that the script began
    with printed.open("wb") as out:
        shell = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        ended: object = shell.wait(timeout=within)
    except subprocess.TimeoutExpired:
        ended = f"none within {within} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        if "cluster up" in script:  # its servers outlive the shell
            down = ("counterfoil", "cluster", "down")
            subprocess.run(down, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False)
    output = printed.read_text("utf-8", "replace")
    assert ended == 0, f"exit code {ended}:\n{output[-4_000:]}"
    return output


def walk(blocks: Iterable[Step], folder: Path, within: int = WITHIN) -> list[str]:
    """What each of the blocks prints, all of them run in one shell."""
    script = "".join(f"{each.script}printf '{_MARK}'\n" for each in blocks)
    return run(script.replace(URL, "$COUNTERFOIL_URL"), folder, within).split(_MARK)[:-1]


def differences(blocks: Iterable[Step], outputs: Iterable[str]) -> list[str]:
    """The lines that a page shows and a run does not print, in that order; `...` stands for any lines."""
    found = []
    for step, output in zip(blocks, outputs, strict=True):
        rest = _alike(output)
        for shown in re.split(r"^\.\.\.\n", step.shown, flags=re.MULTILINE):
            before, part, after = rest.partition(_alike(shown)) if shown else ("", "", rest)
            if shown and not part:
                found.append(f"shown:\n{shown}\nprinted:\n{before}")
                break
            rest = after
    return found


def _alike(text: str) -> str:
    """The text without what differs from run to run, and without blanks at the ends of lines."""
    for pattern, name in _VARY:
        text = pattern.sub(name, text)
    return "".join(f"{re.sub(r'  +', '  ', line).rstrip()}\n" for line in text.splitlines())
