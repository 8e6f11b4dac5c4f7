"""Backups of the embedded form: what an instance cannot be without, as of one instant, checked when it is written.

A backup is a directory. It has `manifest.json`, with the head of each log and the checksum of each file;
`instance.json`; `db/`, the logs' databases and their signers' memory; and the private keys, unless they are left out.
Views, snapshots and published files are made again from the databases; sessions end with an instance. A backup, and
what is restored from it, is complete or absent. Nothing signs a manifest: a backup is believed as the disk is that has
it, but what it lists is written to the places of a backup alone.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from counterfoil import __version__
from counterfoil.contract.log_id import LogId, parse_log
from counterfoil.contract.times import SECOND, format_time
from counterfoil.errors import CounterfoilError
from counterfoil.instance import LOG_KEYS, Instance
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.merkle import leaf_hash
from counterfoil.owned import check_owned
from counterfoil.ports import Head, LogStore
from counterfoil.private_files import create_private, open_regular
from counterfoil.process_lock import Held, process_lock
from counterfoil.runtime.committed_tree import load_tree, published_head
from counterfoil.storage.copies import at_one_instant, copy_database
from counterfoil.storage.log_directory import PublishedDirectory
from counterfoil.storage.log_store import open_log_store
from counterfoil.syncing import sync_directory

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
KEY_FOLDERS: Final = (LOG_KEYS, "keys")
_FILES: Final = ("instance.json", "vkeys", "demo.json")
_FOLDERS: Final = ("db", *KEY_FOLDERS)
_NOT_COPIED: Final = (Path("keys", "sessions"),)  # tokens: who has one reads for an hour, without any passphrase
_MANIFEST_BYTES_MAX: Final = 16 << 20
_ENTRIES: Final = 4_096  # read at once


class BackupFailed(CounterfoilError):
    """A backup cannot be made or restored; the message says why, and what to do."""


def back_up(instance: Instance, target: Path, *, keys: bool = True) -> dict[str, Any]:
    """Write a backup to `target`, which must not exist; returns its manifest. Services may run meanwhile.

    Raises `BackupFailed`, `BadPrivateFile`, storage errors, OSError; then there is no `target`.
    """
    check_owned(target)
    if target.exists():
        raise BackupFailed(f"{target} exists: a backup is never written over; name a new directory")
    missing = [path for log in instance.logs() if not (path := instance.database(log)).exists()]
    if missing:
        raise BackupFailed(f"there is no {missing[0]}: an instance that was never started has nothing but its keys")
    with _whole(target) as draft:
        made_at = time.time_ns() // 1_000
        for name in _FILES:
            if (instance.root / name).exists():
                _copy(instance.root / name, draft / name)
        heads = _copy_logs(instance, draft)
        for folder in KEY_FOLDERS if keys else ():
            _copy_folder(instance.root, folder, draft)
        manifest = {
            "format": FORMAT,
            "release": __version__,
            "host": instance.identity.host,
            "made_at": format_time(made_at - made_at % SECOND),
            "keys": keys,
            "logs": {str(log): {"size": head.size, "root": head.root.hex()} for log, head in heads.items()},
            "files": {str(path.relative_to(draft)): _digest(path) for path in _files_of(draft)},
        }
        create_private(draft / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    return manifest


def _copy_logs(instance: Instance, draft: Path) -> dict[LogId, Head]:
    logs = instance.logs()
    copies = Instance(draft)
    (draft / "db").mkdir(mode=0o700)
    with at_one_instant([instance.database(log) for log in logs]) as databases:
        for log, database in zip(logs, databases, strict=True):
            copy_database(database, copies.database(log))
    return {log: _check_copy(copies, log) for log in logs}


def _check_copy(copies: Instance, log: LogId) -> Head:
    """Check a copied log: all entries lead to its signed head. Writes the memory of a signer that signed that last."""
    with closing(open_log_store(copies.database(log))) as store:
        head = store.head()
        if head is None:
            raise BackupFailed(f"{log} has no entries yet: start the instance once, then back it up")
        for first in range(0, head.size, _ENTRIES):
            stop = min(first + _ENTRIES, head.size)
            if list(map(leaf_hash, store.entries(first, stop))) != store.leaves(first, stop):
                raise BackupFailed(
                    f"{log}: of entries {first} to {stop - 1} some do not hash to their leaves: audit it"
                )
        try:
            signed = open_checkpoint(head.note, [copies.verify_key(log)])
            if signed != Checkpoint(copies.origin(log), head.size, head.root):
                raise BackupFailed(f"{log}: its last checkpoint is not of its last entry: audit the instance")
            load_tree(head, store, PublishedDirectory(copies.log_directory(log)), 0)
        except LogError as problem:
            raise BackupFailed(f"{log}: {problem}: audit the instance") from problem
    memory = copies.signer_directory(log)
    memory.mkdir(mode=0o700)
    create_private(memory / "signer", signed.text())
    return head


def restore(backup: Path, home: Path, *, published: Path | None = None, roll_back: bool = False) -> dict[str, Any]:
    """Make the instance in `home` from a backup; returns the manifest. Of `home` only ``logs/`` may be there.

    `published`: another place where its logs are, such as a mirror. What is published there, or in ``logs/``, must not
    be ahead of the backup, unless `roll_back`: then ``logs/`` is moved aside. Raises `BackupFailed`, `BadPrivateFile`,
    storage errors, OSError; then `home` is as it was, and the next attempt goes on.
    """
    manifest = _read_manifest(backup)
    check_owned(home)
    _check_target(home)
    _check_files(backup, manifest)
    draft = home.with_name(f"{home.name}.restoring")  # what another attempt left there is used
    draft.mkdir(mode=0o700, exist_ok=True)
    for name in manifest["files"]:
        _copy(backup / name, draft / name, again=True)
    kept = next((each for each in (draft / "logs", home / "logs") if each.exists()), None)
    ahead = _ahead(Instance(draft), [each for each in (kept, published) if each is not None])
    if ahead and not roll_back:
        raise BackupFailed(
            f"{'; '.join(ahead)}. Receipts were given for what is missing, and whoever met those checkpoints will find"
            " that the log went back: restore a newer backup. If there is none, --roll-back gives these promises up"
        )
    if kept is not None and ahead:
        kept.rename(home.with_name(f"{home.name}.logs-rolled-back-{time.time_ns() // 10**9}"))
    elif kept == home / "logs":
        kept.rename(draft / "logs")
    _sync(draft)
    draft.rename(home)  # which is empty by now, or missing
    sync_directory(home.parent)
    return manifest


def _check_target(home: Path) -> None:
    found = (
        sorted(each.name for each in home.iterdir() if each.name not in ("logs", "up.lock")) if home.exists() else []
    )
    if found:
        raise BackupFailed(
            f"{home} has {', '.join(found[:5])}: nothing is restored over an instance; move it away first"
        )
    lock = home / "up.lock"
    if lock.exists():
        try:
            with process_lock(lock):
                lock.unlink()
        except Held as holder:
            raise BackupFailed(f"process {holder} serves {home}: stop it first") from holder


def _read_manifest(backup: Path) -> dict[str, Any]:
    path = backup / MANIFEST
    try:
        with open_regular(path) as file:
            manifest: dict[str, Any] = json.loads(file.read(_MANIFEST_BYTES_MAX))
        if manifest["format"] != FORMAT:
            raise BackupFailed(f"{path}: format {manifest['format']}; this release knows {FORMAT}")
        names = set(manifest["files"])
        wanted = {"instance.json", *(f"db/{parse_log(log).stem}.sqlite" for log in manifest["logs"])}
    except (FileNotFoundError, NotADirectoryError):
        raise BackupFailed(f"{backup} is no backup: it has no {MANIFEST}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise BackupFailed(f"{path} is damaged ({problem}): take another copy of the backup") from problem
    if not manifest["logs"] or not wanted <= names or not all(map(_is_of_a_backup, names)):
        raise BackupFailed(f"{path} does not list the files of a backup: take another copy of it")
    return manifest


def _is_of_a_backup(name: str) -> bool:
    """Whether a backup may have a file of this name: no other spelling of it, and none outside the backup's places."""
    path = Path(name)
    if str(path) != name or not name.isprintable() or path.is_absolute() or ".." in path.parts:
        return False
    return name in _FILES or (path.parts[0] in _FOLDERS and len(path.parts) > 1)


