"""What commands made: from the reducers of the views, so that it is declared once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from counterfoil.catalogue import CATALOGUE, VIEWS
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import log_of
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ports import Put, View

_TOTALS: Final = frozenset({"balances", "closing_balances", "payable", "postings", "receivables", "rules"})
"""Views of sums and of their parts, and of the rules: whoever gives a command follows none of their rows."""
_VIEWS: Final = {view.name: view for view in VIEWS}


class Made(NamedTuple):
    """A row that an entry makes."""

    view: View
    key: tuple[object, ...]


def made_by(entry: Entry) -> list[Made]:
    """The first row that each event of an entry makes, in order of the events; of most events none."""
    return list(_made(entry, entry.events))


def followed_of(entry: Entry) -> list[Made | None]:
    """What is followed of each command of an entry: the first row that its events make; None for none."""
    events = iter(entry.events)
    each = [tuple(islice(events, 0 if outcome.refusal else outcome.events)) for outcome in entry.outcomes]
    return [next(_made(entry, those), None) for those in each]


def _made(entry: Entry, events: Sequence[Event]) -> Iterator[Made]:
    log = log_of(entry.origin)
    at, reducers = At(entry.time, entry.index, 0, log.shard), CATALOGUE[log.service].reducers
    for event in events:
        changes = reducers[type(event)](event, at) if type(event) in reducers else ()
        put = next((each for each in changes if isinstance(each, Put) and each.view not in _TOTALS), None)
        if put is not None:
            view = _VIEWS[put.view]
            yield Made(view, tuple(put.row[name] for name in view.key))
