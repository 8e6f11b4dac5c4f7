"""What is published is exactly the committed log as C2SP tlog-tiles, the checkpoint last, and never changes again."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread, Timer

import pytest
from msgspec.structs import replace

from counterfoil.errors import Unusable
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.errors import ProofError, SignatureError
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash, root_of
from counterfoil.log.signer import Signer
from counterfoil.log.tiles import TILE_WIDTH, bundle_path, parse_path, tile_path, tiles_for
from counterfoil.log.verify import TileTree
from counterfoil.ports import Head, NewEntry, StoreConflict, Unavailable
from counterfoil.published_log import PublishedDiffers, PublishedLog
from counterfoil.runtime import committed_tree
from counterfoil.runtime import publisher as module
from counterfoil.runtime.publisher import Publisher
from counterfoil.runtime.standstill import Standstill
from counterfoil.storage.log_directory import LogDirectory
from tests.runtime.harness import KEY, ORIGIN, MemoryFiles, MemoryStore, T

WITHIN = 20.0
SIZES = (1, 2, 100, 255, 256, 257, 511, 512, 700)


class Committed:
    """A log of synthetic entries that grows, and its publisher."""

    def __init__(self, published: PublishedLog | None = None, *, background: bool = False) -> None:
        self.files = MemoryFiles()
        self.published = published or self.files
        self.store, self.signer = MemoryStore(), Signer(KEY)
        self.publisher = Publisher(ORIGIN, self.store, self.published, self.signer)
        self.publisher.background = background
        self.tree = self.publisher.load_tree(None)

    def grow(self, size: int) -> None:
        """Commit entries up to this size."""
        first = self.tree.size
        data = [b"entry %d" % index + b"." * (index % 5) for index in range(first, size)]
        entries = [NewEntry(str(first + nth), each, leaf_hash(each), None) for nth, each in enumerate(data)]
        staged = self.tree.stage([entry.leaf for entry in entries])
        proof = self.tree.consistency_proof(first, staged.size) if first else []
        note = self.signer.sign_checkpoint(staged.size, staged.root, proof)
        self.store.append(first, entries, {}, Head(staged.size, staged.root, note))
        self.tree.accept(staged)
        self.signer.committed(staged.size, staged.root)

    def publish(self, size: int) -> None:
        """Commit and publish."""
        self.grow(size)
        self.publisher.publish(self.tree)


def check_published(published: PublishedLog, log: Committed) -> None:
    """A reader who trusts only the key finds every entry and nothing else."""
    note = published.checkpoint()
    assert note is not None
    head = open_checkpoint(note, [KEY.verify_key])
    assert head.size == log.tree.size
    tiles = TileTree(head, lambda level, index, width: published.get(tile_path(level, index, width)))
    for first in range(0, head.size, TILE_WIDTH):
        index, width = first // TILE_WIDTH, min(TILE_WIDTH, head.size - first)
        entries = tiles.entries(index, published.get(bundle_path(index, width)))
        assert entries == log.store.entries(first, first + width)
    for size in {1, head.size // 2, head.size - 1, head.size} - {0}:
        assert tiles.root_at(size) == root_of(log.store.leaves(0, size))


def test_every_size_is_readable_with_the_key_alone() -> None:
    log, ever = Committed(), dict[str, bytes]()
    for size in SIZES:
        log.publish(size)
        check_published(log.files, log)
        paths = {path for path in log.files.files if path != "checkpoint"}
        ever |= {path: log.files.files[path] for path in paths}
        assert all(log.files.files[path] == ever[path] for path in paths)
        assert {ref.path() for ref in tiles_for(0, size)} <= paths
        full = {path.removesuffix(f".p/{ref.width}") for path in paths if (ref := parse_path(path)).width == TILE_WIDTH}
        partial = {path.rpartition(".p/")[0] for path in paths if ".p/" in path}
        assert not full & partial, "a full tile needs no partial version"


def test_two_levels_of_tiles() -> None:
    log = Committed()
    for size in (40_000, 65_535, 65_536, 65_537):
        log.publish(size)
    check_published(log.files, log)
    assert [path for path in log.files.files if path.startswith("tile/2/")] == ["tile/2/000.p/1"]
    assert "tile/1/000" in log.files.files
    assert "tile/0/256.p/1" in log.files.files


def test_on_disk_as_in_memory(tmp_path: Path) -> None:
    root = tmp_path / "log"
    directory = LogDirectory(root, tmp_path / "private", KEY.verify_key.vkey())
    disk, memory = Committed(directory), Committed()
    for size in (1, 3, 256, 257):
        disk.publish(size)
        memory.publish(size)
        check_published(directory, disk)
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert found.pop("vkey") == f"{KEY.verify_key.vkey()}\n".encode()
    assert found == memory.files.files
    assert directory.signer_memory() == memory.files.memory


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 300), (255, 256), (256, 512), (300, 301)])
def test_the_checkpoint_comes_after_what_it_covers(before: int, after: int) -> None:
    log = Committed()
    if before:
        log.publish(before)
    log.files.order.clear()
    log.publish(after)
    *tiles, checkpoint, memory = log.files.order
    assert (checkpoint, memory) == ("checkpoint", "memory")
    assert tiles == [ref.path() for ref in tiles_for(before, after)]
    log.files.order.clear()
    log.publisher.publish(log.tree)
    assert log.files.order == [], "there was nothing new"


def test_other_bytes_are_never_published() -> None:
    log = Committed()
    log.publish(3)
    note = log.files.checkpoint()
    log.files.files["tile/entries/000.p/5"] = b"bytes of another writer"
    with pytest.raises(PublishedDiffers):
        log.publish(5)
    assert log.files.checkpoint() == note
    assert log.publisher.published_size() == 3
    del log.files.files["tile/entries/000.p/5"]
    log.publisher.publish(log.tree)
    check_published(log.files, log)


def test_publishing_again_completes_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Committed()
    log.publish(200)
    put = log.files.put
    budget = [0]

    def failing(path: str, data: bytes) -> None:
        budget[0] -= 1
        if budget[0] < 0:
            raise OSError("disk full")
        put(path, data)

    monkeypatch.setattr(log.files, "put", failing)
    log.grow(600)
    needed = len(list(tiles_for(200, 600)))
    for allowed in range(needed):
        budget[0] = allowed
        with pytest.raises(OSError, match="disk full"):
            log.publisher.publish(log.tree)
        head = open_checkpoint(log.files.files["checkpoint"], [KEY.verify_key])
        assert head.size == 200
        TileTree(head, lambda level, index, width: log.files.get(tile_path(level, index, width)))
    budget[0] = needed
    log.publisher.publish(log.tree)
    check_published(log.files, log)


def test_it_publishes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    interval = module._INTERVAL
    monkeypatch.setattr(module, "_MAX_BACKLOG", 10)
    log, size = Committed(), 0

    def published_after(more: int, now: int) -> bool:
        nonlocal size
        size += more
        log.grow(size)
        log.publisher.maybe_publish(log.tree, now)
        return log.publisher.published_size() == size

    assert published_after(1, T)
    assert not published_after(1, T)
    assert not published_after(1, T + interval - 1)
    assert published_after(1, T + interval)
    assert not published_after(9, T + interval)
    assert published_after(1, T + interval), "ten entries do not wait"
    assert published_after(1, T), "the clock was set back"
    log.files.order.clear()
    log.publisher.maybe_publish(log.tree, T + 9 * interval)
    assert log.files.order == []


class SlowFiles(MemoryFiles):
    """Files on a disk that blocks until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = Event()

    def put(self, path: str, data: bytes) -> None:
        assert self.ready.wait(WITHIN)
        super().put(path, data)


