"""A published file is complete or absent and never changes; only the owner can read the signer's memory."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Thread, get_ident
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.errors import Unusable
from counterfoil.log.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.log.keys import SigningKey
from counterfoil.ports import StoreConflict, Unavailable
from counterfoil.published_log import PublishedDiffers
from counterfoil.storage import log_directory as module
from counterfoil.storage.log_directory import LogDirectory, PublishedDirectory

VKEY = "log.example+12345678+AQID"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "ledger" / "main"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    return tmp_path / "db" / "signer"


@pytest.fixture
def directory(root: Path, private: Path) -> LogDirectory:
    return LogDirectory(root, private, VKEY)


def files(top: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_a_new_directory_names_its_log(directory: LogDirectory, root: Path, private: Path) -> None:
    assert files(root) == {"vkey": f"{VKEY}\n".encode()}
    assert directory.checkpoint() is None
    assert directory.signer_memory() is None
    LogDirectory(root, private, VKEY)
    with pytest.raises(PublishedDiffers, match="vkey"):
        LogDirectory(root, private, VKEY + "x")


def test_a_tile_is_written_once(directory: LogDirectory, root: Path) -> None:
    directory.put("tile/0/x001/000", b"tile")
    directory.put("tile/0/x001/000", b"tile")
    with pytest.raises(PublishedDiffers):
        directory.put("tile/0/x001/000", b"other")
    assert directory.get("tile/0/x001/000") == (root / "tile/0/x001/000").read_bytes() == b"tile"
    with pytest.raises(Unusable, match=r"tile/0/000: .*put it back"):
        directory.get("tile/0/000")


def test_the_partial_versions_of_a_tile_go_and_its_neighbours_stay(directory: LogDirectory, root: Path) -> None:
    for path in ("tile/0/000.p/1", "tile/0/000.p/255", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"):
        directory.put(path, path.encode())
    directory.drop_partials("tile/0/000")
    directory.drop_partials("tile/0/000")
    directory.drop_partials("tile/0/007")
    left = {"tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "vkey"}
    assert files(root).keys() == left


@pytest.mark.parametrize("written_again", [False, True])
def test_a_writer_goes_on_where_another_filled_a_tile_that_it_knew_as_partial(
    directory: LogDirectory, root: Path, private: Path, written_again: bool
) -> None:
    """A takeover: the predecessor's last publication drops the partial tile while the successor compares or writes."""
    (directory.put_again if written_again else directory.put)("tile/0/000.p/7", b"partial")
    predecessor = LogDirectory(root, private, VKEY)
    predecessor.put("tile/0/000", b"full")
    predecessor.replace_checkpoint(note_over(256))
    predecessor.drop_partials("tile/0/000")
    directory.replace_checkpoint(note_over(257))
    assert directory.checkpoint() == note_over(257)


def test_no_checkpoint_covers_a_partial_tile_that_somebody_removed(directory: LogDirectory, root: Path) -> None:
    directory.put("tile/0/000.p/7", b"partial")
    shutil.rmtree(root / "tile/0/000.p")
    with pytest.raises(Unavailable, match=r"000\.p"):
        directory.replace_checkpoint(note_over(7))
    directory.put("tile/0/000.p/7", b"partial")
    directory.replace_checkpoint(note_over(7))
    assert directory.checkpoint() == note_over(7)


def note_over(size: int) -> bytes:
    """A signed checkpoint."""
    return sign_checkpoint(Checkpoint("log.example", size, bytes(32)), SigningKey("log.example", bytes(32)))


def test_a_later_checkpoint_is_never_taken_back(directory: LogDirectory, root: Path) -> None:
    """A writer that was frozen while another took over."""
    directory.replace_checkpoint(note_over(7))
    with pytest.raises(StoreConflict):
        directory.replace_checkpoint(note_over(6))
    assert directory.checkpoint() == PublishedDirectory(root).checkpoint() == note_over(7)


def test_the_checkpoint_and_the_memory_are_replaced(directory: LogDirectory, root: Path, private: Path) -> None:
    for note in (note_over(1), note_over(20), note_over(20)):
        directory.replace_checkpoint(note)
        directory.remember(b"memory of " + note)
        again = LogDirectory(root, private, VKEY)
        assert again.checkpoint() == note
        assert again.signer_memory() == b"memory of " + note


def test_the_memory_of_a_longer_log_is_kept(directory: LogDirectory) -> None:
    """Also against a writer that was frozen between the checkpoint and its memory."""
    later, earlier = (Checkpoint("example.test/log", size, bytes(32)).text() for size in (9, 2))
    for memory in (b"damaged", earlier, later, earlier):
        directory.remember(memory)
    assert directory.signer_memory() == later
    directory.remember(later)
    assert directory.signer_memory() == later