def _check_files(backup: Path, manifest: Mapping[str, Any]) -> None:
    for name, digest in manifest["files"].items():
        try:
            found = _digest(backup / name)
        except FileNotFoundError:
            raise BackupFailed(f"{backup} lacks {name}: take another copy of the backup") from None
        if found != digest:
            raise BackupFailed(f"{backup / name} is not what was backed up: take another copy of the backup")


def _ahead(backup: Instance, published: list[Path]) -> list[str]:
    """The logs of which more is published than backed up. Raises `BackupFailed` if what is published contradicts it."""
    found = []
    for root in published:
        for log in backup.logs():
            place = PublishedDirectory(root / log.service / log.shard)
            try:
                last = published_head(place, backup.verify_key(log))
            except LogError as problem:
                raise BackupFailed(f"{place.place} is not of this instance, or damaged: {problem}") from problem
            if last is None:
                continue
            with closing(open_log_store(backup.database(log))) as store:
                size = _size_if_prefix(store, place, last)
            if last.size > size:
                found.append(f"{log}: {last.size} entries are published in {root}, the backup has {size}")
    return found


def _size_if_prefix(store: LogStore, place: PublishedDirectory, last: Checkpoint) -> int:
    head = store.head()
    if head is None:
        return 0
    if last.size <= head.size and load_tree(head, store, place, 0).root_at(last.size) != last.root:
        raise BackupFailed(f"{place.place} has another history than the backup: keep both, and audit them")
    return head.size


# files --------------------------------------------------------------------------------------------------------------


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A directory to write, which is `target` behind the block, durable; removed if the block raises."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.mkdir(mode=0o700)
    try:
        yield draft
        _sync(draft)
        draft.rename(target)
        sync_directory(target.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _copy_folder(root: Path, folder: str, target: Path) -> None:
    for path in _files_of(root / folder):
        name = path.relative_to(root)
        if any(name.is_relative_to(each) for each in _NOT_COPIED):
            continue
        with suppress(FileNotFoundError):  # a command was settled meanwhile
            _copy(path, target / name)


def _copy(source: Path, target: Path, *, again: bool = False) -> None:
    """Copy a file for its owner alone, durably; `again`: what is there was left by an attempt that was cut short."""
    with open_regular(source) as read:
        for folder in reversed([each for each in target.parents if not each.exists()]):
            folder.mkdir(mode=0o700)
        if again:
            target.unlink(missing_ok=True)
        copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(copy, "wb") as written:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        return file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for each in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        sync_directory(each)
