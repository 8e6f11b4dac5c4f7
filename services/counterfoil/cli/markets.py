"""The currency of a market, for commands that do not name it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from counterfoil.cli.command import Invalid
from counterfoil.client.problems import RefusedByService

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway


@lru_cache(256)
def currency_of(gateway: Gateway, class_id: str, region: str) -> str:
    """The only currency of a class in a region. Raises `Invalid` if there are several, or none is known."""
    try:
        return str(gateway.depth(class_id, region)["currency"])
    except RefusedByService as problem:
        if problem.code != "currency_needed":
            raise
        raise Invalid(f"name the currency with --currency CODE; {problem.fields.get('detail', '')}") from problem


def name_currency(gateway: Gateway, values: dict[str, Any]) -> None:
    """Complete the options of an offer. Raises as `currency_of`."""
    if values["currency"] is None:
        values["currency"] = currency_of(gateway, values["class_"], values["region"])
