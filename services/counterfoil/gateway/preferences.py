"""The header ``Prefer`` of RFC 7240, as far as commands know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from counterfoil.gateway.bounds import MAX_WAIT


class Preferences(NamedTuple):
    """What a sender prefers.

    `later`: an answer before the command is decided. `wait`: seconds, at most `MAX_WAIT`, for what becomes of it.
    """

    later: bool
    wait: int | None

    @property
    def applied(self) -> str:
        """The value of ``Preference-Applied``; empty for none."""
        return "respond-async" if self.later else "" if self.wait is None else f"wait={self.wait}"


def preferences(lines: Sequence[str]) -> Preferences:
    """The preferences of these lines of the header. Unknown and malformed ones are ignored, as the RFC demands.

    Of several of one name the first counts; who wants the answer at once does not wait.
    """
    given: dict[str, str] = {}
    for each in ",".join(lines).split(","):
        name, _, value = each.partition(";")[0].partition("=")
        given.setdefault(name.strip().lower(), value.strip().strip('"'))
    seconds = given.get("wait", "")
    later = "respond-async" in given
    known = seconds.isascii() and seconds.isdigit() and not later
    return Preferences(later, min(int(seconds[:6]), MAX_WAIT) if known else None)
