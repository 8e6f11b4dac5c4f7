"""A mirror holds what the log signed and nothing else, whatever the server does, and goes on where it ended."""

from __future__ import annotations

import gzip
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import httpx
import orjson
import pytest

from clients.python.tests.answering import Answering
from counterfoil.audit.files import LogFiles
from counterfoil.audit.structure import open_log
from counterfoil.client import log_server
from counterfoil.client.log_server import LogServer
from counterfoil.client.mirror import Mirrored, mirror
from counterfoil.client.mirror_files import mirrored_in
from counterfoil.client.problems import CannotMirror, Forked, Misserved, Unreachable
from counterfoil.contract.log_id import LogId
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from counterfoil.log.errors import ProofError
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.log.merkle import verify_consistency
from counterfoil.log.tiles import tiles_for
from tests.audit.forge import publish

LEDGER = LogId("ledger")
KEY = SigningKey("h.example/ledger/main", bytes(range(32)))
Answer = Callable[[str, bytes], httpx.Response | None]
"""(path, the file's bytes) -> what is answered instead, None for the file itself."""


def log_of(size: int, other_from: int = 1 << 60) -> list[bytes]:
    """Entries of a log; those from `other_from` on are of another history."""
    return [b"%s %d" % (b"entry" if at < other_from else b"other", at) for at in range(size)]


def sent(data: bytes) -> httpx.Response:
    """An answer whose body is not read yet."""
    return httpx.Response(200, stream=httpx.ByteStream(data))


class Served:
    """A server of one log. `instead`: what it answers in place of a file; `asked`: how often for which path."""

    def __init__(self, root: Path) -> None:
        self.root, self.asked = root, Counter[str]()
        self.instead: Answer = lambda _path, _data: None

    def grow(self, size: int, other_from: int = 1 << 60) -> None:
        """The log has so many entries; only the tiles that its checkpoint needs are there."""
        self.root.mkdir(parents=True, exist_ok=True)
        publish(self.root, KEY, log_of(size, other_from))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/log/ledger/main/")
        self.asked[path] += 1
        file = self.root / path
        if not file.is_file():
            return httpx.Response(404)
        return self.instead(path, file.read_bytes()) or sent(file.read_bytes())

    def mirror(
        self, to: Path, key: VerifyKey | None = KEY.verify_key, sleep: Callable[[float], None] = lambda _seconds: None
    ) -> Mirrored:
        """Bring the mirror in `to` up to date."""
        self.asked.clear()
        transport = Answering(self)
        with LogServer("http://g", transport=transport, sleep=sleep) as server:
            return mirror(server, to, [LEDGER], {} if key is None else {LEDGER: key})[0]


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path / "served" / "ledger" / "main")


def is_whole(directory: Path, size: int) -> bool:
    """Whether the mirror has every byte of a log of this size, and its auditor finds nothing."""
    log, findings = open_log(LogFiles(directory / "ledger" / "main"), {KEY.name: KEY.verify_key})
    assert findings == []
    assert log is not None
    entries = [entry for bundle in log.bundles() for entry in bundle]
    return log.findings() == [] and entries == log_of(size)


