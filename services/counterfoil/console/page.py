"""What a page is: an address, a template, and the read that fills it; and what all pages have around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from counterfoil.console.look import Look
from counterfoil.console.words import N_

Read = Callable[..., Mapping[str, Any]]
"""(look, the parameters of the path) -> the values of the template; under ``tables`` those that are given as CSV."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page below ``/console``. `title`: a message. `role`: whose main menu has it; None for everybody's."""

    path: str
    template: str
    title: str
    read: Read


class Item(NamedTuple):
    """An entry of the main menu. `role`: of the parties that see it, besides those who may read everything."""

    path: str
    label: str
    role: str | None = None


MENU: Final = (
    Item("market", N_("Market")),
    Item("programmes", N_("Programmes")),
    Item("start-up", N_("Start-up"), "beneficiary"),
    Item("provider", N_("Provider"), "provider"),
    Item("issuer", N_("Issuer"), "issuer"),
    Item("audit", N_("Audit"), "auditor"),
    Item("operation", N_("Operation"), "operator"),
    Item("logs", N_("Logs")),
)


def menu_of(look: Look) -> list[Item]:
    """The entries that a reader sees."""
    return [each for each in MENU if each.role is None or look.everything or each.role in look.roles]
