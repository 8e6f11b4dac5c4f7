"""Assertions that survive ``python -O``: a failed one is a bug, never a business refusal."""

from __future__ import annotations


class InvariantViolation(Exception):
    """A rule that the code itself guarantees does not hold; the process must stop."""


def ensure(condition: bool, message: str) -> None:
    """Raise `InvariantViolation` with `message` unless `condition` holds."""
    if not condition:
        raise InvariantViolation(message)
