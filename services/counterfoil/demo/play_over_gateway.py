"""The demo against services in other processes: prepared in a directory, played over HTTP, audited from what is
published there.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from counterfoil.audit.run import Progress
from counterfoil.client.download import mirror
from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotThere
from counterfoil.contract.commands import SERVICES
from counterfoil.contract.limits import SECOND
from counterfoil.demo.play import HOST, Input, Watch, check_home, finish, make_instance, mark, play_on
from counterfoil.demo.scenario import START
from counterfoil.demo.story_driver import demo_entropy
from counterfoil.errors import CounterfoilError
from counterfoil.instance import SHARD
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.runtime.clock import ClockDriver
from counterfoil.testbed.http_system import RemoteSystem

CLOCK: Final = "clock"
MIRROR: Final = "mirror"


class OtherMarket(CounterfoilError):
    """What is behind the gateway is not a market prepared for this demo, or it was played before."""


def prepare(home: Path, seed: int) -> dict[str, str]:
    """Make the demo's instance in `home`, and a clock that stands at its first day; an earlier demo there is replaced.

    Returns where things are. Raises `AlreadyInitialised`.
    """
    instance = make_instance(home, seed)
    ClockDriver.create(home / CLOCK, START)
    (home / "vkeys").write_text("".join(f"{key.vkey()}\n" for key in demo_keys(seed).values()))
    return {"home": str(instance.root), "clock": str(home / CLOCK), "vkeys": str(home / "vkeys")}


def demo_keys(seed: int) -> dict[str, VerifyKey]:
    """The log keys of a demo's services, by service: like all of its keys they follow from the seed."""
    seeds = {service: demo_entropy(seed, f"log-{service}") for service in SERVICES}
    return {service: SigningKey(f"{HOST}/{service}/{SHARD}", key).verify_key for service, key in seeds.items()}


def run_over_gateway(
    url: str,
    clock: Path,
    home: Path,
    given: Input,
    progress: Watch,
    advanced: Progress,
) -> dict[str, Any]:
    """Play the story over the gateway at `url`, with the `clock` that its services read; then fetch and audit the logs.

    Leaves `home/mirror` and `home/report.json`; returns the report. `home` is where the demo was prepared, or empty.
    Raises `AlreadyInitialised`, `OtherMarket`, `BadClock`, `Stalled`, `Astray`, `Unreachable`, `NotProven`.
    """
    check_home(home)
    keys = demo_keys(given.seed)
    with ClockDriver(clock) as driver:
        _check(url, driver, keys)
        with RemoteSystem(url, driver, keys) as system:
            if system.opened() - START > SECOND:
                raise OtherMarket(f"the services behind {url} do not go by {clock}: start them with COUNTERFOIL_CLOCK")
            mark(home, given.seed)
            report = play_on(system, given, progress)
            driver.advance_to(driver.now() + SECOND)  # logs are published as time goes on
            shutil.rmtree(home / MIRROR, ignore_errors=True)
            mirror(system.gateway, keys, system.sizes(), home / MIRROR, advanced)
    trusted = {key.name: key for key in keys.values()}
    return finish(home, report, home / MIRROR, trusted, advanced)


def _check(url: str, clock: ClockDriver, keys: dict[str, VerifyKey]) -> None:
    """Whether the market is the demo's, and new."""
    if clock.now() != START:
        raise OtherMarket("the clock has moved, so this market was played before: prepare a new one")
    with Gateway(url) as gateway:
        for service, key in keys.items():
            try:
                shown = gateway.log_file(service, "vkey").decode(errors="replace").strip()
            except NotThere:
                raise OtherMarket(f"{url} publishes no log of {service} yet; try again") from None
            if shown != key.vkey():
                raise OtherMarket(
                    f"{url} serves a market that was not prepared with this seed: its {service} log "
                    f"shows the key {shown[:120]}"
                )
