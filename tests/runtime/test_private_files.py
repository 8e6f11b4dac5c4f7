"""A file with a secret is for its owner alone, is never overwritten, and is not read once others can reach it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from counterfoil.errors import BadPrivateFile
from counterfoil.private_files import (
    PRIVATE_OCTETS_MAX,
    create_private,
    read_password,
    read_private,
    write_password,
)


@pytest.mark.parametrize("umask", [0, 0o077])
def test_it_is_its_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        create_private(tmp_path / "secret", b"text")
    finally:
        os.umask(old)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert read_private(tmp_path / "secret") == b"text"


def test_nothing_is_overwritten_and_no_link_followed(tmp_path: Path) -> None:
    create_private(tmp_path / "there", b"first")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("there", "link", "dangling"):
        with pytest.raises(FileExistsError):
            create_private(tmp_path / name, b"second")
    assert read_private(tmp_path / "there") == b"first"
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_be_written_whole_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        create_private(tmp_path / "secret", b"text")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610, 0o601, 0o620, 0o602])
def test_what_others_can_reach_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    create_private(path, b"text")
    path.chmod(mode)
    with pytest.raises(BadPrivateFile, match=f"^{path} can be read by others: run `chmod 600 {path}`"):
        read_private(path)
    path.chmod(0o400)
    assert read_private(path) == b"text"


def _link(path: Path) -> None:
    create_private(path.with_name("target"), b"text")
    path.symlink_to("target")


OTHERS: list[tuple[Callable[[Path], object], str]] = [
    (_link, "is a link"),
    (lambda path: path.mkdir(mode=0o700), "is not a file"),
    (lambda path: os.mkfifo(path, 0o600), "is not a file"),
    (lambda path: create_private(path, bytes(PRIVATE_OCTETS_MAX + 1)), f"is longer than {PRIVATE_OCTETS_MAX} octets"),
]


@pytest.mark.parametrize(("make", "meaning"), OTHERS, ids=["link", "directory", "pipe", "long"])
def test_what_is_no_private_file(tmp_path: Path, make: Callable[[Path], object], meaning: str) -> None:
    make(tmp_path / "secret")
    with pytest.raises(BadPrivateFile, match=f"^{tmp_path / 'secret'} {meaning}"):
        read_private(tmp_path / "secret")


def test_the_longest_file_is_read(tmp_path: Path) -> None:
    create_private(tmp_path / "secret", bytes(PRIVATE_OCTETS_MAX))
    assert read_private(tmp_path / "secret") == bytes(PRIVATE_OCTETS_MAX)


@pytest.mark.parametrize("data", [b" a b\n", b" a b", b" a b\r\n"])
def test_a_password_is_the_line_of_its_file(tmp_path: Path, data: bytes) -> None:
    create_private(tmp_path / "secret", data)
    assert read_password(tmp_path / "secret") == " a b"


@pytest.mark.parametrize("data", [b"", b"\n", b"hunter2\n\n", b"hunter2\nhunter3\n", b"hunter2\0", b"hunter2\xff"])
def test_a_password_is_one_line_of_text(tmp_path: Path, data: bytes) -> None:
    create_private(tmp_path / "secret", data)
    with pytest.raises(BadPrivateFile, match=r"is not (one line of )?text") as caught:
        read_password(tmp_path / "secret")
    assert "hunter" not in str(caught.value)


def test_a_password_is_written_as_it_is_read(tmp_path: Path) -> None:
    write_password(tmp_path / "secret", "grüße, with spaces ")
    assert read_password(tmp_path / "secret") == "grüße, with spaces "
