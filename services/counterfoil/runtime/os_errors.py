"""Errors of the operating system, told apart: those that may pass by themselves, and those that a person has to mend.

Everything that retries asks here. An error that may pass becomes `Unavailable`; any other, one that is in neither table
included, becomes `Unusable` and stops the service at once: trying again could only do the same again.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import gaierror
from typing import Final

from counterfoil.errors import Unusable
from counterfoil.ports import Unavailable

PASSING: Final[Mapping[int, str]] = {
    errno.ENOSPC: "the disk is full until somebody makes room",
    errno.EDQUOT: "the quota is used up until somebody makes room",
    errno.EIO: "a disk or a remote file system failed; the next attempt writes the whole file again",
    errno.ESTALE: "a remote file system was exported again; the next attempt opens the path again",
    errno.ENOLCK: "a remote file system has no lock to give",
    errno.EAGAIN: "another process holds the lock, or a buffer is full",
    errno.EBUSY: "another process is using it",
    errno.EINTR: "a signal came first",
    errno.EMFILE: "this process has too many files open",
    errno.ENFILE: "this machine has too many files open",
    errno.ENOMEM: "this machine has no memory left",
    errno.ENOBUFS: "this machine has no network buffers left",
    errno.ETIMEDOUT: "the other side does not answer",
    errno.ECONNREFUSED: "the other side does not listen yet",
    errno.ECONNRESET: "the other side was restarted",
    errno.ECONNABORTED: "the connection was given up",
    errno.ENOTCONN: "the connection is gone",
    errno.EPIPE: "the other side is gone",
    errno.ESHUTDOWN: "the connection was shut down",
    errno.EHOSTDOWN: "the other machine is down",
    errno.EHOSTUNREACH: "there is no way to the other machine for now",
    errno.ENETDOWN: "the network is down",
    errno.ENETUNREACH: "there is no way to that network for now",
    errno.ENETRESET: "the network dropped the connection",
}
"""Errors that end without anybody touching this service, and why."""

LASTING: Final[Mapping[int, str]] = {
    errno.ENOENT: "it is missing: put it back, from a backup or from a copy of the published log",
    errno.EACCES: "this user has no right to it: correct owner and mode",
    errno.EPERM: "this user has no right to it: correct owner, mode and attributes",
    errno.EROFS: "the file system is read-only, as after a fault of the disk: check it, then mount it for writing",
    errno.ENOTDIR: "a file is where a directory belongs",
    errno.EISDIR: "a directory is where a file belongs",
    errno.EEXIST: "something else is at this path",
    errno.ENOTEMPTY: "something else is in this directory",
    errno.ELOOP: "symbolic links lead in a circle",
    errno.ENAMETOOLONG: "the path is too long: choose a shorter COUNTERFOIL_HOME",
    errno.EFBIG: "the file is larger than a limit of the process or of the file system",
    errno.ENODEV: "the device is gone",
    errno.ENXIO: "the device is gone",
    errno.EXDEV: "the instance's directory must be on one file system",
    errno.EINVAL: "this file system cannot do what is needed",
    errno.ENOTSUP: "this file system cannot do what is needed",
}
"""Errors that stay until a person has done something, and what."""

_PASSING_KINDS: Final = (ConnectionError, TimeoutError, BlockingIOError, InterruptedError, gaierror)
"""Of these also what Python or a library raises without a number of the system; a name server may answer again."""
_UNKNOWN: Final = "not known to pass by itself: mend it, then start the service again"


def may_pass(problem: OSError) -> bool:
    """Whether a later attempt may succeed although nobody does anything about this service."""
    return problem.errno in PASSING or isinstance(problem, _PASSING_KINDS)


def judged(problem: Exception, place: Path | None = None) -> Exception:
    """`Unavailable` or `Unusable` for an error of the operating system; any other error as it is.

    The message has the path (`place` where the error names none), what the system says, and for `Unusable` what to do.
    """
    if not isinstance(problem, OSError):
        return problem
    where = problem.filename or place
    said = problem.strerror or str(problem) or repr(problem)
    text = said if where is None else f"{where}: {said}"
    if may_pass(problem):
        return Unavailable(text)
    return Unusable(f"{text}: {LASTING.get(problem.errno or 0, _UNKNOWN)}")


@contextmanager
def judging(place: Path) -> Iterator[None]:
    """Raises `Unavailable` or `Unusable` for an error of the operating system in the block."""
    try:
        yield
    except OSError as problem:
        raise judged(problem, place) from problem
