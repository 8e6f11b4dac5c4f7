"""The kinds of view columns (`ports.View`): their SQL types and the Python values that they accept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Dialect, Text, TypeDecorator, func, or_
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from counterfoil.contract.canonical import canonical
from counterfoil.contract.ensure import InvariantViolation, ensure
from counterfoil.contract.limits import MAX_AMOUNT

# Keys sort by code point in both databases; SQLite does so by default.
CodePointText: Final = Text().with_variant(Text(collation="C"), "postgresql")


def canonical_text(value: object) -> str | None:
    """RFC 8785; None for None."""
    return None if value is None else canonical(value).decode()


class CanonicalJson(TypeDecorator[object]):
    """JSON stored as its RFC 8785 text; SQL NULL stands for None."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        """To canonical text."""
        return canonical_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> object:
        """To Python values."""
        return None if value is None else orjson.loads(value)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of column: its SQL type, the exact Python type of its values (`object`: anything JSON can hold)."""

    sql: TypeEngine[Any]
    python: type


_INTEGER: Final = Kind(BigInteger(), int)
KINDS: Final[dict[str, Kind]] = {
    "text": Kind(CodePointText, str),
    "int": _INTEGER,
    "amount": _INTEGER,
    "time": _INTEGER,
    "hour": _INTEGER,
    "bool": Kind(Boolean(), bool),
    "json": Kind(CanonicalJson(), object),
}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The parsed form of a column's kind in a `View`, such as ``amount`` or ``text?``."""

    kind: Kind
    optional: bool

    @property
    def sorts(self) -> bool:
        """Whether the column can be part of a key or a filter."""
        return self.kind.python is not object

    @property
    def counts(self) -> bool:
        """Whether amounts can be added to it; NULL does not allow that."""
        return self.kind.python is int and not self.optional

    def problem(self, values: Sequence[object]) -> str | None:
        """Why the column cannot store one of the values unchanged; None if it can store each."""
        python = self.kind.python
        found = set(map(type, values))
        if NoneType in found and not self.optional:
            return "must not be null"
        if python is object:
            return None
        wrong = sorted(each.__name__ for each in found - {python, NoneType})
        if wrong:
            return f"{wrong[0]} is not of its kind"
        known: Sequence[Any] = [each for each in values if each is not None] if NoneType in found else values
        if python is int and max(map(abs, known), default=0) > MAX_AMOUNT:
            return "more than 63 bits"
        if python is str and "\0" in "".join(known):
            return "U+0000, which PostgreSQL cannot hold"
        return None


def parse_kind(text: str) -> ColumnType:
    """``text?`` -> optional text. Raises `InvariantViolation` for a kind that does not exist."""
    name = text.removesuffix("?")
    ensure(name in KINDS, f"no column kind {text!r}")
    return ColumnType(KINDS[name], name != text)


def added(value: object, amount: object) -> int:
    """Their sum, which may be more than a column holds. Raises `InvariantViolation` unless both are integers."""
    if type(value) is not int or type(amount) is not int:
        raise InvariantViolation(f"{value!r} and {amount!r} cannot be added")
    return value + amount


def column(name: str, column_type: ColumnType) -> tuple[SchemaItem, ...]:
    """A view's column and, for SQLite, the check that it stays an integer: adding past 63 bits would make a REAL."""
    made: Column[Any] = Column(name, column_type.kind.sql, nullable=column_type.optional, autoincrement=False)
    if column_type.kind.python not in (int, bool):
        return (made,)
    check = CheckConstraint(or_(made.is_(None), func.typeof(made) == "integer"))
    check.ddl_if(dialect="sqlite")
    return made, check
