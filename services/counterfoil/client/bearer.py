"""The right to read as a party: the token that a client sends, and another one once that is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

NOT_VALID: Final = "unknown_session"
"""The code by which a gateway says that a token is over."""
Renew = Callable[[str | None], str | None]
"""Gives a token in place of one that is refused, or the first one for None; None to read without one."""


def _none(_refused: str | None) -> str | None:
    return None


class Bearer:
    """Sends a token with what is read. For several threads at once."""

    def __init__(self, token: str | None = None, renew: Renew = _none) -> None:
        """Without a `token`, `renew` is asked for one before the first request that needs it."""
        self._token, self._renew = token, renew
        self._asked, self._turn = token is not None, Lock()

    def header(self) -> Mapping[str, str]:
        """The header of the next request."""
        with self._turn:
            if not self._asked:
                self._token, self._asked = self._renew(None), True
            return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    def replace(self, refused: Mapping[str, str]) -> bool:
        """The gateway refused what was sent with this header: whether there is another token now."""
        used = refused.get("Authorization", "").removeprefix("Bearer ")
        with self._turn:
            if self._token is not None and self._token == used:
                self._token = self._renew(used)
            return self._token is not None and self._token != used
