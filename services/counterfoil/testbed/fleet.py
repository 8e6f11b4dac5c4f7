"""Services as processes of their own on this machine: started, waited for, killed if need be, and ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from counterfoil.contract.commands import SERVICES
from counterfoil.errors import CounterfoilError
from counterfoil.settings import GATEWAY, VIEWS, Settings, environment

EACH: Final = tuple((name,) for name in (*SERVICES, VIEWS, GATEWAY))
"""Every part as a process of its own."""
PROGRAM: Final = ("-m", "counterfoil")
STARTS_WITHIN: Final = 60.0
STOPS_WITHIN: Final = 30.0
_LOOK: Final = 0.1
_ASK: Final = httpx.Client(timeout=5.0, headers={"Connection": "close"})
_TAIL: Final = 2_000  # characters of a log in an error message


class NotRunning(CounterfoilError):
    """A process did not start, is not ready in time, or has ended; the message has the end of its log."""


@dataclass(slots=True)
class Member:
    """One process: what it serves, where it says how it is, and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    probes: str = ""
    url: str | None = None

    def ask(self, page: str) -> httpx.Response:
        """One of its probes. Raises httpx errors."""
        return _ASK.get(f"{self.probes}/{page}")

    def check(self) -> None:
        """Raises `NotRunning` if it has ended."""
        if self.process.poll() is not None:
            raise NotRunning(f"{self.name} ended with exit code {self.process.returncode}: {self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-_TAIL:].strip()

    def is_ready(self) -> bool:
        """Whether it says so itself; a standby is ready."""
        try:
            return self.ask("readyz").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def is_active(self) -> bool:
        """Whether every part of it works, and none stands by."""
        try:
            said = self.ask("readyz").json()
        except (httpx.HTTPError, ValueError):
            return False
        return said["status"] == "ok" and all(said.get(part) == "active" for part in self.name.split("+")[0].split(","))


class Fleet:
    """Processes of `counterfoil serve` over one instance; whatever happens, leaving the block ends those it started."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        """`settings` for all of them; `logs` gets a file each. Probes and gateways take free ports."""
        free = {"probes": "127.0.0.1:0", "listen": "127.0.0.1:0"}
        self.settings, self._logs = settings.model_copy(update=free), logs
        self.members: dict[str, Member] = {}
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self, parts: Sequence[str], suffix: str = "", program: Sequence[str] = PROGRAM, **changes: object
    ) -> Member:
        """`launch` and `meet` in one. Raises `NotRunning`."""
        member = self.launch(parts, suffix, program, **changes)
        self.meet(member)
        return member

    def launch(
        self, parts: Sequence[str], suffix: str = "", program: Sequence[str] = PROGRAM, **changes: object
    ) -> Member:
        """Start one process for `parts`; `suffix` tells a second instance apart, `changes` are settings of its own.

        `program`: what the interpreter runs. The process is to be met before anything is asked of it.
        """
        name = ",".join(parts) + (f"+{suffix}" if suffix else "")
        log = self._logs / f"{name}.log"
        command = [sys.executable, *program, "serve", *parts, "--json", "--with-parent"]
        with log.open("ab") as file:
            process = subprocess.Popen(  # noqa: S603 our own command line
                command,
                env=environment(self.settings.model_copy(update=changes)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        member = self.members[name] = Member(name, process, log)
        return member

    def meet(self, member: Member) -> None:
        """Wait until it says where its probes are. Raises `NotRunning` if it ends before."""
        stdout = member.process.stdout
        line = stdout.readline() if stdout is not None else b""
        if not line:
            self.forget(member.name)
            raise NotRunning(f"{member.name} did not start: {member.tail()}")
        said = json.loads(line)
        member.probes, member.url = said["probes"], said.get("url")

    def ready(self, *, active: bool = True, within: float = STARTS_WITHIN) -> None:
        """Wait until all are ready, and active unless standbys will do. Raises `NotRunning`."""
        deadline = time.monotonic() + within
        for member in self.members.values():
            while not (member.is_active() if active else member.is_ready()):
                member.check()
                if time.monotonic() > deadline:
                    raise NotRunning(f"{member.name} is not ready within {within:.0f} s: {member.tail()}")
                time.sleep(_LOOK)

    @property
    def url(self) -> str:
        """Where a gateway listens."""
        return next(member.url for member in self.members.values() if member.url is not None)

    def forget(self, name: str) -> int:
        """Wait for a process that ends by itself, and forget it; its exit code, negative for a signal."""
        return self._gone(self.members.pop(name))

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal; a process that is killed is forgotten, so that another can be started under its name."""
        member = self.members[name]
        member.process.send_signal(number)
        if number == signal.SIGKILL:
            self._gone(self.members.pop(name))

    def stop(self, *names: str) -> dict[str, int]:
        """End these, or all, cleanly; what does not end in time is killed. Returns their exit codes."""
        ending = [self.members.pop(name) for name in names or list(self.members)]
        for member in ending:
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGCONT)
                member.process.terminate()
        return {member.name: self._gone(member) for member in ending}

    @staticmethod
    def _gone(member: Member) -> int:
        try:
            return member.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            member.process.kill()
            return member.process.wait()
        finally:
            if member.process.stdout is not None:
                member.process.stdout.close()
