"""A permanent error stops a service at once with exit code 3, the path and what to do. Transient ones are retried."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from counterfoil.bootstrap import distributed as module
from counterfoil.bootstrap.distributed import Distributed
from counterfoil.cli.command import FAILED, Out, guarded
from counterfoil.cli.serve import _started
from counterfoil.errors import Unusable
from counterfoil.instance import Instance
from counterfoil.ports import Unavailable
from counterfoil.runtime.clock import SystemClock
from counterfoil.settings import Settings
from counterfoil.storage.log_directory import PublishedDirectory
from tests.e2e.running import Shell
from tests.gateway.world import Market, deposit

MISSING = FileNotFoundError(errno.ENOENT, "No such file or directory", "home/keys/log-ledger.skey")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance whose ledger has published a full tile."""
    market = Market(tmp_path_factory.mktemp("market") / "home")
    with closing(market.system):
        market.open().ask("treasury", *[deposit("lab-1", 1)] * 260)
    return market.home


@pytest.fixture
def tile(published: Path) -> Iterator[Path]:
    """The full tile, removed during the test."""
    path = published / "logs" / "ledger" / "main" / "tile" / "0" / "000"
    aside = path.rename(published / "aside")
    yield path
    aside.rename(path)


@pytest.fixture
def signals() -> Iterator[None]:
    """Restore the signal handlers, because `up` runs inside this process."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_a_missing_tile_of_its_own_log_stops_it_as_it_loads(published: Path, tile: Path) -> None:
    ran = Shell(published).run("up", "--port", "0", "--json")
    assert ran.code == FAILED
    assert f"{tile}: No such file or directory: it is missing: put it back" in ran.error["meaning"]


def test_a_file_that_is_not_published_yet_is_no_fault(tmp_path: Path) -> None:
    assert PublishedDirectory(tmp_path / "nothing").checkpoint() is None


class Scripted(Distributed):
    """The distributed form, with a component that fails as the test says."""

    failures: list[Exception]

    def _make(self, name: str) -> module.Component:
        raise self.failures.pop(0)

    def _pause(self, seconds: float) -> None:
        self.paused = [*getattr(self, "paused", []), seconds]


def starting(tmp_path: Path, *failures: Exception) -> Scripted:
    """A process that is to serve the ledger."""
    instance = Instance.create(tmp_path / "home", "market.example", "Operator")
    system = Scripted(instance, SystemClock(), Settings(probes="127.0.0.1:0"), ["ledger"])
    system.failures = list(failures)
    return system


def test_a_component_that_lacks_a_file_stops_the_start_of_the_distributed_form(tmp_path: Path) -> None:
    passing = [Unavailable("no database"), ConnectionRefusedError(), OSError(errno.ENOSPC, "No space left on device")]
    with closing(starting(tmp_path, *passing, MISSING)) as system:
        with pytest.raises(Unusable, match=r"^home/keys/log-ledger.skey: No such file or directory: it is missing"):
            system.start()
        assert len(system.paused) == len(passing)


def _start(system: Distributed) -> None:
    assert _started(system)


def test_what_stops_the_start_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(starting(tmp_path, MISSING)) as system:
        assert guarded(Out(json=True), partial(_start, system)) == FAILED
    assert "home/keys/log-ledger.skey" in capsys.readouterr().err
