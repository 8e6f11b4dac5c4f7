"""The demo on services in other processes: prepared in a directory, played over HTTP, audited from published logs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from counterfoil.audit.auditor import Progress
from counterfoil.client.http import Gateway
from counterfoil.client.log_server import LogServer
from counterfoil.client.mirror import mirror
from counterfoil.client.problems import NotThere, Unreachable
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.times import SECOND
from counterfoil.demo.directory import CLOCK, check_replaceable, log_keys, make_instance, mark
from counterfoil.demo.play import PlayProgress, StoryInput, audit_and_write, play_and_report
from counterfoil.demo.world import START
from counterfoil.errors import CounterfoilError
from counterfoil.log.keys import VerifyKey
from counterfoil.runtime.clock import ClockDriver
from counterfoil.testbed.http_system import HttpSystem

MIRROR: Final = "mirror"
_PUBLISHED_WITHIN: Final = 30.0  # seconds within which the logs must publish what is known to be committed
_POLL_SECONDS: Final = 0.1


class OtherMarket(CounterfoilError):
    """The market behind the gateway was not prepared for this demo, or was played before."""


def prepare(home: Path, seed: int) -> dict[str, str]:
    """Make the demo's instance in `home`, in place of an earlier demo, with a clock file that stands at its first day.

    Returns the paths `home`, `clock` and `vkeys`. Raises `AlreadyInitialised`.
    """
    instance = make_instance(home, seed)
    ClockDriver.create(home / CLOCK, START)
    (home / "vkeys").write_text("".join(f"{key.vkey()}\n" for key in log_keys(seed).values()))
    return {"home": str(instance.root), "clock": str(home / CLOCK), "vkeys": str(home / "vkeys")}


def play_over_gateway(
    url: str,
    clock_file: Path,
    home: Path,
    given: StoryInput,
    progress: PlayProgress,
    advanced: Progress,
) -> dict[str, Any]:
    """Play the story over the gateway at `url`, on the clock file that its services read; mirror and audit the logs.

    `home`: where the demo was prepared, or empty. Leaves the logs in `home/mirror` and `home/report.json`; returns the
    report. Raises `AlreadyInitialised`, `OtherMarket`, `BadClock`, `Stalled`, `NotALog`, `Unreachable`, `NotProven`.
    """
    check_replaceable(home)
    keys = log_keys(given.seed)
    with ClockDriver(clock_file) as clock:
        _check_market(url, clock, keys)
        with HttpSystem(url, clock, keys) as system:
            if system.opened() - START > SECOND:
                raise OtherMarket(
                    f"the services behind {url} do not read {clock_file}: start them with COUNTERFOIL_CLOCK"
                )
            mark(home, given.seed)
            report = play_and_report(system, given, progress)
            clock.advance_to(clock.now() + SECOND)  # logs are published as time passes
            shutil.rmtree(home / MIRROR, ignore_errors=True)
            _mirror(url, keys, system.sizes(), home / MIRROR, advanced)
    trusted = {key.name: key for key in keys.values()}
    return audit_and_write(home, report, home / MIRROR, trusted, advanced)


def _mirror(
    url: str, keys: Mapping[LogId, VerifyKey], sizes: Mapping[LogId, int], to: Path, progress: Progress
) -> None:
    """Mirror the logs, once each has published so many entries. Raises `Unreachable` if that takes too long."""
    ends = time.monotonic() + _PUBLISHED_WITHIN
    with LogServer(url) as server:
        while True:
            found = {log_of(each.origin): each.size for each in mirror(server, to, list(keys), keys, progress)}
            late = [log.name for log, size in sizes.items() if found[log] < size]
            if not late:
                return
            if time.monotonic() > ends:
                raise Unreachable(f"{url} has not published all that is committed in {', '.join(late)}")
            time.sleep(_POLL_SECONDS)


def _check_market(url: str, clock: ClockDriver, keys: dict[LogId, VerifyKey]) -> None:
    """Raises `OtherMarket` unless the market is this demo's and has not been played yet."""
    if clock.now() != START:
        raise OtherMarket("the clock has moved, so this market was played before: prepare a new one")
    with Gateway(url) as gateway:
        for log, key in keys.items():
            try:
                shown = gateway.log_file(log, "vkey").decode(errors="replace").strip()
            except NotThere:
                raise OtherMarket(f"{url} publishes no log of {log.name} yet; try again") from None
            if shown != key.vkey():
                raise OtherMarket(
                    f"{url} serves a market that was not prepared with this seed: its {log.name} log "
                    f"has the key {shown[:120]}"
                )
