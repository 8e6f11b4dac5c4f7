"""The demo in one process: every service stepped in one thread, on virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from counterfoil.audit.auditor import Progress
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.demo.directory import CLOCK, make_instance, write_keys
from counterfoil.demo.play import PlayProgress, StoryInput, audit_and_write, play_and_report
from counterfoil.demo.world import START
from counterfoil.runtime.clock import ClockDriver, VirtualClock
from counterfoil.testbed.system import EmbeddedSystem


def play_in_process(
    home: Path, given: StoryInput, progress: PlayProgress, audited: Progress | None = None
) -> dict[str, Any]:
    """Play the story in `home`, in place of an earlier demo, then audit its logs.

    Leaves databases, keys, published logs, a clock at the end of the story and `report.json` there; returns the report.
    The same seed and input give the same log roots. Raises `AlreadyInitialised`.
    """
    instance, clock = make_instance(home, given.seed), VirtualClock(START)
    embedded = Embedded(instance, clock)
    try:
        system = EmbeddedSystem(embedded, clock)
        report = play_and_report(system, given, progress, embedded.seal)
        if given.weeks is not None:  # the market goes on, for whoever wants to act in it
            write_keys(home, given.seed, (str(row["party_id"]) for row in system.rows("parties")))
        ClockDriver.create(home / CLOCK, clock.now())
    finally:
        embedded.close()
    return audit_and_write(home, report, home / "logs", audited=audited)
