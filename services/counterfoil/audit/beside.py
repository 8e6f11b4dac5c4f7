"""Work beside this process, in a copy of it.

The copy is forked: an interpreter that starts anew takes as long as an audit of some thousand entries. It has one
thread and ends without clean-up, so nothing that this process has begun is finished twice. It works with files, memory
and its socket alone, so with no lock that another thread may have held as it was made.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from select import select
from socket import socket, socketpair
from typing import Any, Final, Generic, NoReturn, TypeVar

from counterfoil.audit.files import CannotAudit

T = TypeVar("T")
Tell = Callable[[int], None]
"""How much more is done"""
_GO_ON: Final = b"\n"


class Beside(Generic[T]):
    """The values of an iterator that runs in a process of its own: the first is made at once, others when asked for.

    An exception there is raised here. The process ends with `close`, and with this one, however that ends.
    """

    def __init__(self, make: Callable[[Tell], Iterator[T]], tell: Tell) -> None:
        """`make` is called there, with a function to tell progress by; `tell` here. Raises OSError."""
        self._tell = tell
        self._found: list[tuple[str, Any]] = []  # the next value, if it has come
        self._asked = True
        self._socket, there = socketpair()
        with there:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for this process alone
            try:
                self._pid = os.fork()
                if self._pid == 0:
                    _work(self._socket, there, make)
            except OSError:
                self._socket.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._stream = self._socket.makefile("rb")

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if not self._asked:
            self._socket.sendall(_GO_ON)
        while not self._found:
            self._receive()
        self._asked = False
        kind, value = self._found.pop()
        if kind == "error":
            raise value
        if kind == "end":
            raise StopIteration
        found: T = value
        return found

    def progress(self) -> None:
        """Tell what progress has been made."""
        while not self._found and select([self._socket], [], [], 0)[0]:
            self._receive()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._stream.close()
        self._socket.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def _receive(self) -> None:
        try:
            kind, value = pickle.load(self._stream)  # noqa: S301 from a copy of this process
        except (EOFError, OSError, pickle.UnpicklingError) as problem:
            raise CannotAudit("a process of this audit ended before it was done; is there enough memory?") from problem
        if kind == "done":
            self._tell(value)
        else:
            self._found.append((kind, value))


def _work(not_ours: socket, to: socket, make: Callable[[Tell], Iterator[Any]]) -> NoReturn:
    """Make the values and send them, until no more is asked for."""

    def send(kind: str, value: Any) -> None:
        to.sendall(pickle.dumps((kind, value)))

    try:
        not_ours.close()  # so that sending fails, and this process ends, once the other has ended
        gc.freeze()  # what is garbage here is the other process's to finish
        for value in make(lambda done: send("done", done)):
            send("value", value)
            if not to.recv(len(_GO_ON)):
                break
        else:
            send("end", None)
    except Exception as problem:  # noqa: BLE001 it is raised in the other process
        with suppress(OSError):
            send("error", _portable(problem))
    finally:
        os._exit(0)


def _portable(problem: Exception) -> Exception:
    """The exception, with where it was raised, if it can be sent; otherwise one that says the same."""
    where = "".join(traceback.format_exception(problem))
    problem.add_note(where)
    try:
        pickle.loads(pickle.dumps(problem))  # noqa: S301 made here
    except Exception:  # noqa: BLE001 its class decides what happens
        return RuntimeError(where)
    return problem
