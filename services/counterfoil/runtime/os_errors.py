"""Classifies errors of the operating system as transient (a retry may succeed) or permanent (a person must act).

Everything that retries asks here. A transient error becomes `Unavailable`; any other, also one that is in neither
table, becomes `Unusable` and stops the service at once, because a retry would fail in the same way.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import gaierror
from typing import Final

from counterfoil.errors import Fault, Unusable
from counterfoil.ports import Unavailable

TRANSIENT: Final[Mapping[int, str]] = {
    errno.ENOSPC: "the disk is full until space is freed",
    errno.EDQUOT: "the quota is used up until space is freed",
    errno.EIO: "a disk or a remote file system failed; the next attempt writes the whole file again",
    errno.ESTALE: "a remote file system was exported again; the next attempt opens the path again",
    errno.ENOLCK: "a remote file system has no locks left",
    errno.EAGAIN: "another process holds the lock, or a buffer is full",
    errno.EBUSY: "another process is using it",
    errno.EINTR: "a signal interrupted the call",
    errno.EMFILE: "this process has too many files open",
    errno.ENFILE: "this machine has too many files open",
    errno.ENOMEM: "this machine has no memory left",
    errno.ENOBUFS: "this machine has no network buffers left",
    errno.ETIMEDOUT: "the other side does not answer",
    errno.ECONNREFUSED: "the other side does not listen yet",
    errno.ECONNRESET: "the other side was restarted",
    errno.ECONNABORTED: "the connection was aborted",
    errno.ENOTCONN: "the connection is gone",
    errno.EPIPE: "the other side is gone",
    errno.ESHUTDOWN: "the connection was shut down",
    errno.EHOSTDOWN: "the other machine is down",
    errno.EHOSTUNREACH: "there is no route to the other machine for now",
    errno.ENETDOWN: "the network is down",
    errno.ENETUNREACH: "there is no route to that network for now",
    errno.ENETRESET: "the network dropped the connection",
}
"""Transient errors: a retry may succeed without any change to this service. Each with the reason."""

PERMANENT: Final[Mapping[int, str]] = {
    errno.ENOENT: "it is missing: put it back, from a backup or from a copy of the published log",
    errno.EACCES: "this user has no permission for it: correct owner and mode",
    errno.EPERM: "this user has no permission for it: correct owner, mode and attributes",
    errno.EROFS: "the file system is read-only, as after a fault of the disk: check it, then mount it for writing",
    errno.ENOTDIR: "a file is where a directory belongs",
    errno.EISDIR: "a directory is where a file belongs",
    errno.EEXIST: "another file is already at this path",
    errno.ENOTEMPTY: "this directory is not empty",
    errno.ELOOP: "symbolic links form a loop",
    errno.ENAMETOOLONG: "the path is too long: choose a shorter COUNTERFOIL_HOME",
    errno.EFBIG: "the file is larger than a limit of the process or of the file system",
    errno.ENODEV: "the device is gone",
    errno.ENXIO: "the device is gone",
    errno.EXDEV: "the instance's directory must be on one file system",
    errno.EINVAL: "this file system lacks an operation that is needed",
    errno.ENOTSUP: "this file system lacks an operation that is needed",
}
"""Permanent errors, with what a person must do."""

_FAULTS: Final[Mapping[int, Fault]] = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
}
_PASSING_KINDS: Final = (ConnectionError, TimeoutError, BlockingIOError, InterruptedError, gaierror)
"""Exception classes that are transient even without an error number; a name server, for example, may answer again."""
_UNKNOWN: Final = "not known to be transient: correct the cause, then restart the service"


def is_transient(problem: OSError) -> bool:
    """Whether a retry may succeed without any change to this service."""
    return problem.errno in TRANSIENT or isinstance(problem, _PASSING_KINDS)


def classified(problem: Exception, place: Path | None = None) -> Exception:
    """Returns `Unavailable` or `Unusable` for an error of the operating system; any other error unchanged.

    The message has the path (`place` if the error names none), the system's text, and what it waits for or what to do.
    """
    if not isinstance(problem, OSError):
        return problem
    where = problem.filename or place
    detail = problem.strerror or str(problem) or repr(problem)
    text = detail if where is None else f"{where}: {detail}"
    fault = _FAULTS.get(problem.errno or 0, "unavailable")
    if is_transient(problem):
        reason = TRANSIENT.get(problem.errno or 0)
        return Unavailable(text if reason is None else f"{text}: {reason}", fault)
    return Unusable(f"{text}: {PERMANENT.get(problem.errno or 0, _UNKNOWN)}", fault)


@contextmanager
def classifying(place: Path) -> Iterator[None]:
    """Turns an error of the operating system in the block into `Unavailable` or `Unusable`."""
    try:
        yield
    except OSError as problem:
        raise classified(problem, place) from problem
