"""Configures logging of servers on standard error: text lines, or one JSON object per line.

No code may log a payload, a password or a key; no filter removes them.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, Literal

from counterfoil.contract.text import printable
from counterfoil.contract.times import SECOND, format_time

TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
TRACE: Final = "trace"
"""The extra that gives a line its `trace_id`: ``log.warning("...", extra={TRACE: traceparent})``."""


def configure(level: str, form: Literal["text", "json"], service: str) -> None:
    """Log to standard error from `level` on, and undo any earlier configuration. `service` names the process.

    Members of a JSON object: `time` (RFC 3339, UTC, microseconds), `level`, `logger`, `message`, `service`; with a
    trace `trace_id`, with an exception `exc_info`; and the line's own extras. Python's warnings are logged too, so that
    only objects are written.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(TEXT))
    if form == "json":
        handler.setFormatter(_json(service))
        handler.addFilter(_complete)
    logging.captureWarnings(form == "json")
    logging.basicConfig(level=level, handlers=[handler], force=True)


class _Lines(logging.Formatter):
    """Escapes what is not printable in messages, and in each line of a traceback: they may quote what anybody sent."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 the base class's name
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(map(printable, super().formatException(ei).split("\n")))


def _json(service: str) -> logging.Formatter:
    from pythonjsonlogger.core import RESERVED_ATTRS
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        ("time", "levelname", "name", "message"),
        rename_fields={"levelname": "level", "name": "logger"},
        static_fields={"service": service},
        reserved_attrs=[*RESERVED_ATTRS, TRACE],
    )


def _complete(record: logging.LogRecord) -> bool:
    record.time = format_time(int(record.created * SECOND))
    if trace := getattr(record, TRACE, ""):
        record.trace_id = str(trace)[3:35]
    return True
