"""The notice of a reclaim that contracts carry, and when what follows from it is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.times import HOUR
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import COUNT, FLAG, Form, optional, row
from counterfoil.core.table import Table


class Carried(NamedTuple):
    """Hours of notice; the first hour that is reclaimed, once notice was given; and whether that has begun."""

    notice_hours: int
    hour: int | None = None
    is_over: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether notice was given, and delivery goes on."""
        return self.hour is not None and not self.is_over


NOTICE: Final = Form(
    "notice",
    ("contract_id",),
    row(Carried, notice_hours=COUNT, hour=optional(COUNT), is_over=FLAG),
    "of a contract whose provider may reclaim its hours: with how many hours of notice; the first that is reclaimed,"
    " once notice was given; and whether that has begun",
)


class _Opened(Protocol):
    """What is asked of a contract: contracts that are due at the same time are taken in the order of their entries."""

    index: int


class Notices:
    """What contracts carry. `reclaiming`: when hours are reclaimed; `reporting`: of what is left by when, if any is."""

    __slots__ = ("_is_open", "_lacks_reports", "reclaiming", "reporting", "table")

    def __init__(self, is_open: Callable[[str], bool], lacks_reports: Callable[[str], bool]) -> None:
        self.table: Table[str, Carried] = Table(NOTICE)
        self._is_open, self._lacks_reports = is_open, lacks_reports
        self.reclaiming, self.reporting = Deadlines(self._is_pending), Deadlines(self._is_wanted)

    def hour(self, contract_id: str) -> int | None:
        """The first hour that is reclaimed of a contract, if notice was given."""
        carried = self.table.get(contract_id)
        return None if carried is None else carried.hour

    def is_over(self, contract_id: str) -> bool:
        """Whether hours of the contract were reclaimed."""
        carried = self.table.get(contract_id)
        return carried is not None and carried.is_over

    def begin(self, contract_id: str, hour: int, index: int) -> None:
        """Notice was given, of a contract that the entry `index` opened."""
        self.table[contract_id] = self.table[contract_id]._replace(hour=hour)
        self.reclaiming.add(hour * HOUR, index, 0, contract_id)

    def end(self, contract_id: str) -> None:
        """The hours are reclaimed."""
        self.table[contract_id] = self.table[contract_id]._replace(is_over=True)
        self.reclaiming.ended()

    def contract_ended(self) -> None:
        """A contract has ended, perhaps one that carries a notice."""
        self.reclaiming.ended()
        self.reporting.ended()

    def forget(self, contract_id: str) -> None:
        """Nothing follows from the contract any more."""
        self.table.take(contract_id)

    def rebuild(self, contracts: Mapping[str, _Opened]) -> None:
        """Derive what is not in the table; `reporting` is for the caller to fill."""
        self.reclaiming, self.reporting = Deadlines(self._is_pending), Deadlines(self._is_wanted)
        for contract_id, carried in self.table.items():
            if carried.is_pending:
                self.reclaiming.add(self._begins(contract_id), contracts[contract_id].index, 0, contract_id)

    def _begins(self, contract_id: str) -> int:
        hour = self.hour(contract_id)
        if hour is None:
            raise InvariantViolation("redemption: no notice was given")
        return hour * HOUR

    def _is_pending(self, contract_id: str) -> bool:
        carried = self.table.get(contract_id)
        return carried is not None and carried.is_pending and self._is_open(contract_id)

    def _is_wanted(self, contract_id: str) -> bool:
        return self.is_over(contract_id) and self._lacks_reports(contract_id)
