"""What a client keeps: commands whose outcome is unknown, and the last checkpoints that it met."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import httpx
import pytest

from clients.python.tests.answering import Answering
from counterfoil.client.author import Author
from counterfoil.client.checkpoints import Checkpoints
from counterfoil.client.http import Gateway
from counterfoil.client.ids import command_id_of, new_command_id
from counterfoil.client.outbox import Damaged, Outbox
from counterfoil.client.problems import Forked, NotProven
from counterfoil.client.published import met
from counterfoil.contract.limits import MAX_ENVELOPE_BYTES
from counterfoil.issuance.commands import CloseParty
from counterfoil.log.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.log.keys import SigningKey

NOW = 1_800_000_000_000_000
ORIGIN = "market.example/issuance/main"
KEY = SigningKey(ORIGIN, bytes(range(32)))
LAB = Author("lab", bytes(32))


def envelope(command_id: str, reason: str = "r") -> bytes:
    """A signed command."""
    return LAB.sign(CloseParty(reason=reason), ORIGIN, command_id, NOW)


def test_commands_are_kept_oldest_first_until_they_are_settled(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "keys" / "outbox")
    assert list(outbox.all()) == []
    ids = [new_command_id() for _ in range(3)]
    for each in reversed(ids):
        outbox.keep(envelope(each))
    assert [kept.header.command_id for kept in outbox.all()] == ids
    assert [kept.envelope for kept in outbox.all()] == [envelope(each) for each in ids]
    with pytest.raises(FileExistsError):
        outbox.keep(envelope(ids[0], "another"))
    outbox.settle(ids[1])
    outbox.settle(ids[1])
    assert outbox.find(ids[1]) is None
    assert [kept.header.command_id for kept in outbox.all()] == [ids[0], ids[2]]
    for path in (outbox.directory, *outbox.directory.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"x" * (MAX_ENVELOPE_BYTES + 1)])
def test_a_file_that_was_cut_off_is_named(tmp_path: Path, data: bytes) -> None:
    outbox = Outbox(tmp_path)
    (tmp_path / f"{new_command_id()}.json").write_bytes(data)
    with pytest.raises(Damaged, match=r"\.json holds no command .*: remove it"):
        list(outbox.all())


def test_a_file_without_the_command_of_its_name_keeps_none_of_the_others_waiting(
    tmp_path: Path,
) -> None:
    outbox = Outbox(tmp_path)
    ids = [new_command_id() for _ in range(4)]
    for each in ids:
        outbox.keep(envelope(each))
    other, link, pipe = (tmp_path / f"{each}.json" for each in ids[1:])
    other.write_bytes(envelope(ids[0]))
    for path in (link, pipe):
        path.unlink()
    link.symlink_to("/dev/zero")
    os.mkfifo(pipe, 0o600)
    found: list[Damaged] = []
    assert [kept.header.command_id for kept in outbox.all(found)] == ids[:1]
    assert [str(each).split(": ")[0] for each in found] == [f"{other} holds another command, {ids[0]}",
                                                            f"{link} is a link", f"{pipe} is not a file"]  # fmt: skip
    with pytest.raises(Damaged, match="holds another command"):
        outbox.find(ids[1])


def test_words_name_one_command_of_one_party() -> None:
    ids = {command_id_of(party, words) for party in ("lab", "lab-2") for words in ("Order 7", "Order 8", "")}
    assert len(ids) == 6
    assert command_id_of("lab", "Order 7") == command_id_of("lab", "Order 7")
    assert command_id_of("acme", "Order 4711") == "e62ce486-64b4-7c69-b75c-3e6e0df850ba"  # also in clients/typescript
    for each in ids:
        assert envelope(each)


def note(size: int, fill: int = 0, key: SigningKey = KEY) -> bytes:
    """A signed checkpoint."""
    return sign_checkpoint(Checkpoint(ORIGIN, size, bytes([fill]) * 32), key)


def test_the_later_checkpoint_is_kept_and_one_of_the_same_size_must_be_the_same(tmp_path: Path) -> None:
    checkpoints, key = Checkpoints(tmp_path / "checkpoints"), KEY.verify_key
    assert checkpoints.last(key) is None
    for size in (3, 7, 5, 7):
        checkpoints.keep(met(note(size), key), key)
    last = checkpoints.last(key)
    assert last is not None
    assert last.note == note(7)
    with pytest.raises(Forked, match="another root") as forked:
        checkpoints.keep(met(note(7, fill=1), key), key)
    assert forked.value.evidence.parent == tmp_path / "checkpoints" / "evidence"
    evidence = json.loads(forked.value.evidence.read_text())
    assert evidence["vkey"] == key.vkey()
    assert [evidence[name].encode() for name in ("kept", "found")] == [note(7), note(7, fill=1)]
    other = SigningKey(ORIGIN, bytes(32)).verify_key
    assert checkpoints.last(other) is None  # a new log of the same name is no fork of the old one
    with pytest.raises(NotProven, match="does not verify"):
        met(note(7), other)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    checkpoints, key = Checkpoints(tmp_path), KEY.verify_key
    checkpoints.keep(met(note(3), key), key)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(NotProven, match=f"{file}.*damaged: remove it"):
        checkpoints.last(key)


def publishing(note_: bytes) -> Gateway:
    """A gateway that publishes one checkpoint, and no tiles."""

    def answer(request: httpx.Request) -> httpx.Response:
        found = request.url.path == "/log/issuance/main/checkpoint"
        return httpx.Response(200, content=note_) if found else httpx.Response(404)

    return Gateway("http://g", transport=Answering(answer))


def test_a_log_that_cannot_publish_stops_nobody(tmp_path: Path) -> None:
    """Its disk is full, or its clock stands: receipts are ahead of what is published; the log itself judges `seen`."""
    checkpoints, key, gateway = Checkpoints(tmp_path), KEY.verify_key, publishing(note(2))
    assert gateway.run(checkpoints.follow(gateway.exchanges, key)) is None
    checkpoints.keep(met(note(7), key), key)
    last = gateway.run(checkpoints.follow(gateway.exchanges, key))
    assert last is not None
    assert last.head.size == 7