# as it should be ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(0, 1, 3, 255, 256, 257, 600), (65_536 + 300, 65_536 + 600)])
def test_a_mirror_follows_the_log_and_fetches_only_what_is_new(
    served: Served, tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    before = 0
    for size in sizes:
        served.grow(size)
        done = served.mirror(tmp_path / "m")
        new = {ref.path() for ref in tiles_for(before, size)}
        assert (done.size, done.before, done.files) == (size, before, len(new))
        assert is_whole(tmp_path / "m", size)
        folders = (tmp_path / "m" / "ledger" / "main" / "tile").rglob("*.p")
        assert not [folder for folder in folders if folder.with_suffix("").exists()], "partial versions of full tiles"
        tiles = {path for path in served.asked if path.startswith("tile/")}
        edge = {path for path in tiles - new if ".p/" in path and not path.startswith(("tile/0", "tile/entries"))}
        assert tiles == new | edge, "upper tiles of the edge are asked for every time"
        assert sum(served.asked.values()) <= len(served.asked) + 2, "twice those above the last entry kept before"
        before = size


def test_a_partial_tile_that_is_gone_is_found_in_the_full_one(served: Served, tmp_path: Path) -> None:
    served.grow(300)
    older = {path: (served.root / path).read_bytes() for path in ("checkpoint", "tile/1/000.p/1")}
    served.grow(700)
    for path, data in older.items():
        (served.root / path).write_bytes(data)
    assert served.mirror(tmp_path / "m").size == 300
    assert is_whole(tmp_path / "m", 300)
    served.grow(700)
    served.mirror(tmp_path / "m")
    assert is_whole(tmp_path / "m", 700)


def test_what_was_interrupted_is_continued_and_what_is_damaged_fetched_again(served: Served, tmp_path: Path) -> None:
    served.grow(2_000)

    def until_the_fifth_bundle(path: str, _data: bytes) -> httpx.Response | None:
        return httpx.Response(503) if path == "tile/entries/005" else None

    served.instead = until_the_fifth_bundle
    with pytest.raises(Unreachable, match="ledger, tile/entries/005: it answered 503"):
        served.mirror(tmp_path / "m")
    assert served.asked["tile/entries/005"] > 1
    damaged = tmp_path / "m" / "ledger" / "main" / "tile" / "entries" / "001"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    served.instead = lambda _path, _data: None
    served.mirror(tmp_path / "m")
    assert is_whole(tmp_path / "m", 2_000)
    assert {"tile/entries/001", "tile/entries/005"} <= set(served.asked)
    assert not {"tile/0/001", "tile/entries/000", "tile/entries/004"} & set(served.asked)


def test_a_server_that_is_busy_is_asked_again_when_it_says(served: Served, tmp_path: Path) -> None:
    served.grow(3)
    slept: list[float] = []
    served.instead = lambda _path, _data: None if slept else httpx.Response(503, headers={"retry-after": "7"})
    served.mirror(tmp_path / "m", sleep=slept.append)
    assert is_whole(tmp_path / "m", 3)
    assert slept == [7]


def test_a_log_without_a_pinned_key_keeps_the_first(served: Served, tmp_path: Path) -> None:
    served.grow(3)
    served.mirror(tmp_path / "m", key=None)
    served.instead = other_key
    with pytest.raises(Misserved, match="ledger, vkey: its key is"):
        served.mirror(tmp_path / "m", key=None)


def test_a_directory_with_other_files_or_in_use_is_refused(served: Served, tmp_path: Path) -> None:
    served.grow(3)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "instance.json").write_text("{}")
    with pytest.raises(CannotMirror, match="is no mirror"):
        served.mirror(tmp_path / "other")
    with mirrored_in(tmp_path / "m"), pytest.raises(CannotMirror, match="is in use"):
        served.mirror(tmp_path / "m")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotMirror, match="file"):
        served.mirror(tmp_path / "file")


# servers that lie -----------------------------------------------------------------------------------------------------


def changed(path: str, change: Callable[[bytes], bytes]) -> Answer:
    """Another content of the file at `path`."""
    return lambda at, data: sent(change(data)) if at == path else None


def flipped(data: bytes) -> bytes:
    return data[:40] + bytes([data[40] ^ 1]) + data[41:]


def endless(path: str, _data: bytes) -> httpx.Response | None:
    return httpx.Response(200, content=repeat(bytes(10_000))) if path == "tile/entries/002" else None


def bomb(path: str, _data: bytes) -> httpx.Response | None:
    if path != "tile/entries/002":
        return None
    body = gzip.compress(bytes(100_000_000))
    return httpx.Response(200, stream=httpx.ByteStream(body), headers={"content-encoding": "gzip"})


def redirect(path: str, _data: bytes) -> httpx.Response | None:
    return httpx.Response(302, headers={"location": f"http://elsewhere/{path}"}) if path == "tile/entries/002" else None


def other_key(path: str, _data: bytes) -> httpx.Response | None:
    other = SigningKey(KEY.name, bytes(32)).verify_key.vkey()
    return sent(f"{other}\n".encode()) if path == "vkey" else None


def unsigned(data: bytes) -> bytes:
    return data.replace(b"\n1000\n", b"\n1001\n")


def of_another_log(_data: bytes) -> bytes:
    key = SigningKey("h.example/matching/main", bytes(range(32)))
    return sign_checkpoint(Checkpoint(key.name, 1_000, bytes(32)), key)


def claims_a_world(_data: bytes) -> bytes:
    return sign_checkpoint(Checkpoint(KEY.name, 1 << 48, bytes(32)), KEY)


