"""Statements of a world: for every party and month they close, and together they have every posting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from counterfoil.cli.movements import sections_of, totals
from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotThere
from counterfoil.core.at import At
from counterfoil.ledger.events import VoucherCredited, VoucherRestored
from counterfoil.ledger.posting_views import CLOSINGS, POSTINGS, postings
from counterfoil.ledger.transfer_events import VoucherReissued
from counterfoil.ports import Put
from counterfoil.vocabulary import CODEC
from tests.properties.world import World


class LedgerRows:
    """Answers queries as a gateway does, from the ledger's log."""

    def __init__(self, world: World) -> None:
        self.views: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {"postings": {}, "closing_balances": {}}
        self.vouchers: dict[str, dict[str, Any]] = {}
        issuance = world.state("issuance")
        self.programmes = [
            {"programme_id": name, "issuer_id": each.current.issuer_id, "currency": issuance.terms(name).currency}
            for name, each in issuance.programmes.items()
        ]
        for data in world.logs["ledger"]:
            entry = CODEC.decode_entry(data)
            for event in entry.events:
                if isinstance(event, VoucherCredited | VoucherRestored | VoucherReissued):
                    names = ("voucher_id", "programme_id", "beneficiary_id")
                    self.vouchers[event.voucher_id] = {name: getattr(event, name) for name in names}
                if getattr(event, "legs", ()):
                    self._put(postings(event, At(entry.time, entry.index, 0, "main")))

    def _put(self, changes: Any) -> None:
        for change in changes:
            assert isinstance(change, Put)
            if change.view not in self.views:
                continue  # statements do not ask for it
            key = (POSTINGS if change.view == POSTINGS.name else CLOSINGS).key
            self.views[change.view][tuple(change.row[name] for name in key)] = dict(change.row)

    def get(self, view: str, *key: str, wait_for: object = ()) -> dict[str, Any]:
        if view == "parties":
            return {}
        if key[0] not in self.vouchers:
            raise NotThere("not_found", "", {})
        return self.vouchers[key[0]]

    def rows(self, view: str, where: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
        if view == "programmes":
            found: Any = self.programmes
        else:
            found = self.vouchers.values() if view == "vouchers" else self.views[view].values()
        yield from (row for row in found if all(row[name] == value for name, value in (where or {}).items()))


def check_statements(world: World) -> int:
    """Raises unless every statement adds up; returns how many movements all of them have."""
    rows = LedgerRows(world)
    months = sorted({row["month"] for row in rows.views["postings"].values()})
    shown, last = 0, dict[tuple[Any, ...], Any]()
    for month in months:
        for party_id in world.state("issuance").directory.parties:
            sections = sections_of(cast("Gateway", rows), party_id, month)
            shown += sum(len(each.movements) for each in sections)
            totals(sections)
            for each in sections:
                name = (party_id, each.kind, each.name, each.programme_id, each.currency)
                assert each.opening == last.get(name, (0, 0, 0)), name
                last[name] = each.closing
    assert shown == len(rows.views["postings"])
    return shown