def test_who_may_read_what(directory: LogDirectory, root: Path, private: Path) -> None:
    old = os.umask(0o077)
    try:
        directory.put("tile/0/000", b"tile")
        directory.replace_checkpoint(note_over(1))
        directory.remember(b"memory")
    finally:
        os.umask(old)
    for public in ("tile/0/000", "checkpoint", "vkey"):
        assert (root / public).stat().st_mode & 0o777 == 0o644, public
    assert (private / "signer").stat().st_mode & 0o777 == 0o600
    assert private.stat().st_mode & 0o077 == 0
    assert not private.is_relative_to(root)


# each call that creates a file fails --------------------------------------------------------------------------------

WRITES: dict[str, Callable[[LogDirectory], None]] = {
    "put": lambda directory: directory.put("tile/0/001", b"new tile"),
    "replace_checkpoint": lambda directory: directory.replace_checkpoint(note_over(2)),
    "remember": lambda directory: directory.remember(b"new memory"),
}
CALLS = ("fdopen", "fsync", "chmod", "replace")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("write", WRITES)
def test_a_failed_write_leaves_everything_as_it_was(
    directory: LogDirectory, root: Path, private: Path, write: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.put("tile/0/000", b"old tile")
    directory.replace_checkpoint(note_over(1))
    directory.remember(b"old memory")
    before = files(root), files(private)
    failed: list[str] = []

    def fail(*_args: Any, **_named: Any) -> Any:
        failed.append(call)
        raise OSError(errno.EIO, "broken")

    if write == "remember" and call == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
        WRITES[write](directory)  # not synced, since it may be older than the database
        assert not failed
        return
    with monkeypatch.context() as patch:
        patch.setattr(Path if call in ("chmod", "replace") else os, call, fail)
        with pytest.raises(Unavailable, match="broken"):
            WRITES[write](directory)
    assert failed
    after = files(root), files(private)
    assert after == before
    WRITES[write](directory)
    assert after != (files(root), files(private))


@pytest.mark.parametrize("write", WRITES)
def test_a_reader_never_sees_half_a_file(
    directory: LogDirectory, root: Path, private: Path, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the file is renamed, its bytes are under a name that no reader requests."""
    seen: list[dict[str, bytes]] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.append({**files(root), **files(private)})
        return replace(self, target)

    names = set({**files(root), **files(private)})
    monkeypatch.setattr(Path, "replace", watched)
    WRITES[write](directory)
    assert seen
    for snapshot in seen:
        assert all(Path(name).name.startswith(".new-") for name in snapshot.keys() - names)


def test_what_a_checkpoint_covers_is_on_the_disk_before_it(
    directory: LogDirectory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every new file is synced before it is renamed, every directory on its way before the checkpoint."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink()}")
        fsync(handle)

    def replaced(self: Path, target: Path) -> Path:
        done.append(f"rename {self} {target}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    directory.put("tile/0/000", b"tile")
    directory.replace_checkpoint(note_over(1))
    renamed = [step.split() for step in done if step.startswith("rename")]
    assert [Path(target).relative_to(root).as_posix() for _, _, target in renamed] == ["tile/0/000", "checkpoint"]
    for _, new, target in renamed:
        assert done.index(f"sync {new}") < done.index(f"rename {new} {target}")
    checkpoint = done.index(f"rename {renamed[1][1]} {root / 'checkpoint'}")
    for parent in (root / "tile/0", root / "tile", root):
        assert f"sync {parent}" in done[:checkpoint]


def test_a_checkpoint_also_waits_for_the_directories_of_an_earlier_attempt(
    directory: LogDirectory, root: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first writer ended between a tile and the checkpoint over it; the second finds the tile in its place."""
    directory.put("tile/0/000", b"tile")
    synced: list[Path] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    again = LogDirectory(root, private, VKEY)
    monkeypatch.setattr(os, "fsync", noted)
    again.put("tile/0/000", b"tile")
    again.replace_checkpoint(note_over(1))
    assert {root / "tile/0", root / "tile", root} <= set(synced)


def test_what_a_crash_left_half_written_goes(directory: LogDirectory, root: Path, private: Path) -> None:
    for place in (root, private):
        (place / ".new-abc").write_bytes(b"half")
    LogDirectory(root, private, VKEY)
    assert not [path for place in (root, private) for path in place.glob(".new-*")]
    assert directory.get("vkey") == f"{VKEY}\n".encode()


def test_an_empty_memory_is_none(directory: LogDirectory, private: Path) -> None:
    directory.remember(b"")
    assert (private / "signer").exists()
    assert directory.signer_memory() is None


# the disk fails ------------------------------------------------------------------------------------------------------

CALLS_OF: dict[str, Callable[[LogDirectory], object]] = {
    **WRITES,
    "get": lambda directory: directory.get("tile/0/000"),
    "checkpoint": lambda directory: directory.checkpoint(),
    "signer_memory": lambda directory: directory.signer_memory(),
}


@pytest.mark.parametrize("call", CALLS_OF)
@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EIO, Unavailable), (errno.ENOSPC, Unavailable), (errno.EROFS, Unusable)]
)
def test_every_call_names_the_path_and_only_reading_gives_up(
    directory: LogDirectory, call: str, number: int, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_named: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "read_bytes", fail)
    monkeypatch.setattr(os, "fdopen", fail)
    wanted = Unavailable if call in WRITES else kind
    with pytest.raises(wanted, match=os.strerror(number) + (": .*" if kind is Unusable else "")) as caught:
        CALLS_OF[call](directory)
    assert str(directory.root) in str(caught.value) or str(directory._private) in str(caught.value)


