"""A directory that others can change is refused wherever something in it is trusted, with the command that mends it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from counterfoil import owned
from counterfoil.audit.kept import kept_in
from counterfoil.cli.keyring import Keyring
from counterfoil.client.checkpoints import Checkpoints
from counterfoil.client.mirror_files import mirrored_in
from counterfoil.client.outbox import Outbox
from counterfoil.errors import BadPrivateFile
from counterfoil.instance import Instance
from counterfoil.key_files import no_passphrase
from counterfoil.owned import check_owned
from counterfoil.process_lock import process_lock
from counterfoil.syncing import written


def enter(opened: object) -> None:
    with opened:  # type: ignore[attr-defined]
        pass


OPENED: dict[str, Callable[[Path], object]] = {
    "home": Instance,
    "new home": lambda path: Instance.create(path / "new", "x.example", "Operator"),
    "keys": lambda path: Keyring(path / "keys", no_passphrase),
    "outbox": lambda path: Outbox(path / "keys" / "outbox"),
    "checkpoints": lambda path: Checkpoints(path / "keys" / "checkpoints"),
    "mirror": lambda path: enter(mirrored_in(path / "mirror")),
    "audit": lambda path: enter(kept_in(path / "kept")),
}


@pytest.mark.parametrize("opened", OPENED)
@pytest.mark.parametrize("at", ["home", "parent"])
def test_a_directory_that_everybody_can_write_is_refused_everywhere(tmp_path: Path, opened: str, at: str) -> None:
    home = tmp_path / "parent" / "home"
    home.parent.mkdir()
    if opened == "home":
        Instance.create(home, "x.example", "Operator")
    home.mkdir(exist_ok=True)
    wrong = home if at == "home" else home.parent
    wrong.chmod(0o757)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadPrivateFile, match=f"{wrong} can be written by everybody: run `chmod o-w {wrong}`"):
        OPENED[opened](home)
    assert sorted(tmp_path.rglob("*")) == before
    os.system(f"chmod o-w {wrong}")
    OPENED[opened](home)


@pytest.mark.parametrize(
    ("mode", "own_group", "refused"),
    [
        (0o755, False, None),
        (0o775, True, None),
        (0o775, False, "by its group: run `chmod g-w"),
        (0o777, True, "by everybody: run `chmod o-w"),
        (0o1777, False, None),
    ],
)
def test_modes_of_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, own_group: bool, refused: str | None
) -> None:
    parent = tmp_path / "parent"
    (parent / "home").mkdir(parents=True)
    parent.chmod(mode)
    monkeypatch.setattr(owned, "_own_group", lambda _found: own_group)
    if refused is None:
        check_owned(parent / "home")
        check_owned(parent / "missing" / "home")
    else:
        with pytest.raises(BadPrivateFile, match=refused):
            check_owned(parent / "home")


def test_a_directory_that_is_itself_sticky_and_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    with pytest.raises(BadPrivateFile, match="chmod o-w"):
        check_owned(tmp_path / "open")


def test_a_directory_of_another_user_is_refused_also_behind_a_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "home").mkdir(parents=True)
    (tmp_path / "link").symlink_to(other)
    stated = Path.stat

    def foreign(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = stated(path, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:4], 12_345, *found[5:])) if path == other else found

    with patch.object(Path, "stat", foreign), pytest.raises(BadPrivateFile, match=f"{other} belongs to 12345, who can"):
        check_owned(tmp_path / "link" / "home")


def test_locks_and_new_files_follow_no_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "up.lock").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match=r"up\.lock"), process_lock(tmp_path / "up.lock"):
        pass
    with pytest.raises(OSError, match=r"up\.lock"), written(tmp_path / "up.lock"):
        pass
    assert (tmp_path / "target").read_text() == "kept"


def test_databases_and_keys_are_their_owners_alone(tmp_path: Path) -> None:
    Instance.create(tmp_path / "home", "x.example", "Operator")
    modes = {name: stat.S_IMODE((tmp_path / "home" / name).stat().st_mode) for name in ("keys", "log-keys", "db")}
    assert set(modes.values()) == {0o700}
