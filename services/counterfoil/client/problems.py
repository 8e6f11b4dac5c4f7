"""Errors between a client and a gateway.

CounterfoilError
├── RefusedByService   refused, with a stable code
│   └── NotThere       there is nothing under this key
├── Unreachable        no usable answer, so the outcome is unknown
│   ├── NotReady       the gateway answers, but cannot do this at the moment
│   └── Unsettled      of a command; it is kept
└── NotProven          an answer whose proof does not verify
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterfoil.errors import CounterfoilError


class RefusedByService(CounterfoilError):
    """Refused. `fields`: the values that caused it; `receipt`: the refusal's own entry and proof, if recorded."""

    def __init__(
        self, code: str, title: str, fields: Mapping[str, str], receipt: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {title}")
        self.code, self.title, self.fields, self.receipt = code, title, dict(fields), receipt


class NotThere(RefusedByService):
    """There is nothing under this key (yet)."""


class Unreachable(CounterfoilError):
    """No usable answer; the outcome is unknown, and the same request may be repeated."""


class NotReady(Unreachable):
    """The gateway answers every time that it cannot do this at the moment; `code` says why, the message in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unsettled(Unreachable):
    """The outcome of the command `command_id` is not known; it is kept, to be sent again as it is."""

    def __init__(self, command_id: str, problem: Exception) -> None:
        super().__init__(str(problem))
        self.command_id = command_id


class NotProven(CounterfoilError):
    """A receipt, checkpoint or entry does not verify: keep it, it is evidence."""
