"""Servers as processes that outlive the one that started them, and are found again by their pid files.

A pid file may be stale, and its number may belong to another process by now. So a process counts as the server only if
its command line is exactly the one that was started; each command line has a path in it that no other has.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

from counterfoil.testbed.cluster.errors import ClusterError

ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
"""The whole environment of a server, so that the caller's settings for Java or PostgreSQL have no effect."""
_POLL_SECONDS: Final = 0.05
_LINES: Final = 15  # of a log, in a message
_TAIL: Final = 65_536  # octets of a log that are searched for them

_children: set[int] = set()
"""Process ids started by this process, which has to reap them, or they stay as zombies."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its name, the directory that it runs in, with its log and pid file, its command, its account."""

    name: str
    directory: Path
    command: tuple[str, ...]
    user: str | None = None

    @property
    def log(self) -> Path:
        """The file to which its standard output and error are appended."""
        return self.directory / "server.log"

    @property
    def pid(self) -> int | None:
        """Its process id; None if it does not run."""
        found = self._process()
        return None if found is None else int(found.pid)

    @property
    def memory(self) -> int | None:
        """Octets of unshared memory, its children's included; None if it does not run."""
        found = self._process()
        if found is None:
            return None
        try:
            return sum(int(each.memory_full_info().uss) for each in (found, *found.children(recursive=True)))
        except psutil.Error:  # one of them has just ended
            return None

    def launch(self) -> int:
        """Start it; returns the octets of its log before that. It may not be ready yet."""
        begins = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            try:
                child: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 a command of ours
                    self.command,
                    cwd=self.directory,
                    env=ENVIRONMENT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # signals of the caller's terminal do not reach it
                    **as_user(self.user),
                )
            except OSError as problem:
                raise ClusterError(f"cannot start {self.name}: {problem}") from problem
        child.returncode = 0  # it outlives this object, which would warn about that
        _children.add(child.pid)
        self._pid_file.write_text(f"{child.pid}\n")
        return begins

    def wait_ready(self, ready: Callable[[], bool], begins: int, seconds: float) -> None:
        """Wait until `ready()`; `begins`: what `launch` returned. Raises `ClusterError` if it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process() is None:
                raise ClusterError(f"{self.name} ended while it started; the end of {self.log}:\n{self._tail(begins)}")
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{self.name} was not ready within {seconds:.0f} s; the end of {self.log}:\n{self._tail(begins)}"
                )
            time.sleep(_POLL_SECONDS)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; False if it does not run."""
        found = self._process()
        if found is None:
            return False
        try:
            found.send_signal(number)
        except psutil.NoSuchProcess:
            return False
        return True

    def wait_ended(self, deadline: float) -> bool:
        """Wait until it has ended; False if it has not by `deadline`, of the monotonic clock."""
        while self._process() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def log_since(self, begins: int) -> bytes:
        """What it has logged from `begins` octets on."""
        with self.log.open("rb") as file:
            file.seek(begins)
            return file.read()

    @property
    def _pid_file(self) -> Path:
        return self.directory / "server.pid"

    def _process(self) -> psutil.Process | None:
        try:
            found = psutil.Process(int(self._pid_file.read_text()))
            words = found.cmdline()  # empty for a moment, until exec
            return found if _lives(found) and words in ([], list(self.command)) else None
        except (FileNotFoundError, ValueError, psutil.Error):
            return None

    def _tail(self, begins: int) -> str:
        text = self.log_since(max(begins, self.log.stat().st_size - _TAIL)).decode(errors="replace")
        return "\n".join(text.splitlines()[-_LINES:])


def run(command: Sequence[str], *, cwd: Path, user: str | None = None, stdin: str = "", seconds: float = 60) -> str:
    """Run a server's tool and return what it printed. Raises `ClusterError`."""
    tool = Path(command[0]).name
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603 a command of ours
            command,
            cwd=cwd,
            env=ENVIRONMENT,
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
            **as_user(user),
        )
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{tool} took longer than {seconds:.0f} s") from None
    except OSError as problem:
        raise ClusterError(f"cannot run {tool}: {problem}") from problem
    printed = done.stdout.decode(errors="replace")
    if done.returncode:
        last = "\n".join(printed.splitlines()[-_LINES:])
        raise ClusterError(f"{tool} failed with exit code {done.returncode}:\n{last}")
    return printed


def as_user(user: str | None) -> Mapping[str, Any]:
    """Arguments of `subprocess` that run a command as `user`, with its group only; None: as this process."""
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()}


def _lives(process: psutil.Process) -> bool:
    if process.pid in _children:
        _reap(process.pid)
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _reap(child: int) -> None:
    try:
        ended, _status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:  # it was reaped elsewhere
        ended = child
    if ended:
        _children.discard(child)
