"""Servers as processes that outlive the one that started them, found again by their pid files.

A pid file may be stale and its number may belong to somebody else by now: a process is ours only if its command line
is, word for word, the one that we start; each has a path in it that is its own.
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
"""All of it, so that the caller's settings of Java or PostgreSQL change nothing."""
_POLL_SECONDS: Final = 0.05
_LINES: Final = 15  # of a log, in a message
_TAIL: Final = 65_536  # octets of a log that are searched for them

_children: set[int] = set()
"""Started by this process, which has to ask for their end, or else they stay as zombies."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server: what it is called, its command, and the directory that it runs in and that keeps its log and pid."""

    name: str
    directory: Path
    command: tuple[str, ...]
    user: str | None = None

    @property
    def log(self) -> Path:
        """What it writes on standard output and error, appended."""
        return self.directory / "server.log"

    @property
    def pid(self) -> int | None:
        """The process id if it runs."""
        found = self._process()
        return None if found is None else int(found.pid)

    @property
    def memory(self) -> int | None:
        """Octets that it holds in memory, shared ones left out, if it runs; its children's included."""
        found = self._process()
        if found is None:
            return None
        try:
            return sum(int(each.memory_full_info().uss) for each in (found, *found.children(recursive=True)))
        except psutil.Error:  # one of them has just ended
            return None

    def launch(self) -> int:
        """Start it, and say where its log begins; it may not be ready yet."""
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
                    start_new_session=True,  # no signal of the caller's terminal reaches it
                    **as_user(self.user),
                )
            except OSError as problem:
                raise ClusterError(f"{self.name} cannot be started: {problem}") from problem
        child.returncode = 0  # it outlives this object, which would complain
        _children.add(child.pid)
        self._pid_file.write_text(f"{child.pid}\n")
        return begins

    def wait_ready(self, ready: Callable[[], bool], begins: int, seconds: float) -> None:
        """Until it is ready. Raises `ClusterError` if it ends before, or takes longer."""
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
        """Whether it has ended by `deadline`, of the monotonic clock."""
        while self._process() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def log_since(self, begins: int) -> bytes:
        """What it has logged since its log was `begins` octets long."""
        with self.log.open("rb") as file:
            file.seek(begins)
            return file.read()

    @property
    def _pid_file(self) -> Path:
        return self.directory / "server.pid"

    def _process(self) -> psutil.Process | None:
        try:
            found = psutil.Process(int(self._pid_file.read_text()))
            words = found.cmdline()  # empty for a moment, while it becomes the program
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
        raise ClusterError(f"{tool} cannot be run: {problem}") from problem
    printed = done.stdout.decode(errors="replace")
    if done.returncode:
        last = "\n".join(printed.splitlines()[-_LINES:])
        raise ClusterError(f"{tool} failed with exit code {done.returncode}:\n{last}")
    return printed


def as_user(user: str | None) -> Mapping[str, Any]:
    """What to give to `subprocess` so that a command runs as `user`, with its group alone; None: as this process."""
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
    except ChildProcessError:  # somebody else has asked
        ended = child
    if ended:
        _children.discard(child)