def test_a_disk_that_fails_while_the_directory_is_opened(root: Path, private: Path) -> None:
    root.parent.mkdir(parents=True)
    root.write_bytes(b"a file is in the way")
    with pytest.raises(Unusable, match=str(root)):
        LogDirectory(root, private, VKEY)


@pytest.mark.parametrize("write", WRITES)
def test_a_writer_whose_new_file_is_removed_meanwhile_fails(
    directory: LogDirectory, root: Path, private: Path, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer was frozen while another opened the directory, which removes unfinished files: nothing is missing."""
    chmod = Path.chmod

    def frozen(self: Path, mode: int) -> None:
        monkeypatch.undo()
        LogDirectory(root, private, VKEY)
        chmod(self, mode)

    monkeypatch.setattr(Path, "chmod", frozen)
    with pytest.raises(Unavailable, match=r"\.new-"):
        WRITES[write](directory)
    WRITES[write](directory)
    assert not [path for place in (root, private) for path in place.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("write", WRITES)
def test_a_directory_that_was_removed_is_not_filled_again(directory: LogDirectory, root: Path, write: str) -> None:
    """What was in it would be missing; a restart publishes everything."""
    shutil.rmtree(root)
    with pytest.raises(Unavailable, match=f"{root}: removed .*restart"):
        WRITES[write](directory)
    assert not root.exists()


# two writers --------------------------------------------------------------------------------------------------------


class Turns:
    """Lets threads take their steps in a given order: each call of the file system that matters is a step.

    A thread that the rest of the order does not name stays where it is until the other has ended, as if it were frozen.
    """

    def __init__(self, order: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        self.order, self.ended = order, set[int]()
        self._changed, self._numbers = Condition(), dict[int, int]()
        for owner, name in ((tempfile, "mkdtemp"), (Path, "iterdir"), (Path, "unlink"), (Path, "rmdir"),
                            (Path, "read_bytes"), (Path, "replace")):  # fmt: skip
            monkeypatch.setattr(owner, name, self._stepping(getattr(owner, name)))

    def _stepping(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **named: Any) -> Any:
            number = self._numbers.get(get_ident())
            if number is not None:
                with self._changed:
                    assert self._changed.wait_for(lambda: self._next() == number, 20)
                    try:
                        return call(*args, **named)
                    finally:
                        del self.order[:1]
                        self._changed.notify_all()
            return call(*args, **named)

        return step

    def _next(self) -> int | None:
        while self.order and self.order[0] in self.ended:
            del self.order[0]
        return self.order[0] if self.order else min({0, 1} - self.ended, default=None)

    def run(self, *works: Callable[[], object]) -> list[Exception | None]:
        """Run each work on its own thread; returns how each ended."""
        results: list[Exception | None] = [None] * len(works)

        def work(number: int) -> None:
            self._numbers[get_ident()] = number
            try:
                works[number]()
            except Exception as problem:  # noqa: BLE001 the test looks at it
                results[number] = problem
            with self._changed:
                self.ended.add(number)
                self._changed.notify_all()

        threads = [Thread(target=work, args=(number,)) for number in range(len(works))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        return results


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.integers(0, 1), max_size=24))
def test_of_two_writers_none_takes_a_checkpoint_back(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whoever is frozen wherever, and wakes whenever: readers see sizes that never fall; alone, a writer succeeds."""
    place = tmp_path_factory.mktemp("two")
    one, two = (LogDirectory(place / "log", place / "private", VKEY) for _ in range(2))
    one.replace_checkpoint(note_over(3))
    seen: list[int] = []
    replace = Path.replace

    def watched(new: Path, target: Path) -> Path:
        done = replace(new, target)
        seen.append(module._size(target.read_bytes()))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", watched)
        ends = Turns(list(order), patch).run(
            lambda: one.replace_checkpoint(note_over(5)), lambda: two.replace_checkpoint(note_over(9))
        )
    assert seen == sorted(seen), ends
    assert all(end is None or isinstance(end, Unavailable | StoreConflict) for end in ends), ends
    two.replace_checkpoint(note_over(9))
    assert two.checkpoint() == note_over(9)
    assert not list((place / "log").glob(".turn-*"))
