"""A served market in a process of its own, for floods from outside: its memory, and what they leave in its logs."""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from tests.gateway.harness import served
from tests.gateway.world import OFFER, Market, deposit

DESCRIPTORS: Final = 1_024
"""Files that the process may have open: what many systems grant."""
_BOOK: Final = 5_000
_CHUNK: Final = 1_000
_PROVIDERS: Final = 10


class Asked(NamedTuple):
    """What the process is asked for; each method is called there."""

    market: Market

    def sizes(self) -> dict[str, int]:
        """Entries in each log."""
        return self.market.sizes()

    def made_since(self, sizes: dict[str, int]) -> tuple[int, int]:
        """How many entries the logs have more, and their bytes."""
        made = octets = 0
        for log, store in self.market.system.stores.items():
            first, end = sizes[log.name], self.market.sizes()[log.name]
            made += end - first
            for start in range(first, end, _CHUNK):
                octets += sum(map(len, store.entries(start, min(start + _CHUNK, end))))
        return made, octets

    def fill_the_book(self) -> None:
        """Resting offers at many prices."""
        for number in range(_PROVIDERS):
            name = f"seller-{number}"
            self._register(name)
            bodies = [
                replace(OFFER, price=3_000_000 + number * 1_000 + nth, bond_bps=0) for nth in range(_BOOK // _PROVIDERS)
            ]
            sent = [
                self.market.system.submit(self.market.sign(name, bodies[first : first + 40]))
                for first in range(0, len(bodies), 40)
            ]
            for each in sent:
                each.result(timeout=60)

    def _register(self, name: str) -> None:
        for party, body in (
            ("operator", self.market.registration(name, "provider")),
            ("treasury", deposit(name, 1_000)),
        ):
            self.market.system.submit(self.market.sign(party, body)).result(timeout=60)


class Target:
    """The process, and what it answers; a context manager."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.port = int(self._pipe.recv())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.send(None)
        self._process.join(20)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def ask(self, name: str, *values: Any) -> Any:
        """What a method of `Asked` returns there."""
        self._pipe.send((name, values))
        return self._pipe.recv()

    def memory(self, *, afresh: bool = False) -> int:
        """The most resident memory, in MiB, since the start, or since it was last asked `afresh`."""
        process = Path(f"/proc/{self._process.pid}")
        status = (process / "status").read_text()
        if afresh:
            with suppress(OSError):  # then the figure counts from the start
                (process / "clear_refs").write_text("5")
        (line,) = [each for each in status.splitlines() if each.startswith("VmHWM:")]
        return int(line.split()[1]) // 1_024


def _serve(pipe: Connection) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    with suppress(ImportError):  # revisions to compare with have none
        from counterfoil.gateway import descriptors

        descriptors.reserve()
    with TemporaryDirectory(prefix="counterfoil-floods-") as home, served(Path(home) / "home") as gateway:
        asked = Asked(gateway.market)
        pipe.send(gateway.port)
        while (question := pipe.recv()) is not None:
            name, values = question
            pipe.send(getattr(asked, name)(*values))
