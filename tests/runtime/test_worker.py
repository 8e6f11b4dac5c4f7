"""A worker recovers from failures of the infrastructure, with back-off, and stops for good at any other error."""

from __future__ import annotations

import errno
import logging
import threading

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.errors import Unusable
from counterfoil.log.errors import FormatError, ProofError, RollbackError
from counterfoil.ports import StoreConflict, Unavailable
from counterfoil.published_log import PublishedDiffers
from counterfoil.runtime import worker as module
from counterfoil.runtime.backoff import Backoff
from counterfoil.runtime.worker import Worker

TRANSIENT = (OSError(errno.ENOSPC, "disk full"), Unavailable("database"), TimeoutError("slow"), ConnectionResetError())
PERMANENT = (
    OSError("tile/0/000: an error without a number"),
    FileNotFoundError(errno.ENOENT, "No such file or directory", "tile/0/000"),
    PermissionError(errno.EACCES, "Permission denied", "tile/0/000"),
    Unusable("tile/0/000: missing"),
)
FATAL = (
    InvariantViolation("broken"),
    ProofError("no proof"),
    RollbackError("back"),
    FormatError("bytes"),
    StoreConflict("two writers"),
    PublishedDiffers("other bytes"),
    KeyError("a bug"),
)


GROWING = [0.05, 0.2, 0.8, 3.2, 5.0]  # seconds


class Script:
    """Scripted steps, one after the other, then none; `done` is set after the last."""

    def __init__(self, *steps: Exception | None) -> None:
        self.steps, self.calls = list(steps), list[str]()
        self.recoveries: list[Exception] = []
        self.done, self.woken = threading.Event(), threading.Event()
        self.fatal: list[str] = []
        self.worker = Worker("test", self.step, recover=self.recover, wake=self.woken.set, on_fatal=self.failed)

    def step(self) -> None:
        """Do the next step of the script."""
        self.calls.append("step")
        if not self.steps:
            self.done.set()
            self.woken.wait(10)
            return
        failure = self.steps.pop(0)
        if failure is not None:
            raise failure

    def recover(self) -> None:
        """Recover, or fail if the script says so."""
        self.calls.append("recover")
        if self.recoveries:
            raise self.recoveries.pop(0)

    def failed(self, reason: str) -> None:
        """The worker stopped for good."""
        self.fatal.append(reason)
        self.done.set()

    def run(self) -> Script:
        """Run to the end of the script."""
        self.worker.start()
        assert self.done.wait(10)
        self.worker.stop()
        return self


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Records the pauses instead of waiting."""
    made: list[float] = []
    wait = threading.Event.wait

    def noted(self: threading.Event, timeout: float | None = None) -> bool:
        if timeout in GROWING:
            made.append(timeout)
            timeout = 0
        return wait(self, timeout)

    monkeypatch.setattr(threading.Event, "wait", noted)
    return made


def test_it_steps_until_it_is_stopped() -> None:
    script = Script(None, None, None).run()
    assert script.calls == ["step"] * 4
    assert script.woken.is_set()
    assert (script.worker.failure, script.fatal) == ("", [])
    assert not script.worker._thread.is_alive()


@pytest.mark.parametrize("problem", TRANSIENT, ids=repr)
def test_a_failure_of_the_infrastructure_is_recovered_from(problem: Exception) -> None:
    script = Script(None, problem, None).run()
    assert script.calls == ["step", "step", "recover", "step", "step"]
    assert script.worker.failure == ""


@pytest.mark.parametrize("problem", FATAL, ids=repr)
def test_anything_else_stops_it_for_good(problem: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL, "counterfoil.worker"):
        script = Script(None, problem, None).run()
    assert script.calls == ["step", "step"]
    assert script.worker.failure == f"test stopped: {problem!r}"
    assert script.fatal == [script.worker.failure]
    assert [record.message for record in caplog.records] == [script.worker.failure]
    assert not script.worker._thread.is_alive()


@pytest.mark.parametrize("problem", PERMANENT, ids=repr)
def test_a_file_that_is_missing_or_forbidden_stops_it_with_the_path(problem: Exception) -> None:
    script = Script(None, problem, None).run()
    assert script.calls == ["step", "step"]
    assert script.worker.failure.startswith("test stopped: tile/0/000: ")
    assert script.fatal == [script.worker.failure]


def test_pauses_grow_to_the_longest_and_start_over_after_a_success(pauses: list[float]) -> None:
    broken = [Unavailable(str(n)) for n in range(6)]
    script = Script(*broken, None, Unavailable("again"), None).run()
    assert pauses == [*GROWING, GROWING[-1], GROWING[0]]
    assert script.calls.count("recover") == 7
    assert script.calls[:3] == ["step", "recover", "step"]


def test_a_failed_recovery_is_tried_again_before_any_step() -> None:
    script = Script(Unavailable("first"), None)
    script.recoveries = [Unavailable("still"), Unavailable("and still")]
    script.run()
    assert script.calls == ["step", "recover", "recover", "recover", "step", "step"]


def test_a_recovery_may_find_what_must_not_be_survived() -> None:
    script = Script(Unavailable("first"), None)
    script.recoveries = [RollbackError("an older database")]
    script.run()
    assert script.calls == ["step", "recover"]
    assert "older database" in script.worker.failure


def test_stopping_cuts_a_pause_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(module, "_BACKOFF", Backoff(30.0, 30.0))
    failing = threading.Event()

    def step() -> None:
        failing.set()
        raise Unavailable("broken")

    worker = Worker("test", step, recover=_nothing, wake=_nothing, on_fatal=_ignored)
    worker.start()
    assert failing.wait(10)
    worker.stop()
    assert not worker._thread.is_alive()


def test_stopping_before_the_start_and_twice_is_harmless() -> None:
    worker = Worker("test", _nothing, recover=_nothing, wake=_nothing, on_fatal=_ignored)
    worker.stop()
    worker.start()
    worker.stop()
    worker.stop()
    assert worker.failure == ""


def _nothing() -> None:
    """Nothing to do."""


def _ignored(_reason: str) -> None:
    """Ignore the failure."""
