"""A service that kills itself at one durable step: ``python -m tests.faults.crashing STEP NTH serve SERVICE``.

The service itself is unchanged: before or after the NTH run of a step the process gets SIGKILL, as in a power loss,
except that data already passed to the operating system survives.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from counterfoil.cli.main import app
from counterfoil.storage.log_directory import LogDirectory
from counterfoil.storage.log_store import SqlLogStore
from counterfoil.transport.kafka import KafkaTransport

_PARTS: Final[dict[str, tuple[type, str]]] = {
    "commit": (SqlLogStore, "append"),
    "announce": (KafkaTransport, "publish"),
    "tile": (LogDirectory, "put"),
    "checkpoint": (LogDirectory, "replace_checkpoint"),
    "memory": (LogDirectory, "remember"),
    "partials": (LogDirectory, "drop_partials"),
}
STEPS: Final = tuple(f"{when}-{part}" for part in _PARTS for when in ("before", "after"))


def crash(step: str, nth: int) -> None:
    """Make the NTH begin or end of the step kill this process."""
    when, part = step.split("-")
    owner, name = _PARTS[part]
    original: Callable[..., Any] = getattr(owner, name)
    left = nth

    @wraps(original)
    def armed(*args: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if not left and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **named)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, armed)


if __name__ == "__main__":
    _, wanted, count, *rest = sys.argv
    sys.argv = ["counterfoil", *rest]
    crash(wanted, int(count))
    app()
