"""An audit reads each file once, whoever lags behind, and holds in memory no more than a window."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.audit import ids, reading
from counterfoil.audit.auditor import audit
from counterfoil.audit.files import LogFiles
from counterfoil.audit.spool import Spool


def test_each_file_is_read_once(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[Path] = Counter()
    read = LogFiles.read

    def counted(log: LogFiles, path: str) -> bytes:
        reads[log.root / path] += 1
        return read(log, path)

    monkeypatch.setattr(LogFiles, "read", counted)
    assert audit(large).clean
    assert reads == Counter(path for path in large.rglob("*") if path.is_file())


def test_what_waits_on_disk_is_audited_alike(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a consumer that lags behind by more than memory holds."""
    expected = audit(large)
    used: list[Spool[Any]] = []

    def on_disk(pack: Callable[[Any], bytes], unpack: Callable[[bytes], Any]) -> Spool[Any]:
        used.append(Spool(pack, unpack, in_memory=0))
        return used[-1]

    monkeypatch.setattr(reading, "Spool", on_disk)
    assert audit(large) == expected
    assert len(used) > len(expected.logs)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=9)), max_size=60), st.integers(0, 40))
def test_a_spool_is_a_queue(steps: list[bytes | None], in_memory: int) -> None:
    """Against a deque; None takes."""
    spool, expected = Spool[bytes](bytes, bytes, in_memory), deque[bytes]()
    for item in steps:
        if item is not None:
            spool.append(item)
            expected.append(item)
        elif expected:
            assert spool.first() == expected[0]
            assert spool.popleft() == expected.popleft()
        assert spool.count == len(expected)
    while expected:
        assert spool.popleft() == expected.popleft()
    with pytest.raises(IndexError):
        spool.popleft()


def test_an_id_is_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the table has grown, and where ids meet in one place."""
    monkeypatch.setattr(ids, "_BLOCK", 4)
    monkeypatch.setattr(ids, "_FIRST", 4)
    used = ids.UsedIds()
    for number in range(2_000):
        assert f"id-{number}" not in used
        assert used.add(f"id-{number}")
        assert f"id-{number // 2}" in used
        assert not used.add(f"id-{number // 3}")
