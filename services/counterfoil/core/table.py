"""State as data: tables whose rows are the records that the state root commits to.

A table is read like a dictionary. It remembers which of its rows were written since it was last asked, so that the cost
of a state root grows with the changes. A row that is changed in place is taken by `edit`, which marks it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.core.form import Form, Key

K = TypeVar("K")
V = TypeVar("V")
Record = tuple[str, Any]
"""A key and a JSON value."""


class Records(Protocol):
    """One kind of record of a state. `touched`: the keys of the rows written since they were last taken, in order."""

    form: Form
    touched: dict[Any, None]

    __slots__ = ()

    def mark(self, key: Key) -> None:
        """Say that a row was written, or removed."""
        self.touched[key] = None

    def find(self, key: Key) -> Any:
        """The row, None if there is none."""
        ...

    def rows(self) -> Iterable[tuple[Key, Any]]:
        """Every row with its key, in any order."""
        ...

    def put(self, key: Key, row: Any) -> None:
        """Write a row, new or in the place of another."""
        ...


class Table(dict[K, V], Records):
    """Rows by key."""

    __slots__ = ("form", "touched")

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        self.touched: dict[K, None] = {}

    def edit(self, key: K) -> V:
        """The row, to be changed in place."""
        self.touched[key] = None
        return self[key]

    def __setitem__(self, key: K, row: V) -> None:
        self.touched[key] = None
        dict.__setitem__(self, key, row)

    def __delitem__(self, key: K) -> None:
        self.touched[key] = None
        dict.__delitem__(self, key)

    def pop(self, key: K) -> V:  # type: ignore[override]
        """Remove a row and return it."""
        row = self[key]
        del self[key]
        return row

    def take(self, key: K) -> V | None:
        """Remove a row and return it; None if there is none."""
        return self.pop(key) if key in self else None

    def find(self, key: K) -> V | None:
        """The row, None if there is none."""
        return self.get(key)

    def rows(self) -> Iterable[tuple[K, V]]:
        """Every row with its key."""
        return self.items()

    def put(self, key: K, row: V) -> None:
        """Write a row, new or in the place of another."""
        self[key] = row

    def _unmarked(self, *_: object, **__: object) -> NoReturn:
        raise InvariantViolation("a table marks what is written row by row")

    setdefault = update = popitem = clear = __ior__ = _unmarked


class CountedTable(Table[K, V]):
    """Rows by key, counted by what they belong to. `of`: what a row belongs to; an edit in place does not change it."""

    __slots__ = ("_numbers", "_of")

    def __init__(self, form: Form, of: Callable[[K, V], str | None]) -> None:
        super().__init__(form)
        self._of = of
        self._numbers: dict[str, int] = {}

    def number(self, owner: str) -> int:
        """How many rows belong to that."""
        return self._numbers.get(owner, 0)

    def _count(self, key: K, row: V, more: int) -> None:
        owner = self._of(key, row)
        if owner is not None:
            number = self._numbers.get(owner, 0) + more
            if number:
                self._numbers[owner] = number
            else:
                del self._numbers[owner]

    def __setitem__(self, key: K, row: V) -> None:
        if key in self:
            self._count(key, self[key], -1)
        self._count(key, row, 1)
        super().__setitem__(key, row)

    def __delitem__(self, key: K) -> None:
        self._count(key, self[key], -1)
        super().__delitem__(key)


class OwnedTable(CountedTable[K, V]):
    """As that, with the keys of the rows of one owner at hand."""

    __slots__ = ("_owned",)

    def __init__(self, form: Form, of: Callable[[K, V], str | None]) -> None:
        super().__init__(form, of)
        self._owned: dict[str, dict[K, None]] = {}

    def owned(self, owner: str) -> Collection[K]:
        """The keys of the rows that belong to that, in any order."""
        return self._owned.get(owner, {}).keys()

    def _count(self, key: K, row: V, more: int) -> None:
        super()._count(key, row, more)
        owner = self._of(key, row)
        if owner is None:
            return
        keys = self._owned.setdefault(owner, {})
        if more > 0:
            keys[key] = None
            return
        del keys[key]
        if not keys:
            del self._owned[owner]


class Nested(dict[str, dict[K, V]], Records, Generic[K, V]):
    """Rows by a key of two parts: ``nested[outer][inner]``. The inner dictionaries are only to be read."""

    __slots__ = ("form", "touched")

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        self.touched: dict[tuple[str, K], None] = {}

    def edit(self, key: tuple[str, K]) -> V | None:
        """The row, to be changed in place; None if there is none."""
        self.touched[key] = None
        return self.find(key)

    def find(self, key: tuple[str, K]) -> V | None:
        """The row, None if there is none."""
        inner = self.get(key[0])
        return None if inner is None else inner.get(key[1])

    def rows(self) -> Iterator[tuple[tuple[str, K], V]]:
        """Every row with its key."""
        for outer, inner in self.items():
            for each, row in inner.items():
                yield (outer, each), row

    def put(self, key: tuple[str, K], row: V) -> None:
        """Write a row, new or in the place of another."""
        self.touched[key] = None
        inner = self.get(key[0])
        if inner is None:
            inner = {}
            dict.__setitem__(self, key[0], inner)
        inner[key[1]] = row

    def drop(self, outer: str) -> None:
        """Remove all rows whose key begins with `outer`."""
        for inner in self[outer]:
            self.touched[outer, inner] = None
        dict.__delitem__(self, outer)

    def _unmarked(self, *_: object, **__: object) -> NoReturn:
        raise InvariantViolation("a table marks what is written row by row")

    setdefault = update = popitem = clear = pop = _unmarked
    __setitem__ = __delitem__ = __ior__ = _unmarked


def dump(tables: Iterable[Records]) -> Iterator[Record]:
    """Every record, in any order."""
    for table in tables:
        form, value = table.form, table.form.value.dump
        for key, row in table.rows():
            yield form.key(key), value(row)


def count_touched(tables: Iterable[Records]) -> int:
    """How many records were written since they were last taken."""
    return sum([len(table.touched) for table in tables])


def take_touched(tables: Iterable[Records]) -> Iterator[tuple[str, Any]]:
    """The records written since the last call, each as it is now; None stands for one that is gone."""
    for table in tables:
        form, value = table.form, table.form.value.dump
        for key in table.touched:
            row = table.find(key)
            yield form.key(key), None if row is None else value(row)
        table.touched.clear()


def forget_touched(tables: Iterable[Records]) -> None:
    """Take no record as written."""
    for table in tables:
        table.touched.clear()


def load(tables: Sequence[Records], records: Iterable[Record]) -> None:
    """Fill empty tables from the records of a dump, in any order."""
    by_prefix = {table.form.prefix: table for table in tables}
    for key, value in records:
        table = by_prefix.get(key.partition("/")[0])
        if table is None:
            raise InvariantViolation(f"no table has records like {key}")
        table.put(*table.form.row(key, value))
    forget_touched(tables)
