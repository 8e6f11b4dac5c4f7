"""Rules with other numbers, so that small worlds reach bounds that real ones seldom reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from counterfoil.core import rules


@contextmanager
def changed_rules(**changes: Any) -> Iterator[None]:
    """Every version of the rules has these changes for as long as the block lasts; logs must begin inside it."""
    with patch.object(rules, "RULES", {number: replace(each, **changes) for number, each in rules.RULES.items()}):
        yield
