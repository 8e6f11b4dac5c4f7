"""A browser and a served market, once for all tests of this folder; each test reads with an empty profile of its own.

They end with the folder: while Playwright runs, its thread has an event loop, and no other test could run one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from counterfoil.contract.times import HOUR, format_hour, format_time
from counterfoil.runtime.clock import ClockDriver, SystemClock, going_on
from tests.browser.reader import FLAGS, Reader
from tests.e2e.founding import BLOCK, NOW_HOUR, PROGRAMME, found_a_market, trade
from tests.e2e.running import Shell, eventually, serving
from tests.lacking import leave_out

VENDOR = Path(__file__).parents[2] / "services" / "counterfoil" / "console" / "static" / "vendor"
Open = Callable[..., Reader]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one process: they share the market."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    program = os.environ.get("COUNTERFOIL_TEST_CHROMIUM") or shutil.which("chromium")
    if program is None:
        leave_out("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A market that is served, with one trade; everybody may read everything. Its time can be moved on, by a file."""
    if not VENDOR.exists():
        leave_out("the console's assets are not made: make console-assets")
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    clock = folder / "clock"
    ClockDriver.create(clock, SystemClock().now())
    shell.more["COUNTERFOIL_CLOCK"] = str(clock)
    shell.ok("init", "--host", "market.example")
    with going_on(clock), serving(shell):
        found_a_market(shell, folder)
        trade(shell)
        locks, clears = (format_time((NOW_HOUR + hours) * HOUR) for hours in (40, 41))
        auction = ("--first-hour", format_hour(NOW_HOUR + 50), "--locks-at", locks, "--clears-at", clears)
        shell.ok("auction", "schedule", "--programme", PROGRAMME, *BLOCK, *auction, "--reference-price", "1.5", "--as",
                 "operator")  # fmt: skip
        eventually(lambda: httpx.get(f"{shell.url}/v1/market-trades").json()["items"], "the trade is known")
        yield shell


@pytest.fixture
def open_reader(chromium: Browser, market: Shell) -> Iterator[Open]:
    """Makes readers, each with a profile of its own; in the end none has met an error that the test did not expect."""
    readers: list[Reader] = []

    def make(**options: object) -> Reader:
        readers.append(Reader(chromium, market.url, **options))
        return readers[-1]

    yield make
    for each in readers:
        each.close()
    for each in readers:
        assert each.unexpected() == []


@pytest.fixture
def reader(open_reader: Open) -> Reader:
    """One of them."""
    return open_reader()
