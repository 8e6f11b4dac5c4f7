"""Services as processes of their own on this machine: starts them, waits until they are ready, kills and stops them."""

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

from counterfoil.contract.log_id import MAIN
from counterfoil.contract.services import SERVICES
from counterfoil.errors import CounterfoilError
from counterfoil.settings import GATEWAY, VIEWS, Settings, environment

ONE_COMPONENT_EACH: Final = tuple((name,) for name in (*SERVICES, VIEWS, GATEWAY))
"""The components of each process when every component has its own process."""
PROGRAM: Final = ("-m", "counterfoil")
STARTS_WITHIN: Final = 60.0  # seconds
STOPS_WITHIN: Final = 30.0  # seconds
_POLL_SECONDS: Final = 0.1
_HTTP: Final = httpx.Client(timeout=5.0, headers={"Connection": "close"})
_TAIL: Final = 2_000  # characters of a log in an error message


class NotRunning(CounterfoilError):
    """A process did not start, was not ready in time, or has ended; the message quotes the end of its log."""


@dataclass(slots=True)
class ServiceProcess:
    """One process of `counterfoil serve`: its name (components, and a suffix if any), log, and once started its URLs.

    `probes`: the base URL of its health probes. `url`: the base URL of its gateway, None without one.
    """

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    probes: str = ""
    url: str | None = None

    def probe(self, page: str) -> httpx.Response:
        """The answer of one of its probes: `livez`, `readyz` or `metrics`. Raises `httpx.HTTPError`."""
        return _HTTP.get(f"{self.probes}/{page}")

    def check_running(self) -> None:
        """Raises `NotRunning` if it has ended."""
        if self.popen.poll() is not None:
            raise NotRunning(f"{self.name} ended with exit code {self.popen.returncode}: {self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-_TAIL:].strip()

    def is_ready(self) -> bool:
        """Whether its readiness probe answers 200; a standby is ready, too."""
        try:
            return self.probe("readyz").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def role(self) -> str:
        """`active` or `standby`: the role of its first component. Raises `httpx.HTTPError`."""
        return str(self.probe("readyz").json()[self.name.partition("+")[0].partition(",")[0]])

    def is_active(self) -> bool:
        """Whether all of its components are active and none is a standby."""
        try:
            answer = self.probe("readyz").json()
        except (httpx.HTTPError, ValueError):
            return False
        components = [name.removesuffix(f"/{MAIN}") for name in self.name.partition("+")[0].split(",")]
        return answer["status"] == "ok" and all(answer.get(name) == "active" for name in components)

    def metric(self, name: str) -> list[float]:
        """The values of one of its metrics, one for each set of labels. Raises `httpx.HTTPError`."""
        lines = self.probe("metrics").text.splitlines()
        return [float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} "))]


class Fleet:
    """Processes of `counterfoil serve` over one instance. Leaving the block stops all that it started."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        """`settings`: of all processes, but their probes and gateways take free ports. `logs`: a directory."""
        free = {"probes": "127.0.0.1:0", "listen": "127.0.0.1:0"}
        self.settings, self._logs = settings.changed(free), logs
        self.processes: dict[str, ServiceProcess] = {}
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self, components: Sequence[str], suffix: str = "", program: Sequence[str] = PROGRAM, **changes: object
    ) -> ServiceProcess:
        """Launch a process and wait until it has started. Raises `NotRunning`."""
        process = self.launch(components, suffix, program, **changes)
        self.wait_started(process)
        return process

    def launch(
        self, components: Sequence[str], suffix: str = "", program: Sequence[str] = PROGRAM, **changes: object
    ) -> ServiceProcess:
        """Start one process for `components`, and return at once; `wait_started` must come before its first probe.

        `suffix` distinguishes a second process with the same components; `program`: what the interpreter runs;
        `changes`: settings of this process alone.
        """
        name = ",".join(components) + (f"+{suffix}" if suffix else "")
        log = self._logs / f"{name.replace('/', '.')}.log"
        command = [sys.executable, *program, "serve", *components, "--json", "--with-parent"]
        with log.open("ab") as file:
            popen = subprocess.Popen(  # noqa: S603 our own command line
                command,
                env=environment(self.settings.changed(changes)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        process = self.processes[name] = ServiceProcess(name, popen, log)
        return process

    def wait_started(self, process: ServiceProcess) -> None:
        """Wait until it has printed the addresses of its probes and gateway. Raises `NotRunning` if it ends before."""
        stdout = process.popen.stdout
        line = stdout.readline() if stdout is not None else b""
        if not line:
            self.wait_ended(process.name)
            raise NotRunning(f"{process.name} did not start: {process.tail()}")
        addresses = json.loads(line)
        process.probes, process.url = addresses["probes"], addresses.get("url")

    def wait_ready(self, *, active: bool = True, within: float = STARTS_WITHIN) -> None:
        """Wait until all are ready, and with `active` none is a standby; `within`: seconds. Raises `NotRunning`."""
        deadline = time.monotonic() + within
        for process in self.processes.values():
            while not (process.is_active() if active else process.is_ready()):
                process.check_running()
                if time.monotonic() > deadline:
                    raise NotRunning(f"{process.name} is not ready within {within:.0f} s: {process.tail()}")
                time.sleep(_POLL_SECONDS)

    def wait_settled(self, within: float) -> float:
        """Wait until no consumer has a backlog; returns and takes seconds. Raises TimeoutError, `httpx.HTTPError`."""
        began = time.monotonic()
        while any(lag for process in self.processes.values() for lag in process.metric("counterfoil_consumer_lag")):
            if time.monotonic() - began > within:
                raise TimeoutError(f"the consumers still have a backlog after {within:.0f} s")
            time.sleep(_POLL_SECONDS / 2)
        return time.monotonic() - began

    @property
    def url(self) -> str:
        """The base URL of a gateway. Raises StopIteration if none runs."""
        return next(process.url for process in self.processes.values() if process.url is not None)

    def wait_ended(self, name: str) -> int:
        """Wait for a process to end by itself, then drop it; returns its exit code, negative for a signal."""
        return self._exit_code(self.processes.pop(name))

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal; after SIGKILL the process is dropped, so that another can be started under its name."""
        self.processes[name].popen.send_signal(number)
        if number == signal.SIGKILL:
            self._exit_code(self.processes.pop(name))

    def stop(self, *names: str) -> dict[str, int]:
        """Stop these, or all, with SIGTERM; what has not ended in time is killed. Returns their exit codes by name."""
        ending = [self.processes.pop(name) for name in names or list(self.processes)]
        for process in ending:
            if process.popen.poll() is None:
                process.popen.send_signal(signal.SIGCONT)
                process.popen.terminate()
        return {process.name: self._exit_code(process) for process in ending}

    @staticmethod
    def _exit_code(process: ServiceProcess) -> int:
        try:
            return process.popen.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.popen.kill()
            return process.popen.wait()
        finally:
            if process.popen.stdout is not None:
                process.popen.stdout.close()
