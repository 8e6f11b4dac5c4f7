"""Who controls whom, in issuance's state: shares of votes, and other ways, each as it was attested last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from counterfoil.contract.limits import BPS
from counterfoil.core.form import COUNT, TEXT, Form, row
from counterfoil.core.table import Table
from counterfoil.issuance.claimed import without

VOTES: Final = "MAJORITY_OF_VOTES"
MAX_SEARCHED: Final = 1_024
"""Undertakings that are looked through for a chain; who has more around it is taken for related."""


class Control(NamedTuple):
    """So much of an undertaking, since a day, as somebody attested."""

    share_bps: int
    on: int
    attested_by: str


CONTROL: Final = Form(
    "control",
    ("owner_id", "party_id", "kind"),
    row(Control, share_bps=COUNT, on=COUNT, attested_by=TEXT),
    "what an undertaking has of another: a share of votes, or control in another way",
)
Key = tuple[str, str, str]


class Controls:
    """What is attested, by owner, owned and kind, and from either side."""

    __slots__ = ("_of", "table")

    def __init__(self) -> None:
        self.table: Table[Key, Control] = Table(CONTROL)
        self._of: dict[str, dict[Key, None]] = {}

    def rebuild(self) -> None:
        """Derive what is not in the table."""
        self._of = {}
        for key in self.table:
            self._index(key)

    def _index(self, key: Key) -> None:
        for side in key[:2]:
            self._of.setdefault(side, {})[key] = None

    def attest(self, key: Key, control: Control) -> None:
        """Know it in the place of what was known; nothing is kept of what is no more."""
        if control.share_bps:
            self.table[key] = control
            self._index(key)
        elif key in self.table:
            del self.table[key]
            for side in key[:2]:
                without(self._of, side, key)

    def number(self, undertaking: str) -> int:
        """How much is known of an undertaking, as owner and as owned."""
        return len(self._of.get(undertaking, ()))

    def _around(self, undertaking: str, tests: Collection[str], over: Fraction) -> Iterator[str]:
        """Those that it controls, and that control it, by these tests: votes are more than a share of them."""
        for key in self._of.get(undertaking, ()):
            kind, bps = key[2], self.table[key].share_bps
            if kind in tests and (kind != VOTES or Fraction(bps, BPS) > over):
                yield key[1] if key[0] == undertaking else key[0]

    def linked(
        self, one: str, other: str, tests: Collection[str], over: Fraction, group: Callable[[str], Iterable[str]]
    ) -> bool:
        """Whether a chain leads from one undertaking to another; those of one `group` are one."""
        seen, new = {one: None}, [one]
        while new:
            each = new.pop()
            if each == other or len(seen) > MAX_SEARCHED:
                return True
            for near in (*self._around(each, tests, over), *group(each)):
                if near not in seen:
                    seen[near] = None
                    new.append(near)
        return False
