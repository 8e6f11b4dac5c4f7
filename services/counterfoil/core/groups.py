"""Groups of related parties: facts that somebody attested, each true from a time on.

A party belongs to the group that it was registered with until another one is attested. Of the facts about a party, the
one that begins last holds now; of those that begin at the same time, the one attested last. So a fact is corrected by
another that begins with it, and one that is stated late leaves the present as it is.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.core.form import TEXT, TIME, Form, listed, row


class Fact(NamedTuple):
    """Somebody attested that a party belongs to a group since a time (microseconds)."""

    group_id: str
    since: int
    attested_by: str


class History(NamedTuple):
    """The group that a party was registered with, and every fact attested since, by when it begins."""

    registered: str
    facts: tuple[Fact, ...] = ()

    def at(self, time: int) -> str:
        """The group at a time (microseconds), as far as is known now."""
        return next((fact.group_id for fact in reversed(self.facts) if fact.since <= time), self.registered)

    def now(self) -> str:
        """The group that holds now: no fact begins after the entry that attests it."""
        return self.facts[-1].group_id if self.facts else self.registered

    def attested(self, fact: Fact) -> History:
        """The history with one more fact."""
        before = sum(1 for each in self.facts if each.since <= fact.since)
        return self._replace(facts=(*self.facts[:before], fact, *self.facts[before:]))

    def attested_by(self, party_id: str) -> int:
        """How many of the facts that party attested."""
        return sum(1 for fact in self.facts if fact.attested_by == party_id)


HISTORY: Final = Form(
    "relations",
    ("party_id",),
    row(
        History,
        registered=TEXT,
        facts=listed(row(Fact, group_id=TEXT, since=TIME, attested_by=TEXT)),
    ),
    "the groups of related parties that a party belonged to, once another than the registered one was attested",
)
