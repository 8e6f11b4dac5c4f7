"""What a log says of itself: its clock, its rules, its outages, its commitments to its state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.events import LogOpened, RulesAdopted, StateRooted, WriterResumed
from counterfoil.contract.times import SECOND, format_time


@dataclass(slots=True)
class Trail:
    """What a log says of itself, entry by entry. Times in microseconds."""

    first: int = 0
    last: int = 0
    not_later: int = 0
    """Entries that are not later than the one before them."""
    commands: int = 0
    refused: int = 0
    rules: list[dict[str, int]] = field(default_factory=list)
    outages: list[dict[str, Any]] = field(default_factory=list)
    roots: int = 0
    root: str | None = None

    def fold(self, entry: Entry) -> None:
        """Take in the next entry."""
        if entry.index == 0:
            self.first = entry.time
        elif entry.time <= self.last:
            self.not_later += 1
        self.last = max(self.last, entry.time)
        if isinstance(entry.cause, CommandCause):
            self.commands += len(entry.outcomes)
            self.refused += sum(each.refusal is not None for each in entry.outcomes)
        for event in entry.events:
            if isinstance(event, StateRooted):
                self.roots, self.root = self.roots + 1, event.root.hex()
            elif isinstance(event, LogOpened | RulesAdopted):
                self.rules.append({"version": event.rules, "from": entry.index + 1})
            elif isinstance(event, WriterResumed):
                seconds = (entry.time - event.away_since) // SECOND
                away = {"index": entry.index, "away_since": format_time(event.away_since), "seconds": seconds}
                self.outages.append(away)
