"""A person in front of a browser: opens pages of the console, and remembers whatever went wrong there."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Locator, Page

PATIENCE = 10_000  # milliseconds for anything that a page does
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""Without them a browser that reaches no other machine waits for it."""
MISSING = re.compile(r"Failed to load resource: the server responded with a status of 40[134]")


class Reader:
    """A browser profile with its first page. `expected`: patterns of errors that the test means to cause."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        given = {
            "locale": "en-US",
            "timezone_id": "Europe/Berlin",
            "viewport": {"width": 1440, "height": 900},
            **options,
        }
        self.context = browser.new_context(base_url=url, **given)
        self.context.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.expected: list[str] = []
        self.page = self.another_page()

    def another_page(self) -> Page:
        """A further tab of the same profile."""
        page = self.context.new_page()
        page.on("pageerror", lambda problem: self.errors.append(f"error: {problem}"))
        page.on("console", lambda line: self.errors.append(line.text) if line.type in ("error", "warning") else None)
        return page

    def open(self, path: str, page: Page | None = None) -> Page:
        """A page of the console, once its modules have done their work."""
        page = page or self.page
        page.goto(f"/console/{path}")
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    def badges(self, state: str) -> Locator:
        """The badges in one state."""
        return self.page.locator(f".badge[data-state={state}]")

    def said(self, state: str) -> str:
        """What the first badge in a state says, opened as a reader opens it."""
        badge = self.badges(state).first
        if badge.get_attribute("aria-expanded") == "false":
            badge.click()
        return self.page.locator(f"#{badge.get_attribute('aria-controls')}").inner_text()

    def unexpected(self) -> list[str]:
        """Errors, warnings and breaches of the policy that the test did not mean to cause."""
        return [each for each in self.errors if not any(re.search(pattern, each) for pattern in self.expected)]

    def close(self) -> None:
        """Close the profile."""
        self.context.close()
