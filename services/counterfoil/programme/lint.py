"""Finds what contradicts itself in a programme document, before anything is signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from counterfoil.programme.findings import Finding
from counterfoil.programme.lint_benefit import BENEFIT
from counterfoil.programme.lint_form import FORM
from counterfoil.programme.lint_life import LIFE
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import Terms

Check = Callable[[Rules], Iterator[Finding]]
ANYTHING: Final = "ANY"
"""No class or region has such an id, since ids are in small letters."""
CHECKS: Final[tuple[Check, ...]] = (*FORM, *BENEFIT, *LIFE)


def lint(rules: Rules) -> tuple[Finding, ...]:
    """All findings, errors first, in the order of the checks."""
    found = [finding for check in CHECKS for finding in check(rules)]
    return tuple(sorted(found, key=lambda each: each.severity != "error"))


def lint_change(before: Terms, after: Rules) -> tuple[Finding, ...]:
    """What a further version changes that issuers expect to change more: classes and regions for vouchers to come."""
    scope = after.document.scope
    found = []
    for name, now, known in (
        ("classes", scope.classes, before.allows_class),
        ("regions", scope.regions, before.allows_region),
    ):
        added = [ANYTHING] if isinstance(now, str) and not known(ANYTHING) else []
        added += [] if isinstance(now, str) else [each for each in now if not known(each)]
        if added:
            text = f"{', '.join(added)}: only vouchers of this version pay for it"
            found.append(Finding("scope_widened", text, (f"scope.{name}",)))
    return tuple(found)


def blocks(found: tuple[Finding, ...]) -> bool:
    """Whether a document with these findings cannot be published."""
    return any(each.severity == "error" for each in found)