def publish_again(log: Committed) -> int:
    """Call `maybe_publish` until something is published; returns the published size."""
    deadline = time.monotonic() + WITHIN
    while not log.publisher.maybe_publish(log.tree, T):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return log.publisher.published_size()


def test_in_the_background_no_step_waits_for_the_disk() -> None:
    files = SlowFiles()
    log = Committed(files, background=True)
    for size in (10, 300, 600):  # the log grows meanwhile
        log.grow(size)
        assert not log.publisher.maybe_publish(log.tree, T)
        assert log.publisher.published_size() == 0
    files.ready.set()
    assert publish_again(log) == 10
    assert open_checkpoint(files.checkpoint() or b"", [KEY.verify_key]).size == 10
    log.publisher.publish(log.tree)
    check_published(files, log)


def trouble_of(log: Committed) -> Standstill | None:
    """Why the last attempt failed."""
    return log.publisher.trouble


FULL = OSError(errno.ENOSPC, "No space left on device", "tile/0/000.p/1")


@pytest.mark.parametrize("background", [False, True])
def test_a_failure_that_may_pass_is_kept_and_tried_again(monkeypatch: pytest.MonkeyPatch, background: bool) -> None:
    """No step fails because of it; `trouble` names the path."""
    log, now = Committed(background=background), T
    log.grow(300)
    with monkeypatch.context() as full:
        full.setattr(log.files, "put", lambda *_: (_ for _ in ()).throw(FULL))
        full.setattr(module, "_MAX_BACKLOG", 10)
        for _ in range(3):
            now += module._RETRY
            assert not log.publisher.maybe_publish(log.tree, now)
            log.publisher.abandon()
            assert not log.publisher.maybe_publish(log.tree, now), "not again at once, however much is waiting"
        assert trouble_of(log) == Standstill(
            "disk_full", "tile/0/000.p/1: No space left on device: the disk is full until space is freed"
        )
        with pytest.raises(OSError, match="No space"):
            log.publisher.publish(log.tree)
    log.publisher.maybe_publish(log.tree, now + module._RETRY)
    log.publisher.abandon()
    log.publisher.maybe_publish(log.tree, now + module._RETRY)
    assert trouble_of(log) is None
    check_published(log.files, log)


