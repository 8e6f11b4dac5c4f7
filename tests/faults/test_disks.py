"""A disk is full, read-only or gone: health says so with the path, commands get a 503, and all goes on by itself."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from counterfoil.audit.auditor import audit
from counterfoil.cli.command import FAILED
from counterfoil.contract.log_id import LogId
from counterfoil.contract.times import SECOND
from counterfoil.errors import Unusable
from counterfoil.gateway import sending
from counterfoil.instance import Instance
from counterfoil.ports import Unavailable
from counterfoil.runtime import receipts, worker
from counterfoil.runtime.backoff import Backoff
from counterfoil.storage import log_directory
from tests.e2e.running import Shell, eventually
from tests.gateway.harness import Served, served
from tests.gateway.world import deposit
from tests.lacking import leave_out

SOON = partial(eventually, within=20)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry often, and answer what is not decided after half a second."""
    monkeypatch.setattr(worker, "_BACKOFF", Backoff(0.01, 0.1))
    monkeypatch.setattr(sending, "ANSWER_WITHIN", 0.5)


def _mount(place: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "counterfoil-test", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said, _, _ = done.stderr.partition("\n")
        leave_out(f"no file system can be mounted: {said} (root may, on Linux, if its container lets it)")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    _mount(place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize(("required", "outcome"), [("1", "Failed"), ("0", "Skipped")])
def test_where_nothing_can_be_mounted_that_is_said(
    required: str, outcome: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COUNTERFOIL_TEST_REQUIRE", required)
    with pytest.raises(BaseException, match=r"can be mounted: mount: .*\(root may") as got:
        _mount(tmp_path / "nowhere")
    assert type(got.value).__name__ == outcome


def health(world: Served) -> httpx.Response:
    """What `/healthz` says."""
    with world.client() as client:
        return client.get("/healthz")


class Sender:
    """Sends deposits, and keeps their envelopes."""

    def __init__(self, world: Served) -> None:
        self.world, self.sent = world, list[bytes]()

    def send(self) -> httpx.Response:
        """A new one, a second later."""
        self.pass_time()
        self.sent.append(self.world.market.sign("treasury", deposit("lab-1", 1 + len(self.sent))))
        return self.world.post(self.sent[-1])

    def pass_time(self) -> None:
        """A second: publishing goes by the market's clock."""
        self.world.market.clock.advance_to(self.world.market.clock.now() + SECOND)

    def _is_well(self) -> bool:
        self.pass_time()
        return bool(health(self.world).json()["ok"])

    def turned_away(self) -> str:
        """The code of a 503; empty for a receipt. Any other answer fails the test: nothing may look accepted."""
        answer = self.send()
        assert answer.status_code in (200, 503), answer.text
        return "" if answer.status_code == 200 else str(answer.json()["code"])

    def check_all_counted(self) -> None:
        """Each, sent again, has a receipt, and the published logs audit clean."""
        SOON(self._is_well, "all is well")
        for envelope in self.sent:
            assert self.world.post(envelope).status_code == 200
        self.world.market.system.close()
        assert audit(self.world.market.home / "logs").findings == []


# the database of a log ----------------------------------------------------------------------------------------------


@contextmanager
def _pragma(world: Served, on: str, off: str) -> Iterator[None]:
    appends: Any = world.market.system.stores[LogId("ledger")].database.dialect._appends  # type: ignore[attr-defined]
    with appends as connection:
        connection.execute(f"PRAGMA {on}")
    yield
    with appends as connection:
        connection.execute(f"PRAGMA {off}")


@contextmanager
def _moved(world: Served) -> Iterator[None]:
    path = world.market.home / "db" / "ledger.sqlite"
    aside = path.rename(path.with_name("aside"))
    yield
    aside.rename(path)


FAULTS: dict[str, tuple[Callable[[Served], AbstractContextManager[None]], str, str]] = {
    "full": (partial(_pragma, on="max_page_count = 1", off="max_page_count = 1000000"), "disk_full", "free space"),
    "read-only": (partial(_pragma, on="query_only = ON", off="query_only = OFF"), "read_only", "mount"),
    "moved": (_moved, "unavailable", "put it back"),
}
"""How the ledger's database cannot be written, the code, and a word of what to do."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_log_that_cannot_commit_turns_commands_away_and_goes_on_by_itself(tmp_path: Path, name: str) -> None:
    fault, code, advice = FAULTS[name]
    with served(tmp_path / "home") as world:
        sender = Sender(world)
        assert sender.send().status_code == 200
        with fault(world):
            SOON(lambda: sender.turned_away() == code, f"503 {code}")
            answer = health(world)
            assert answer.status_code == 503
            ledger = answer.json()["waiting"]["ledger"]
            assert ledger["code"] == code
            assert str(tmp_path / "home" / "db" / "ledger.sqlite") in ledger["text"]
            assert advice in ledger["text"]
            with world.client() as client:
                assert client.get("/v1/programmes").status_code == 200, "queries are answered"
        sender.check_all_counted()


def test_a_disk_that_fills_up_under_everything(small_disk: Path) -> None:
    """Logs, views, published files and signer's memory are on it."""
    with served(small_disk / "home") as world:
        sender = Sender(world)
        assert sender.send().status_code == 200
        ballast = _fill(small_disk)
        SOON(lambda: sender.turned_away() == "disk_full", "503 disk_full")
        found = SOON(lambda: health(world).json()["waiting"])
        assert all(str(small_disk) in each["text"] for each in found.values()), found
        ballast.unlink()
        sender.check_all_counted()


def _fill(disk: Path) -> Path:
    """Write a file until the disk is full."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(2**12))
    return ballast


# what no decision waits for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO], ids=os.strerror)
def test_a_log_that_cannot_be_published_goes_on_deciding(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **named: Any) -> Any:
        raise OSError(number, os.strerror(number), str(named["dir"]))

    with served(tmp_path / "home") as world:
        sender = Sender(world)
        with monkeypatch.context() as broken:
            broken.setattr(tempfile, "mkstemp", fail)
            SOON(lambda: sender.send().status_code == 200 and "ledger publication" in health(world).json()["waiting"])
            found = health(world).json()["waiting"]
            assert found["ledger publication"]["text"].startswith(str(tmp_path / "home" / "logs" / "ledger"))
            assert all(name.endswith(" publication") for name in found)
            assert sender.send().status_code == 200
        sender.check_all_counted()


@pytest.mark.parametrize("kind", [Unavailable, Unusable])
def test_receipts_do_not_need_the_published_checkpoint(
    tmp_path: Path, kind: type[Unavailable | Unusable], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = log_directory._read

    def unreadable(path: Path) -> bytes | None:
        if path.name == "checkpoint":
            raise kind(f"{path}: cannot be read")
        return read(path)

    monkeypatch.setattr(receipts, "_RELEASE_EVERY", 1)
    with served(tmp_path / "home") as world:
        sender = Sender(world)
        with monkeypatch.context() as broken:
            broken.setattr(log_directory, "_read", unreadable)
            found = SOON(lambda: sender.send().status_code == 200 and health(world).json()["waiting"])
            assert all(name.endswith(" publication") for name in found), found
            assert sender.send().status_code == 200
        sender.check_all_counted()


def test_views_whose_disk_is_read_only_hold_up_nothing_else(tmp_path: Path) -> None:
    with served(tmp_path / "home") as world:
        sender, views = Sender(world), world.market.system.views.database.dialect.writer
        _set(views, "PRAGMA query_only = ON")
        found = SOON(lambda: sender.send().status_code == 200 and health(world).json()["waiting"])
        assert list(found) == ["views"]
        assert found["views"]["code"] == "read_only"
        assert str(tmp_path / "home" / "db" / "views.sqlite") in found["views"]["text"]
        _set(views, "PRAGMA query_only = OFF")
        sender.check_all_counted()


def _set(engine: Engine, pragma: str) -> None:
    raw = engine.raw_connection()  # outside a transaction, which could not begin
    raw.cursor().execute(pragma)
    raw.close()


# at the start -------------------------------------------------------------------------------------------------------


def test_a_read_only_home_ends_the_start_with_the_path_and_what_to_do(small_disk: Path) -> None:
    home = small_disk / "home"
    Instance.create(home, "market.example", "Operator")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    ran = Shell(home).run("up", "--port", "0", "--json")
    assert ran.code == FAILED
    assert str(home) in ran.error["meaning"]
    assert "mount it for writing" in ran.error["meaning"]


def test_a_full_disk_ends_the_start_likewise(small_disk: Path) -> None:
    home = small_disk / "home"
    Instance.create(home, "market.example", "Operator")
    _fill(small_disk)
    ran = Shell(home).run("up", "--port", "0", "--json")
    assert ran.code == FAILED
    assert str(home) in ran.error["meaning"]
    assert "space" in ran.error["meaning"]
