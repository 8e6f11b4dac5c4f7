"""Benchmark of typical commands: from the start of a process to its end, with a gateway that answers at once."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.settings import override

TYPICAL: Final = (
    ("--version",),
    ("offer", "list", "--json"),
    ("offer", "cancel", "off-1-0", "--as", "operator", "--json"),
)
"""What needs no gateway, what reads, and what signs."""
_ROUNDS: Final = 12
_WARM: Final = 2  # before what is timed: modules are compiled, files are in memory
_PAGE: Final = json.dumps({"items": [], "next": None}).encode()
_REFUSED: Final = json.dumps({
    "type": "urn:counterfoil:problem:stopped", "title": "No service is here.", "status": 400, "code": "stopped",
    "detail": "",
}).encode()  # fmt: skip


def commands(report: ReportFigure) -> None:
    """Time typical commands, one after the other; the note has the processor time of the fastest."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as folder, _gateway() as url:
        override("home", str(Path(folder) / "home"))
        override("url", url)
        _run(("init",))
        for words in TYPICAL:
            taken = [_run(words) for _ in range(_WARM + _ROUNDS)][_WARM:]
            walls = sorted(wall for wall, _ in taken)
            note = f"{min(cpu for _, cpu in taken) / 1_000:.0f} ms of processor time"
            name = " ".join(word for word in words if word != "--json")
            report(Figure(f"command {name}", "a process each", _ROUNDS, sum(walls) // 1_000, note, walls))


def _run(words: Sequence[str]) -> tuple[int, int]:
    """One command: microseconds of the clock, and of the processor."""
    before, began = _children(), time.perf_counter_ns()
    line = [sys.executable, "-m", "counterfoil", *words]
    subprocess.run(line, capture_output=True, check=False)  # noqa: S603 the program itself
    return (time.perf_counter_ns() - began) // 1_000, _children() - before


def _children() -> int:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * 1_000_000)


class _Answers(BaseHTTPRequestHandler):
    """An empty page for a query, a refusal for a command."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, "application/json", _PAGE)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(400, "application/problem+json", _REFUSED)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@contextmanager
def _gateway() -> Iterator[str]:
    """The URL of something that answers as a gateway without rows does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
