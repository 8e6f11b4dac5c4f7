"""Reports on a market that was played: every one can be made, and no figure of one differs from that of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from counterfoil.contract.log_id import LogId
from counterfoil.reports.alerts import found
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.folding import Folded
from counterfoil.reports.report import written
from counterfoil.vocabulary import CODEC

_WITH_PROOFS: Final = ("R9", "R14", "R15")
"""Made of published trees; what R9 says, `found` finds."""


def check_reports(logs: Mapping[str, Iterable[bytes]]) -> None:
    """`logs`: by service the entries of its log, all of which the others have consumed."""
    folded = Folded({})
    for service, entries in logs.items():
        for data in entries:
            folded.fold(LogId(service), CODEC.decode_entry(data))
    folded.tables.finish()
    found(folded)
    for programme in list(folded.tables.rows("programmes")):
        for name, report in REPORTS.items():
            if name not in _WITH_PROOFS:
                rows = written(report.columns, report.rows(folded, programme["programme_id"]))
                differ = [row for row in rows if row.get("difference") not in (None, "0")]
                assert not differ, (name, programme["programme_id"], differ)
