"""The market of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import pytest

from counterfoil.core import rules
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance import rules as adoption
from tests.authority.prepared import Market, prepared


@pytest.fixture
def market() -> Iterator[Market]:
    """The prepared market, at a time when there are rules to adopt."""
    known = {**RULES, LATEST + 1: replace(RULES[LATEST], number=LATEST + 1)}
    with patch.object(rules, "RULES", known), patch.object(adoption, "RULES", known):
        yield prepared()
