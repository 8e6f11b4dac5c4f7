"""What the console's pages cost a reader: `python -m tests.browser.figures` serves a market, measures and prints it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import httpx
from playwright.sync_api import sync_playwright

from tests.browser.reader import FLAGS, Reader
from tests.e2e.founding import found_a_market, trade
from tests.e2e.running import Shell, eventually, serving

ROWS: Final = 10_000
RECEIVED: Final = """() => [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource")]
  .map(({ name, encodedBodySize }) => [name, encodedBodySize])"""
TIMES: Final = """() => {
  const { responseEnd, domContentLoadedEventEnd } = performance.getEntriesByType("navigation")[0];
  const painted = performance.getEntriesByName("first-contentful-paint")[0];
  return { responseEnd, domContentLoadedEventEnd, painted: painted ? painted.startTime : null };
}"""
SCROLLED: Final = """async () => {
  const delays = [];
  for (let at = 0; at < 20; at += 1) {
    scrollBy(0, 2000);
    const asked = performance.now();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 10)));
    delays.push(performance.now() - asked - 10);
  }
  return Math.max(...delays);
}"""


class Heaviest(NamedTuple):
    """Of a page with so many rows: figures that can be proven, elements, how many were proven by then, milliseconds
    until it was painted first, and the longest that it was busy while its reader scrolled."""

    figures: int
    elements: int
    proven: int
    painted: float
    busy: float


def heaviest(reader: Reader) -> Heaviest:
    """The market with one of its proven rows `ROWS` times; measured while the page proves what is in sight."""

    def many(route: Any) -> None:
        given = route.fetch()
        rows = re.findall(r"<tr>(?:(?!</tr>).)*data-proof.*?</tr>", given.text(), re.DOTALL)
        route.fulfill(response=given, body=given.text().replace(rows[0], rows[0] * ROWS))

    reader.context.route("**/console/market", many)
    page = reader.page
    page.goto("/console/market", wait_until="commit")
    page.locator("[data-proof]").nth(ROWS // 2).evaluate("figure => figure.scrollIntoView()", timeout=30_000)
    reader.badges("proven").first.wait_for(timeout=30_000)
    busy = float(page.evaluate(SCROLLED))
    painted = float(page.evaluate(TIMES)["painted"])
    elements = int(page.evaluate("document.querySelectorAll('*').length"))
    return Heaviest(page.locator("[data-proof]").count(), elements, reader.badges("proven").count(), painted, busy)


def main() -> None:
    """Measure, and print a line for each."""
    program = os.environ.get("COUNTERFOIL_TEST_CHROMIUM") or shutil.which("chromium")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        shell = Shell(Path(folder) / "home")
        shell.ok("init", "--host", "market.example")
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        with serving(shell):
            found_a_market(shell, Path(folder))
            trade(shell)
            eventually(lambda: httpx.get(f"{shell.url}/v1/market-trades").json()["items"])
            reader = Reader(browser, shell.url)
            page = reader.open("market")
            received = page.evaluate(RECEIVED)
            times = page.evaluate(TIMES)
            say(f"first page: {sum(size for _, size in received):,} bytes compressed, {len(received)} requests")
            say(f"first page: painted after {times['painted']:.0f} ms; asked of: {hosts(received)}")
            began = time.perf_counter()
            for _ in range(10):
                httpx.get(f"{shell.url}/console/market").raise_for_status()
            say(f"first page: made in {(time.perf_counter() - began) * 100:.0f} ms, the mean of 10")
            reader.close()
            worst = heaviest(Reader(browser, shell.url))
            say(f"{ROWS:,} rows: {worst.elements:,} elements, painted after {worst.painted:.0f} ms")
            say(
                f"{ROWS:,} rows: at most {worst.busy:.0f} ms busy while scrolled; {worst.proven} figures proven by then"
            )
        browser.close()


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def hosts(received: list[tuple[str, int]]) -> str:
    """Who was asked for anything."""
    return ", ".join(sorted({httpx.URL(url).netloc.decode() for url, _ in received}))


if __name__ == "__main__":
    main()
