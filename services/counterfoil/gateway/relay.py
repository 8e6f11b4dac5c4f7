"""The way of an answer from the thread that follows the logs to the event loop that waits; knows no web framework."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from counterfoil.runtime.receipts import Answer

Answers = list[tuple[Any, Answer]]


class AnswerRelay:
    """Passes answers from the thread that follows the logs to the event loop on which the senders wait."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, answers: Answers) -> None:
        """Called on the following thread."""
        if self.loop is not None and not self.loop.is_closed():
            with suppress(RuntimeError):  # the loop has closed meanwhile: no sender waits
                self.loop.call_soon_threadsafe(_resolve, answers)


def _resolve(answers: Answers) -> None:
    for waiter, answer in answers:
        if not waiter.done():
            waiter.set_result(answer)
