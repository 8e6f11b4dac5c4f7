"""Files with lines of use: what applications and claims on invoices have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, TypeVar

from counterfoil.cli.command import Invalid
from counterfoil.cli.document_files import read_data
from counterfoil.cli.values import parse_amount
from counterfoil.contract.applications import ApplicationLine, ContractDays, OtherSupport
from counterfoil.contract.times import parse_day

T = TypeVar("T")

_OF_LINE: Final = {
    "id", "sku", "instrument", "amount", "tax", "quantity", "unit", "class_id", "region", "provider_id", "starts",
    "ends",
}  # fmt: skip


def read_case(file: Path, members: Collection[str], needed: str, make: Callable[[dict[str, Any]], T]) -> T:
    """What `make` makes of a file with `lines` and no other than these members. Raises `Invalid`.

    `needed`: what to say of a file without lines. `make` may raise TypeError, ValueError, AttributeError, KeyError.
    """
    data = read_data(file)
    if not isinstance(data, dict) or not isinstance(data.get("lines"), list):
        raise Invalid(f"{file}: {needed}")
    if strange := sorted(map(str, data.keys() - set(members))):
        raise Invalid(f"{file}: no member {strange[0]!r}; there are {', '.join(sorted(members))}")
    try:
        return make(data)
    except (TypeError, ValueError, AttributeError, KeyError) as problem:
        raise Invalid(f"{file}: {problem}") from problem


def other_support_of(data: dict[str, Any]) -> tuple[OtherSupport, ...]:
    """What other programmes pay, as a file has it: amounts by programme. Raises ValueError."""
    given = data.get("other_support", {}).items()
    return tuple(OtherSupport(programme=name, amount=parse_amount(str(amount))) for name, amount in given)


def contract_of(data: dict[str, Any]) -> ContractDays | None:
    """The contract that a file names, if any. Raises ValueError or KeyError."""
    contract = data.get("contract")
    if contract is None:
        return None
    days = {name: day_of(contract[name]) for name in ("signed", "starts", "ends")}
    return ContractDays(sha256=bytes.fromhex(contract["sha256"]), **days)


def line_of(given: dict[str, Any]) -> ApplicationLine:
    """A line as a file has it. Raises ValueError, TypeError or KeyError."""
    if strange := sorted(map(str, given.keys() - _OF_LINE)):
        raise ValueError(f"a line has no member {strange[0]!r}")
    days = {name: None if given.get(name) is None else day_of(given[name]) for name in ("starts", "ends")}
    named = {name: given.get(name) for name in ("unit", "class_id", "region", "provider_id")}
    amounts = {name: parse_amount(str(given.get(name, 0))) for name in ("amount", "tax", "quantity")}
    members: dict[str, Any] = {"instrument": given.get("instrument", "COMPUTE"), **amounts, **named, **days}
    return ApplicationLine(id=given["id"], sku=given["sku"], **members)


def day_of(given: object) -> int:
    """A day as a file has it. Raises ValueError."""
    return parse_day(str(given))  # YAML makes dates of what looks like one
