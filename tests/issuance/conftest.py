"""Amounts here are small and odd, and one reference serves for all: `tests/paper` has what is payable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rules import loose_paper


@pytest.fixture
def any_paper() -> Iterator[None]:
    with loose_paper():
        yield
