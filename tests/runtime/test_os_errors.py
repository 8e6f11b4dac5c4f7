"""Which errors of the operating system are retried and which stop a service, as the system itself raises them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from counterfoil.errors import ServiceStopped, Unusable
from counterfoil.ports import Unavailable
from counterfoil.runtime.os_errors import PERMANENT, TRANSIENT, classified, classifying


def _refused(_place: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    socket.create_connection(address, timeout=5)


def _late(_place: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.01)
        listener.accept()


def _loop(place: Path) -> None:
    place.symlink_to(place)
    place.read_bytes()


def _full(_place: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")


def _raised(error: BaseException) -> Callable[[Path], None]:
    def fail(_place: Path) -> None:
        raise error

    return fail


PROVOKED: dict[str, tuple[Callable[[Path], object], type[Exception]]] = {
    "a missing file": (Path.read_bytes, Unusable),
    "a missing directory": (lambda place: (place / "a" / "b").write_bytes(b"x"), Unusable),
    "a directory instead of a file": (lambda place: place.parent.read_bytes(), Unusable),
    "a file instead of a directory": (lambda place: place.write_bytes(b"") or (place / "a").read_bytes(), Unusable),
    "a file that is there already": (lambda place: place.parent.mkdir(), Unusable),
    "links in a circle": (_loop, Unusable),
    "too long a name": (lambda place: place.with_name("x" * 300).read_bytes(), Unusable),
    "no permission": (_raised(PermissionError(errno.EACCES, "Permission denied")), Unusable),
    "a read-only file system": (_raised(OSError(errno.EROFS, "Read-only file system")), Unusable),
    "a number that is in no table": (_raised(OSError(errno.ECHILD, "No child processes")), Unusable),
    "no number": (_raised(OSError("a library's own")), Unusable),
    "a full disk": (_full, Unavailable),
    "a spent quota": (_raised(OSError(errno.EDQUOT, "Disk quota exceeded")), Unavailable),
    "a disk that fails": (_raised(OSError(errno.EIO, "Input/output error")), Unavailable),
    "too many open files": (_raised(OSError(errno.EMFILE, "Too many open files")), Unavailable),
    "a lock that another process holds": (_raised(BlockingIOError(errno.EAGAIN, "held")), Unavailable),
    "no listener": (_refused, Unavailable),
    "no answer": (_late, Unavailable),
    "a deadline of Python's own": (_raised(TimeoutError()), Unavailable),
    "a connection that ended, without a number": (_raised(ConnectionResetError("Connection lost")), Unavailable),
    "a name that is not resolved": (_raised(socket.gaierror(socket.EAI_AGAIN, "try again")), Unavailable),
}


@pytest.mark.parametrize("what", PROVOKED)
def test_errors_of_the_system_are_classified(what: str, tmp_path: Path) -> None:
    provoke, kind = PROVOKED[what]
    place = tmp_path / "file"
    with pytest.raises(kind) as caught, classifying(place):
        provoke(place)
    assert type(caught.value) is kind
    assert isinstance(caught.value.__cause__, OSError)
    assert str(tmp_path) in str(caught.value)


def test_no_number_is_in_both_tables_and_each_has_its_reason() -> None:
    assert not TRANSIENT.keys() & PERMANENT.keys()
    assert all({**TRANSIENT, **PERMANENT}.values())


@pytest.mark.parametrize("number", PERMANENT)
def test_a_permanent_error_stops_the_service_with_path_and_advice(number: int) -> None:
    problem = classified(OSError(number, os.strerror(number), "home/logs/ledger/main/tile/0/000"))
    assert isinstance(problem, ServiceStopped)  # exit code 3
    assert str(problem) == f"home/logs/ledger/main/tile/0/000: {os.strerror(number)}: {PERMANENT[number]}"


def test_other_errors_stay_what_they_are() -> None:
    for problem in (KeyError("x"), Unavailable("x"), Unusable("x")):
        assert classified(problem) is problem
