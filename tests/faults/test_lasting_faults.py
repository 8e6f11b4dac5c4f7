"""A permanent error stops a service at once with exit code 3, the path and what to do. Transient ones are retried."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.bootstrap import distributed as module
from counterfoil.bootstrap.distributed import Distributed
from counterfoil.cli.command import FAILED, Out, guarded
from counterfoil.cli.serve import _started
from counterfoil.contract.times import SECOND
from counterfoil.errors import Unusable
from counterfoil.instance import Instance
from counterfoil.log.errors import SignatureError
from counterfoil.ports import Unavailable
from counterfoil.runtime.clock import SystemClock
from counterfoil.settings import Settings
from counterfoil.storage.log_directory import PublishedDirectory
from tests.gateway.world import Market, deposit
from tests.market import image

MISSING = FileNotFoundError(errno.ENOENT, "No such file or directory", "home/log-keys/ledger.pem")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance whose ledger has published a full tile."""
    market = Market(tmp_path_factory.mktemp("market") / "home")
    with closing(market.system):
        market.open().ask("treasury", *(deposit("lab-1", 1) for _ in range(260)))
    return market.home


def lose(path: Path) -> None:
    """Remove it, with what is in it."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def flip(path: Path) -> None:
    """Change a byte in its middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    """Leave half of it."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    """Leave nothing of it."""
    path.write_bytes(b"")


FILES = ("tile/0/000", "tile/1/000.p/1", "tile/entries/000", "checkpoint")


@pytest.mark.parametrize(
    ("path", "damage"),
    [("tile", lose), ("tile/0", lose), *((file, damage) for file in FILES for damage in (lose, flip, cut, empty))],
)
def test_what_is_lost_of_a_published_log_is_published_again(
    published: Path, tmp_path: Path, path: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    home = image(published, tmp_path / "home")
    lost = home / "logs" / "ledger" / "main" / path
    damage(lost)
    if path == "checkpoint" and damage is flip:
        with pytest.raises(SignatureError, match=f"{lost}: .* remove it: it is published again"):
            Market(home)
        lost.unlink()
    again = Market(home)
    with closing(again.system):
        for _ in range(3):
            again.clock.advance_to(again.clock.now() + SECOND)
            again.system.settle()
    assert audit(home).findings == []
    assert str(lost) in caplog.text or path == "checkpoint"


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
        with pytest.raises(Unusable, match=r"^home/log-keys/ledger.pem: No such file or directory: it is missing"):
            system.start()
        assert len(system.paused) == len(passing)


def _start(system: Distributed) -> None:
    assert _started(system)


def test_what_stops_the_start_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(starting(tmp_path, MISSING)) as system:
        assert guarded(Out(json=True), partial(_start, system)) == FAILED
    assert "home/log-keys/ledger.pem" in capsys.readouterr().err
