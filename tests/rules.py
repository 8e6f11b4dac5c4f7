"""Rules with other numbers, so that small worlds reach bounds that real ones seldom reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from counterfoil.core import decider, rules


@contextmanager
def changed_rules(**changes: Any) -> Iterator[None]:
    """Every version of the rules has these changes for as long as the block lasts; logs must begin inside it."""
    changed = {number: replace(each, **changes) for number, each in rules.RULES.items()}
    with patch.object(rules, "RULES", changed), patch.object(decider, "RULES", changed):
        yield


@contextmanager
def loose_paper() -> Iterator[None]:
    """Any micro-unit is payable and one reference serves for all: for tests of something else, with small numbers."""
    with changed_rules(currencies=None, unique_references=False):
        yield
