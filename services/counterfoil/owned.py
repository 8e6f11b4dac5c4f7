"""Directories that nobody else can change: whoever can rename in one replaces a key, a database or a log unseen."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from counterfoil.errors import BadPrivateFile


def check_owned(path: Path) -> None:
    """Check a directory and all above it, links resolved, as sshd does (StrictModes); what is missing is left out.

    Each belongs to root or to this user, and neither its group nor others may write to it, unless it is sticky (as
    ``/tmp`` is), or the group is this user's own. Raises `BadPrivateFile`, with the command that mends it.
    """
    real = Path(os.path.realpath(path))
    for each in (real, *real.parents):
        try:
            found = each.stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if found.st_uid not in (0, os.geteuid()):
            owner = _name_of(found.st_uid)
            raise BadPrivateFile(
                f"{each} belongs to {owner}, who can replace what is in {path}: `chown {_name_of(os.geteuid())} {each}`"
            )
        sticky = found.st_mode & stat.S_ISVTX and stat.S_ISDIR(found.st_mode) and each != real
        if found.st_mode & stat.S_IWOTH and not sticky:
            raise BadPrivateFile(f"{each} can be written by everybody: run `chmod o-w {each}`")
        if found.st_mode & stat.S_IWGRP and not sticky and not _own_group(found):
            raise BadPrivateFile(f"{each} can be written by its group: run `chmod g-w {each}`")


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _own_group(found: os.stat_result) -> bool:
    """Whether the group is the owner's own, without other members, as many systems give one to each user."""
    try:
        owner, group = pwd.getpwuid(found.st_uid), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    return owner.pw_gid == group.gr_gid and owner.pw_name == group.gr_name and set(group.gr_mem) <= {owner.pw_name}
