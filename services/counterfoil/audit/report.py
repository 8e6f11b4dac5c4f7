"""Findings as values, and the report made of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `place`: a file's path, or ``entry N``."""

    log: str
    place: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Outage:
    """What a log's writer said at entry `index`: it was away from `away_since` on, for `seconds`. Deadlines waited."""

    index: int
    away_since: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """A party got new keys in place of all it had, in entry `index`: by whom, and by what.

    `proposed_by`: the operator that proposed it, and why; none if the party's recovery key signed it.
    """

    index: int
    time: str
    party_id: str
    proposed_by: str | None
    reason: str | None
    key_id: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A party belongs to a group of related parties since a time, as somebody attested."""

    party_id: str
    group_id: str
    since: str
    attested_by: str


@dataclass(frozen=True, slots=True)
class Together:
    """Two related parties, or one, have two duties that are to be kept apart, in a programme or in a contract."""

    where: str
    """The id of the programme or of the contract."""
    duties: str
    party_id: str
    related_to: str


@dataclass(frozen=True, slots=True)
class Alike:
    """The name of a party may be taken for that of another, `like`."""

    party_id: str
    name: str
    like: str
    name_of_like: str


@dataclass(frozen=True, slots=True)
class Act:
    """`by` decided about another by its office in entry `index`: stopped it, took back what it had, or let it go on.

    `event`: what it did; `party_id`, `programme_id`, `order_id`: to whom or what, as far as the event names it.
    """

    index: int
    time: str
    event: str
    by: str
    party_id: str | None
    programme_id: str | None
    order_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Tail:
    """The last `entries` of a log, from `index` on, wait for entry `needs` of `source`, which is not published yet.

    They are in the log that the checkpoint signs, and were not decided again. No fault: logs publish one by one.
    """

    index: int
    entries: int
    time: str
    source: str
    needs: int


@dataclass(slots=True)
class LogSummary:
    """What was checked of one log."""

    origin: str
    size: int = 0
    root: str = ""
    audited_before: int = 0
    """How many entries an earlier audit had replayed; the numbers that follow leave these out."""
    entries_replayed: int = 0
    commands: int = 0
    refused: int = 0
    signatures: int = 0
    events: int = 0
    trades: int = 0
    auctions: int = 0
    """How many cleared."""
    state_roots: int = 0
    rules: list[dict[str, int]] = field(default_factory=list)
    """Each rules version that was in force, with the entry from which it was."""
    outages: list[Outage] = field(default_factory=list)
    """All of them. No fault, and not provable: the log shows only that it was silent that long."""
    recoveries: list[Recovery] = field(default_factory=list)
    """All of them, in issuance's log. No fault: but whoever speaks for the party should know of it."""
    relations: list[Relation] = field(default_factory=list)
    """Every attested group, in issuance's log. No fault: but whoever knows better should say so."""
    together: list[Together] = field(default_factory=list)
    """Duties that came together after the act, as is known now: of programmes in issuance's log, of contracts in
    redemption's. No fault of the log: what followed was refused."""
    alike: list[Alike] = field(default_factory=list)
    """All of them, in issuance's log. No fault: the operator has said that both mean it, or older rules did not ask."""
    acts: list[Act] = field(default_factory=list)
    """All of them, in the logs that decided them. No fault: but each has a public reason, which outsiders can weigh."""
    state_root: str = ""
    """Behind the last entry that was decided again."""
    tail: Tail | None = None
    """What could not be decided again yet, if anything."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Per source log, the number of subscribed events not consumed yet: backlog, not a fault."""


Level = Literal["files", "replay", "arithmetic", "certificates"]
_ARITHMETIC: Final = ("notional_wrong", "trade_out_of_bounds", "conservation", "books_differ")
_CERTIFICATES: Final = ("auction_wrong", "certificate_forged", "group_favoured", "order_held_back")


def level_of(finding: Finding) -> Level:
    """What of an audit made a finding: the files, the replay, sums of each trade and balance, or an auction's check."""
    if finding.code in _CERTIFICATES:
        return "certificates"
    if finding.code in _ARITHMETIC:
        return "arithmetic"
    return "replay" if finding.place.startswith("entry ") else "files"


@dataclass(frozen=True, slots=True)
class Checked:
    """One level of an audit: how many of what it looks at were checked, and with how many findings.

    `files`: logs; `replay`: decisions made again; `arithmetic`: trades; `certificates`: auctions that cleared.
    """

    level: Level
    checked: int
    findings: int


@dataclass(slots=True)
class AuditReport:
    """The outcome of an audit: clean if there is no finding."""

    logs: list[LogSummary] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unknown_rules: list[str] = field(default_factory=list)
    """Of each log that could not be replayed to its end because this release lacks its rules: which are needed."""
    seconds: str = ""

    @property
    def clean(self) -> bool:
        """Whether everything was checked and there is no finding."""
        return not self.findings

    def levels(self) -> list[Checked]:
        """What was checked at each level."""
        checked: dict[Level, int] = {
            "files": len(self.logs),
            "replay": sum(log.entries_replayed for log in self.logs),
            "arithmetic": sum(log.trades for log in self.logs),
            "certificates": sum(log.auctions for log in self.logs),
        }
        found = Counter(map(level_of, self.findings))
        return [Checked(level, count, found[level]) for level, count in checked.items()]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {"clean": self.clean, "levels": [asdict(each) for each in self.levels()], **asdict(self)}
