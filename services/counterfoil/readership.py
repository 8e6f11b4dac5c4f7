"""Who may read the rows of a view: declared with the view, as data, and asked in the query itself.

A row that a reader may not read does not exist for it: no page, filter, cursor or key tells it from one that is not
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read a row of a view. Each member is one way, and one is enough; nobody has any by default.

    `anybody`: every row is public. `public`: a column of kind ``bool``; the row is public where it is true.
    `parties`: columns that name a party, which reads the row. `programme`: the column that names a programme, whose
    readers read the row. `through`: by view, the column that names a row of it by the first part of its key; who reads
    that row reads this one, too. `roles`: by role, the column and value of the rows that a party with it reads, or None
    for every row.
    """

    anybody: bool = False
    public: str | None = None
    parties: tuple[str, ...] = ()
    programme: str | None = None
    through: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, object] | None] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns by which rows are found for a reader, each once."""
        by_role = (rows[0] for rows in self.roles.values() if rows)
        named = (*self.parties, self.programme, self.public, *self.through.values(), *by_role)
        return tuple(dict.fromkeys(name for name in named if name is not None))


NOBODY: Final = Readers()
ANYBODY: Final = Readers(anybody=True)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a reader is: a party (None for anybody), with its roles, and the programmes whose rows it may read."""

    party_id: str | None = None
    roles: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()


def ways(readers: Readers, scope: Scope) -> list[tuple[str, object]] | None:
    """The columns and values of the rows that a reader may read, without what it reads `through` others; None: all."""
    granted = [rows for role, rows in readers.roles.items() if role in scope.roles]
    if readers.anybody or None in granted:
        return None
    found: list[tuple[str, object]] = [] if readers.public is None else [(readers.public, True)]
    if scope.party_id is not None:
        found += ((column, scope.party_id) for column in readers.parties)
    if readers.programme is not None:
        found += ((readers.programme, programme_id) for programme_id in scope.programmes)
    return found + [rows for rows in granted if rows is not None]


@dataclass(frozen=True, slots=True)
class Part:
    """What a view shows of another view: the rows with these values, and its own columns of them. No event changes it.

    Its key and columns are some of the other's.
    """

    view: str
    rows: Mapping[str, object]


class Copy(msgspec.Struct, frozen=True, gc=False):
    """Set columns of the row with this key to those of another row; nothing happens unless both are there.

    For columns that say who may read a row, where the event does not: `columns` maps names to those of the row
    `source_key` of the view `source`, which never change once they are set. Made after the other changes of an apply,
    so that a row may come behind its copy.
    """

    view: str
    key: tuple[object, ...]
    source: str
    source_key: tuple[object, ...]
    columns: Mapping[str, str]


def refused_hold(purpose: str, order_id: str) -> Copy:
    """Who placed a bid or an offer that the ledger refused to hold funds for; by rules 1 to 4 its event does not say.

    Made by both logs, since the rows of one may be later than those of the other: by each with its last event of it.
    """
    if purpose == "offer":
        return Copy("holds", (order_id,), "offers", (order_id,), {"provider_id": "provider_id"})
    columns = {"beneficiary_id": "beneficiary_id", "programme_id": "programme_id"}
    return Copy("holds", (order_id,), "bids", (order_id,), columns)
