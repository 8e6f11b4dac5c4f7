"""Finds what contradicts itself in a programme document, before anything is signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from counterfoil.programme.findings import Finding
from counterfoil.programme.lint_benefit import BENEFIT
from counterfoil.programme.lint_form import FORM
from counterfoil.programme.lint_life import LIFE
from counterfoil.programme.rules import Rules

Check = Callable[[Rules], Iterator[Finding]]
CHECKS: Final[tuple[Check, ...]] = (*FORM, *BENEFIT, *LIFE)


def lint(rules: Rules) -> tuple[Finding, ...]:
    """All findings, errors first, in the order of the checks."""
    found = [finding for check in CHECKS for finding in check(rules)]
    return tuple(sorted(found, key=lambda each: each.severity != "error"))


def blocks(found: tuple[Finding, ...]) -> bool:
    """Whether a document with these findings cannot be published."""
    return any(each.severity == "error" for each in found)