LIES: dict[str, tuple[Answer, str, str]] = {
    "a wrong tile": (changed("tile/0/002", flipped), "tile/0/002", "hashes to"),
    "a wrong tile of the edge": (changed("tile/0/003.p/232", flipped), "tile/0/003.p/232", "right edge"),
    "a wrong upper tile": (changed("tile/1/000.p/3", flipped), "tile/1/000.p/3", "right edge"),
    "a wrong bundle": (changed("tile/entries/002", flipped), "tile/entries/002", "not what the tree"),
    "a cut tile": (changed("tile/0/002", lambda data: data[:-1]), "tile/0/002", "8192 bytes, not 8191"),
    "a cut bundle": (changed("tile/entries/002", lambda data: data[:-1]), "tile/entries/002", "is cut"),
    "a bundle with one more": (changed("tile/entries/002", lambda d: d + b"\0\0"), "tile/entries/002", "not 256"),
    "a tile that is too long": (changed("tile/0/002", lambda d: d + b"\0"), "tile/0/002", "more than 8192 bytes"),
    "an empty file": (changed("tile/0/002", lambda _data: b""), "tile/0/002", "8192 bytes, not 0"),
    "an endless file": (endless, "tile/entries/002", "the most possible"),
    "a compressed bomb": (bomb, "tile/entries/002", "compressed"),
    "a redirect": (redirect, "tile/entries/002", "redirects to 'http://elsewhere/"),
    "a missing tile": (lambda p, _: httpx.Response(404) if p == "tile/0/002" else None, "tile/0/002", "is missing"),
    "a checkpoint that nobody signed": (changed("checkpoint", unsigned), "checkpoint", "not signed by the log's key"),
    "another log's checkpoint": (changed("checkpoint", of_another_log), "checkpoint", "not signed by the log's key"),
    "no checkpoint": (changed("checkpoint", lambda _data: b"\xff" * 1_000), "checkpoint", "not signed"),
    "a checkpoint of too many bytes": (changed("checkpoint", lambda _: b"x" * 2_000_000), "checkpoint", "more than"),
    "a checkpoint over a world of entries": (changed("checkpoint", claims_a_world), "tile/6/000.p/1", "is missing"),
}


@pytest.mark.parametrize("known", [0, 300], ids=["a new mirror", "one that is known"])
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_and_changes_nothing(served: Served, tmp_path: Path, lie: str, known: int) -> None:
    if known:
        served.grow(known)
        served.mirror(tmp_path / "m")
    served.grow(1_000)
    served.instead, path, text = LIES[lie]
    with pytest.raises(Misserved) as refused:
        served.mirror(tmp_path / "m")
    assert f"{refused.value}".startswith("ledger, ")
    assert path in refused.value.path
    assert text in f"{refused.value}"
    assert refused.value.advice
    if known:
        assert is_whole(tmp_path / "m", known)
    else:
        assert not (tmp_path / "m" / "ledger" / "main" / "checkpoint").exists()
    served.instead = lambda _path, _data: None
    served.mirror(tmp_path / "m")
    assert is_whole(tmp_path / "m", 1_000)


def test_a_server_that_goes_back_is_refused(served: Served, tmp_path: Path) -> None:
    served.grow(600)
    served.mirror(tmp_path / "m")
    served.grow(300)
    with pytest.raises(Misserved, match="covers 300 entries, and one over 600 was kept: the server went back"):
        served.mirror(tmp_path / "m")
    assert is_whole(tmp_path / "m", 600)


def test_a_file_that_takes_too_long_ends(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served.grow(3)
    monkeypatch.setattr(log_server, "FILE_SECONDS_MAX", -1.0)
    with pytest.raises(Unreachable, match="takes longer"):
        served.mirror(tmp_path / "m")


# logs that lie --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "other_from"), [(600, 500), (900, 500), (900, 10), (300, 10), (300, 299)],
    ids=["as long", "longer", "longer, from early on", "shorter", "shorter, by one entry"],
)  # fmt: skip
def test_a_fork_is_refused_and_its_evidence_kept(served: Served, tmp_path: Path, found: int, other_from: int) -> None:
    served.grow(600)
    served.mirror(tmp_path / "m")
    served.grow(found, other_from)
    with pytest.raises(Forked) as fork:
        served.mirror(tmp_path / "m")
    assert is_whole(tmp_path / "m", 600)
    evidence = orjson.loads(fork.value.evidence.read_bytes())
    key = VerifyKey.parse(evidence["vkey"])
    heads = [open_checkpoint(evidence[name].encode(), [key]) for name in ("kept", "found")]
    shorter, longer = sorted(heads, key=lambda head: head.size)
    root, proof = b64decode(evidence["root"]), [b64decode(each) for each in evidence["proof"]]
    if shorter.size == longer.size:
        assert shorter.root != longer.root
    else:
        verify_consistency(shorter.size, longer.size, root, longer.root, proof)
        with pytest.raises(ProofError):
            verify_consistency(shorter.size, longer.size, shorter.root, longer.root, proof)
    served.grow(700)
    served.mirror(tmp_path / "m")
    assert is_whole(tmp_path / "m", 700)
