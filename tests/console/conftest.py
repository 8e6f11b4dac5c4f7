"""One market for all tests of the console, since none of them changes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.browsing import Browsing, browsing


@pytest.fixture(scope="package")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsing]:
    """A restricted market, and its readers."""
    with browsing(tmp_path_factory.mktemp("console")) as found:
        yield found