@pytest.mark.parametrize("problem", [PublishedDiffers("other bytes"), StoreConflict("a later checkpoint")], ids=repr)
def test_any_other_failure_is_raised(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    log = Committed(background=True)
    log.grow(300)
    monkeypatch.setattr(log.files, "replace_checkpoint", lambda *_: (_ for _ in ()).throw(problem))
    assert not log.publisher.maybe_publish(log.tree, T)
    log.publisher.abandon()
    with pytest.raises(type(problem)):
        log.publisher.maybe_publish(log.tree, T)


def test_a_blocked_disk_is_reported_and_not_written_to_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WRITE_TIMEOUT", 0.0)
    monkeypatch.setattr(module, "_ABANDONED_AFTER", 0.01)
    files = SlowFiles()
    log = Committed(files, background=True)
    log.grow(10)
    for later in range(3):
        assert not log.publisher.maybe_publish(log.tree, T + later * module._RETRY)
    assert trouble_of(log) == Standstill("unavailable", "memory: nothing could be written for 0 s")
    log.publisher.reset()
    assert not log.publisher.maybe_publish(log.tree, T + 9 * module._RETRY)
    files.ready.set()
    assert publish_again(log) == 10
    assert files.order.count("checkpoint") == 1
    assert trouble_of(log) is None
    check_published(files, log)


def test_publishing_on_a_disk_that_hangs_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    files = SlowFiles()
    log = Committed(files, background=True)
    log.grow(10)
    with monkeypatch.context() as soon:
        soon.setattr(module, "_WRITE_TIMEOUT", 0.01)
        for _ in range(2):  # the second finds the first still writing
            with pytest.raises(Unavailable, match="memory: nothing could be written"):
                log.publisher.publish(log.tree)
    files.ready.set()
    log.grow(20)
    log.publisher.publish(log.tree)
    check_published(files, log)


def test_without_a_free_thread_it_publishes_in_the_foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    log = Committed(background=True)
    log.grow(10)
    with monkeypatch.context() as here:
        here.setattr(Thread, "start", start)
        log.publisher.maybe_publish(log.tree, T)
    assert publish_again(log) == 10


def test_a_reset_waits_for_the_background_write() -> None:
    files = SlowFiles()
    log = Committed(files, background=True)
    log.grow(300)
    assert not log.publisher.maybe_publish(log.tree, T)
    Timer(0.1, files.ready.set).start()
    log.publisher.reset()
    assert log.publisher.published_size() == 300
    log.publisher.check(log.tree)


def test_a_published_log_is_taken_up_again() -> None:
    log = Committed()
    log.publish(300)
    again = Publisher(ORIGIN, log.store, log.files, log.signer)
    assert again.published_size() == 300
    again.check(log.tree)
    assert again.load_tree(log.store.head()).root() == log.tree.root()
    stranger = Signer(SigningKey(ORIGIN, b"x" * 32))
    with pytest.raises(SignatureError):
        Publisher(ORIGIN, log.store, log.files, stranger)


def test_what_is_published_must_be_on_the_committed_history() -> None:
    log, shorter, other = Committed(), Committed(), Committed()
    log.publish(10)
    shorter.grow(9)
    other.tree.append([bytes([n]) * 32 for n in range(12)])
    for tree in (shorter.tree, other.tree):
        with pytest.raises(ProofError, match="published at size 10"):
            log.publisher.check(tree)
    log.grow(12)
    log.publisher.check(log.tree)


def test_it_publishes_the_committed_log_and_no_other_tree() -> None:
    log = Committed()
    log.grow(5)
    log.tree.append([bytes(32)])
    with pytest.raises(StoreConflict):
        log.publisher.publish(log.tree)
    assert log.files.order == []


def test_an_empty_log_is_not_published() -> None:
    log = Committed()
    log.publisher.publish(log.tree)
    assert log.files.files == {}
    assert log.publisher.published_size() == 0


def flipped(data: bytes) -> bytes:
    """With another byte in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "lost": lambda _: None,
    "flipped": flipped,
    "cut": lambda data: data[:-1],
    "empty": lambda _: b"",
}


@pytest.fixture(scope="module")
def long_log() -> Committed:
    """A log with a full tile on level 1. Its files are replaced by each test."""
    log = Committed()
    log.publish(66_000)
    return log


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("background", [False, True])
def test_what_is_not_right_is_published_again(
    long_log: Committed, damage: str, background: bool, caplog: pytest.LogCaptureFixture
) -> None:
    whole, files = long_log.files.files, MemoryFiles()
    files.files = dict(whole)
    paths = ["tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1", "tile/0/000", "tile/0/256", "tile/0/257.p/208",
             "tile/entries/000", "tile/entries/100", "tile/entries/257.p/208"]  # fmt: skip
    for path in paths:
        changed = DAMAGES[damage](files.files.pop(path))
        if changed is not None:
            files.files[path] = changed
    publisher = Publisher(ORIGIN, long_log.store, files, long_log.signer)
    publisher.background = background
    head = long_log.store.head()
    tree = publisher.load_tree(head)
    assert head is not None
    assert tree.root() == head.root
    publisher.check(tree)
    now = T
    while files.files != whole:
        now += module._INTERVAL
        assert now < T + 100 * module._INTERVAL
        publisher.maybe_publish(tree, now)
        publisher.abandon()
    assert sorted(files.order) == sorted(paths), "nothing else is written"
    assert all(re.search(f"memory/{path} .*: it is published again", caplog.text) for path in paths)


def test_no_publication_comes_before_the_tiles_that_the_tree_reads_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Committed()
    log.publish(65_536 + 256)
    del log.files.files["tile/1/000"], log.files.files["tile/0/000"]
    again = Publisher(ORIGIN, log.store, log.files, log.signer)
    log.tree, log.publisher = again.load_tree(log.store.head()), again
    log.grow(65_536 + 700)
    with monkeypatch.context() as full:
        full.setattr(log.files, "put_again", lambda *_: (_ for _ in ()).throw(FULL))
        for later in range(3):
            assert not again.maybe_publish(log.tree, T + later * module._RETRY)
            assert trouble_of(log) is not None
        with pytest.raises(OSError, match="No space"):
            again.publish(log.tree)
    again.publish(log.tree)
    assert trouble_of(log) is None
    assert "tile/1/000" in log.files.files
    assert log.tree.root_at(300) == root_of(log.store.leaves(0, 300))


def test_a_tree_is_loaded_in_pieces_however_far_it_is_ahead_of_what_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = Committed()
    log.publish(300)
    log.grow(2_000)
    leaves, asked = log.store.leaves, list[int]()

    def counted(start: int, stop: int) -> list[bytes]:
        asked.append(stop - start)
        return leaves(start, stop)

    monkeypatch.setattr(log.store, "leaves", counted)
    monkeypatch.setattr(committed_tree, "_LEAVES_AT_ONCE", 512)
    again = Publisher(ORIGIN, log.store, log.files, log.signer)
    assert again.load_tree(log.store.head()).root() == log.tree.root()
    assert sum(asked) >= 2_000 - 256
    assert max(asked) <= 512


def unusable(*_: object) -> list[bytes]:
    """As a database of which pages are damaged."""
    raise Unusable("database disk image is malformed")


@pytest.mark.parametrize("unreadable", [False, True])
def test_entries_that_the_database_has_damaged_are_not_published(
    unreadable: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor do old ones stop a log that goes on behind them."""
    log = Committed()
    log.publish(300)
    good = dict(log.files.files)
    log.store.kept[7] = replace(log.store.kept[7], data=b"damaged")
    if unreadable:
        monkeypatch.setattr(log.store, "entries", unusable)
    again = Publisher(ORIGIN, log.store, log.files, log.signer)
    tree = again.load_tree(log.store.head())
    for later in range(3):
        again.maybe_publish(tree, T + later * module._INTERVAL)
    assert log.files.files == good
    assert "memory: entries 0 to 255 are damaged in the database" in caplog.text
    log.store.kept[7] = replace(log.store.kept[7], leaf=bytes(32))
    with pytest.raises(ProofError, match="entries in the database do not hash to the committed root"):
        again.load_tree(log.store.head())


def test_a_checkpoint_that_is_cut_off_is_published_again() -> None:
    log = Committed()
    log.publish(300)
    whole = dict(log.files.files)
    for cut in (b"", whole["checkpoint"][:40]):
        log.files.files["checkpoint"] = cut
        again = Publisher(ORIGIN, log.store, log.files, log.signer)
        again.publish(again.load_tree(log.store.head()))
        assert log.files.files == whole
