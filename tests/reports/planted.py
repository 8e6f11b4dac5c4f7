"""Logs as lists of events: what a pattern must find is put into them, and what it must leave alone beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from counterfoil.contract.entry import Entry, Outcome, TimerCause
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import Role
from counterfoil.contract.times import DAY
from counterfoil.ledger.events import Balance, Leg
from counterfoil.reports.alerts import Found, found
from counterfoil.reports.folding import Attempt, Folded
from counterfoil.reports.tables import Ref
from tests.contract.samples import sample

BEGIN = 20_000 * DAY
USD = 1_000_000


def event(kind: type[Event], **given: Any) -> Any:
    """An event with these members; the others are those of its sample."""
    return replace(sample(kind), **given)


def leg(asset: str, debit: str, credit: str, amount: int) -> Leg:
    """A posting, whose balances nobody looks at."""
    nothing = Balance(n=2, posted=0, held=0)
    return Leg(
        effect="post", asset=asset, debit=debit, credit=credit, amount=amount, debit_after=nothing, credit_after=nothing
    )


class Planted:
    """What is read of logs that are written here, entry by entry."""

    def __init__(self) -> None:
        self.folded = Folded({})
        self._sizes: Counter[str] = Counter()

    def add(self, service: str, day: int, *events: Event) -> Ref:
        """An entry with events, so many days after the beginning."""
        log, index = LogId(service), self._sizes[service]
        self._sizes[service] += 1
        time = BEGIN + day * DAY + index
        cause = TimerCause("test", time)
        self.folded.fold(log, Entry(f"x/{log}", index, f"{index}", time, "", cause, False, (Outcome(1, None),), events))
        return Ref(log, index)

    def refused(self, service: str, actor: str, body: Any, code: Code) -> None:
        """A command that was refused."""
        index = self._sizes[service]
        self._sizes[service] += 1
        attempt = Attempt(Ref(LogId(service), index), BEGIN, actor, type(body).TYPE, body, code)
        self.folded.attempts.append(attempt)

    def party(self, name: str, role: Role = "beneficiary", *, group: str = "") -> None:
        """A party, in a group of its own or in one that was attested a year later."""
        from counterfoil.contract.events import GroupAttested, PartyRegistered

        self.add("issuance", 0, event(PartyRegistered, party_id=name, group_id=name, roles=(role,), name=name))
        if group:
            facts = {"party_id": name, "group_id": group, "group_after": group}
            self.add("issuance", 365, event(GroupAttested, **facts))

    def found(self, pattern: str, **thresholds: int) -> list[Found]:
        """What a pattern finds."""
        self.folded.tables.finish()
        given = {f"{pattern}.{name}": number for name, number in thresholds.items()}
        self.folded.given = replace(self.folded.given, thresholds=given)
        return found(self.folded, None, pattern)
