"""What a machine lacks for a test: the test is left out with the reason, or fails where everything must run."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def leave_out(text: str) -> NoReturn:
    """Skip the test; with COUNTERFOIL_TEST_REQUIRE=1, as in CI, fail it. `text`: what is missing, and what helps."""
    if os.environ.get("COUNTERFOIL_TEST_REQUIRE") == "1":
        pytest.fail(text, pytrace=False)
    raise pytest.skip.Exception(text)
