"""Files with lines of use: what applications and claims on invoices have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, TypeVar

from counterfoil.cli.command import Invalid
from counterfoil.cli.document_files import read_data
from counterfoil.cli.values import parse_amount, parse_sha256
from counterfoil.contract.applications import ApplicationLine, ContractDays, OtherSupport
from counterfoil.contract.times import parse_day

T = TypeVar("T")

_OF_LINE: Final = {
    "id", "sku", "instrument", "amount", "tax", "quantity", "unit", "class_id", "region", "provider_id", "starts",
    "ends",
}  # fmt: skip


def read_case(file: Path, members: Collection[str], needed: str, make: Callable[[dict[str, Any]], T]) -> T:
    """What `make` makes of a file with `lines` and no other than these members. Raises `Invalid`.

    `needed`: what to say of a file without lines. `make` may raise TypeError and ValueError.
    """
    data = read_data(file)
    if not isinstance(data, dict) or not isinstance(data.get("lines"), list):
        raise Invalid(f"{file}: {needed}")
    if strange := sorted(map(str, data.keys() - set(members))):
        raise Invalid(f"{file}: no member {strange[0]!r}; there are {', '.join(sorted(members))}")
    try:
        return make(data)
    except (TypeError, ValueError) as problem:
        raise Invalid(f"{file}: {problem}") from problem


def part_of(data: dict[str, Any], name: str, kind: type[T], says: str) -> T:
    """A member of a file, empty where it is left out. Raises TypeError that says what it is, if it is another."""
    given = data.get(name)
    if given is None:
        return kind()
    if not isinstance(given, kind):
        raise TypeError(f"`{name}` is {says}")
    return given


def member_of(given: dict[str, Any], name: str, of: str) -> Any:
    """A member that has to be there. Raises ValueError."""
    if given.get(name) is None:
        raise ValueError(f"`{name}` of `{of}` is missing")
    return given[name]


def digest_of(given: object) -> bytes:
    """A SHA-256 digest as a file has it. Raises ValueError."""
    return parse_sha256(str(given))


def other_support_of(data: dict[str, Any]) -> tuple[OtherSupport, ...]:
    """What other programmes pay, as a file has it: amounts by programme. Raises ValueError or TypeError."""
    given = part_of(data, "other_support", dict, "amounts by programme")
    return tuple(OtherSupport(programme=str(name), amount=parse_amount(str(amount))) for name, amount in given.items())


def contract_of(data: dict[str, Any]) -> ContractDays | None:
    """The contract that a file names, if any. Raises ValueError or TypeError."""
    contract = part_of(data, "contract", dict, "its `sha256`, and the days `signed`, `starts` and `ends`")
    if not contract:
        return None
    days = {name: day_of(member_of(contract, name, "contract")) for name in ("signed", "starts", "ends")}
    return ContractDays(sha256=digest_of(member_of(contract, "sha256", "contract")), **days)


def line_of(given: object) -> ApplicationLine:
    """A line as a file has it. Raises ValueError or TypeError."""
    if not isinstance(given, dict):
        raise TypeError("each of `lines` has members such as `id`, `sku` and `amount`")
    if strange := sorted(map(str, given.keys() - _OF_LINE)):
        raise ValueError(f"a line has no member {strange[0]!r}")
    days = {name: None if given.get(name) is None else day_of(given[name]) for name in ("starts", "ends")}
    named = {name: given.get(name) for name in ("unit", "class_id", "region", "provider_id")}
    amounts = {name: parse_amount(str(given.get(name, 0))) for name in ("amount", "tax", "quantity")}
    members: dict[str, Any] = {"instrument": given.get("instrument", "COMPUTE"), **amounts, **named, **days}
    return ApplicationLine(id=member_of(given, "id", "lines"), sku=member_of(given, "sku", "lines"), **members)


def day_of(given: object) -> int:
    """A day as a file has it. Raises ValueError."""
    return parse_day(str(given))  # YAML makes dates of what looks like one
