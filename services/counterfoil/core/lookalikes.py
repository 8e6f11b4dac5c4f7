"""Which names a reader may take for one another."""

from __future__ import annotations

from typing import Final
from unicodedata import normalize

from counterfoil.contract.text import is_visible
from counterfoil.core.confusables import CONFUSABLES

_DROPPED: Final[dict[int, str | None]] = {code: None for code in range(128) if not chr(code).isalnum()}
_KEPT: Final = _DROPPED | {ord("i"): "l"}  # a capital i looks like an l, and is an i


def look_of(name: str) -> str:
    """The same for names that differ only in characters that look alike, in case, width, spaces or separators.

    Names with the same skeleton by UTS 39 have the same look; case and the rest come on top of that. What does not
    show, or is not in Unicode 13, counts for nothing: so every Python finds the same. For comparing, not for reading.
    """
    shown = name if name.isascii() else "".join(filter(is_visible, name))
    skeleton = normalize("NFD", normalize("NFD", shown).translate(CONFUSABLES))
    folded = normalize("NFD", normalize("NFKD", skeleton).casefold())
    return normalize("NFD", folded.translate(CONFUSABLES)).translate(_KEPT)
