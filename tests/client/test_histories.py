"""What is proven about a voucher or a programme: from entries of a log with everything in it, and from files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from counterfoil.cli.histories import assets_of_programme, programme_totals, voucher_totals
from counterfoil.client.histories import Evidence, collect, from_file, history, to_file
from counterfoil.client.problems import NotProven
from counterfoil.contract.entry import Entry
from counterfoil.core.at import At
from counterfoil.ledger.chart import budget, is_currency
from counterfoil.ledger.events import (
    AppropriationPosted,
    AppropriationReduced,
    HoldCaptured,
    VoucherCredited,
    VoucherExpired,
)
from counterfoil.ledger.posting_views import ASSET_ENTRIES
from counterfoil.ledger.views import REDUCERS
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.ports import Put
from counterfoil.vocabulary import CODEC
from tests.audit.forge import read_entries
from tests.golden.cases import FOLDER, size_of

LOG = FOLDER / "rules-5" / "ledger" / "main"
KEY = VerifyKey.parse((LOG / "vkey").read_text().strip())


@cache
def entries() -> list[Entry]:
    """The ledger's log."""
    size = size_of((LOG / "checkpoint").read_bytes())
    return [CODEC.decode_entry(data) for data in read_entries(LOG, size)]


@cache
def index() -> Mapping[str, list[int]]:
    """By asset, the entries about it, as the view has them."""
    found: dict[str, list[int]] = {}
    for entry in entries():
        at = At(entry.time, entry.index, 0)
        for event in entry.events:
            for change in REDUCERS[type(event)](event, at) if type(event) in REDUCERS else ():
                if isinstance(change, Put) and change.view == ASSET_ENTRIES.name:
                    assert change.row["log"] == "ledger"
                    indexes = found.setdefault(str(change.row["asset"]), [])
                    if entry.index not in indexes:
                        indexes.append(entry.index)
    return found


def evidence(*assets: str) -> list[Evidence]:
    """What proves them."""
    indexes = sorted({at for asset in assets for at in index()[asset]})
    return collect(lambda path: (LOG / path).read_bytes(), KEY, indexes)


def some_voucher() -> str:
    """The one with the most entries."""
    vouchers = [asset for asset in index() if asset.startswith("vch-")]
    return max(vouchers, key=lambda asset: len(index()[asset]))


def test_the_index_has_every_entry_about_a_voucher_or_a_programme() -> None:
    expected: dict[str, list[int]] = {}
    for entry in entries():
        legs = [leg for event in entry.events for leg in getattr(event, "legs", ())]
        for asset in {leg.asset for leg in legs if not is_currency(leg.asset)}:
            expected.setdefault(asset, []).append(entry.index)
    assert index() == expected
    assert budget("p1") in expected


def test_the_life_of_every_voucher_adds_up() -> None:
    met: set[str] = set()
    for asset in [name for name in index() if name.startswith("vch-")][::3]:
        made = history(evidence(asset), KEY, [asset])
        totals = voucher_totals(made, asset)
        assert totals.pop("face") == sum(totals.values()) > 0
        met |= {each.event for each in made.postings}
    assert met >= {"voucher.credited", "hold.placed", "hold.captured", "hold.released", "voucher.expired"}


def test_the_totals_of_a_programme_are_those_of_its_postings() -> None:
    assets = assets_of_programme("p1")
    made = history(evidence(*assets), KEY, assets)
    totals = programme_totals(made, "p1")
    events = [event for entry in entries() for event in entry.events if getattr(event, "programme_id", "") == "p1"]

    def total(kind: type[Any], member: str) -> int:
        return sum(getattr(event, member) for event in events if type(event) is kind)

    assert totals["appropriated"] == total(AppropriationPosted, "amount") - total(AppropriationReduced, "amount")
    assert totals["issued"] == total(VoucherCredited, "face")
    assert totals["redeemed"] == total(HoldCaptured, "subsidy")
    assert totals["expired"] == total(VoucherExpired, "amount")
    assert totals["paid"] > 0


def test_an_entry_that_is_left_out_is_missed() -> None:
    asset = some_voucher()
    whole = evidence(asset)
    for at in range(0, len(whole) - 1, 7):
        with pytest.raises(NotProven, match="is missing before"):
            history(whole[:at] + whole[at + 1 :], KEY, [asset])
    history(whole[:-1], KEY, [asset])  # that the last one is left out is not proven, as its docstring says


def test_a_file_proves_the_same_to_who_has_the_key() -> None:
    asset = some_voucher()
    assets, kept = from_file(to_file([asset], evidence(asset)))
    assert history(kept, KEY, assets) == history(evidence(asset), KEY, [asset])
    with pytest.raises(NotProven):
        history(kept, SigningKey(KEY.name, bytes(32)).verify_key, assets)
    forged = [kept[0]._replace(entry=kept[1].entry), *kept[1:]]
    with pytest.raises(NotProven):
        history(forged, KEY, assets)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"assets": [], "entries": [{}]}', b"[" * 100_000])
def test_what_is_no_file_of_evidence(data: bytes) -> None:
    with pytest.raises(NotProven, match="not a file of evidence"):
        from_file(data)
