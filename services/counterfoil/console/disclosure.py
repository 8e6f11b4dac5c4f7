"""What a programme makes public of its grants: the report R13, from the views instead of the logs, for anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from counterfoil.console.look import Look
from counterfoil.console.programmes import programme_of, rules_of
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.programme.rules import Rules
from counterfoil.reports.disclosure import public_of
from counterfoil.reports.tables import Row

_BATCH: Final = 1_000
_LARGEST: Final = 20
_GRANTS: Final = (
    Column("granted_on", N_("Granted on")),
    Column("beneficiary", N_("Beneficiary")),
    Column("amount", N_("Amount"), "amount", unit="unit"),
    Column("purpose", N_("Purpose"), "list"),
    Column("providers", N_("Providers"), "list"),
    Column("decision", N_("Decision")),
)


class _Views:
    """Rows of the views, all of them: what of these anybody may know is for the programme's document to say."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._parties: dict[object, Row] | None = None

    def rows(self, view: str, **filters: object) -> Iterator[Row]:
        """The rows with these values, in the view's order."""
        after: tuple[object, ...] | None = None
        while True:
            found = self._look.views.page(view, filters, after, _BATCH)
            yield from found
            if len(found) < _BATCH:
                return
            after = self._look.place_of(view, found[-1])

    def get(self, view: str, *key: object) -> Row | None:
        """A row. Parties are read once and all together, since each grant asks for one."""
        if view != "parties":
            return self._look.views.get(view, key)
        if self._parties is None:
            self._parties = {row["party_id"]: row for row in self.rows("parties")}
        return self._parties.get(key[0])


class _Known:
    """What R13 asks, as of the entries that the page reflects."""

    def __init__(self, look: Look) -> None:
        self.tables, self.time, self._look = _Views(look), look.now(), look

    def rules(self, programme_id: str, version: int | None = None) -> Rules | None:
        """What the document of a version lays down."""
        return rules_of(self._look, programme_id, version)


def read(look: Look, programme_id: str) -> Mapping[str, Any]:
    """The page. Raises `Problem`; `TookTooLong` where a programme has more grants than a read may take."""
    programme = programme_of(look, programme_id)
    unit, known = programme["currency"], _Known(look)
    *grants, everything = public_of(known, programme_id)
    rules = rules_of(look, programme_id, programme["version"])
    publication = None if rules is None else rules.document.publication
    rows = [{**row, "unit": unit} for row in reversed(grants)]
    shown, older = look.part("grants", rows)
    table = Table("grants", N_("Grants, the newest first"), _columns(rows), shown, older)
    named = [row for row in rows if row["amount"] is not None and row["beneficiary"]]
    largest = sorted(named, key=lambda row: -row["amount"])[:_LARGEST]
    return {
        "programme": programme,
        "issuer": look.name_of(programme["issuer_id"]),
        "publication": publication,
        "everything_granted": everything,
        "grants": table,
        "bars": [(row["beneficiary"], (("a", row["amount"]),)) for row in largest],
        "tables": [table],
    }


def _columns(rows: list[dict[str, Any]]) -> tuple[Column, ...]:
    """Those that a document of one of these grants makes public."""
    return tuple(each for each in _GRANTS if any(row[each.name] is not None for row in rows)) or _GRANTS[:1]
