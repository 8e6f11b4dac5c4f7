"""What text may stand in a log, and how text is printed, by Unicode 13, of which every Python has all characters.

The tables of an interpreter differ from release to release, and a log must be decided alike by all of them: so which
characters there are is a table of our own. What the form NFC of these characters is never changes.
"""

from __future__ import annotations

from bisect import bisect
from typing import Final
from unicodedata import is_normalized

from counterfoil.contract.visible import RANGES

_EDGES: Final = [edge for first, last in RANGES for edge in (first, last + 1)]
_SPACES: Final = frozenset(" \u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))))


def is_visible(character: str) -> bool:
    """Whether it is a letter, mark, number, punctuation, symbol or space of Unicode 13 that shows as one."""
    return bisect(_EDGES, ord(character)) % 2 == 1


def unfit(text: str) -> str | None:
    """Why a text may not stand in a name or reason: the first character that may not, ``not NFC`` or ``blank``."""
    if text.isascii() and text.isprintable():
        return "blank" if _SPACES.issuperset(text) else None
    hidden = next((each for each in text if not is_visible(each)), None)
    if hidden is not None:
        return f"U+{ord(hidden):04X}"
    if not is_normalized("NFC", text):
        return "not NFC"
    return "blank" if _SPACES.issuperset(text) else None


def printable(text: str) -> str:
    """The text for a terminal or a line of a log: what is not visible is escaped, line ends included.

    Nothing in it can move a cursor, change colours, turn the direction of writing or begin a line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if is_visible(each) else each.encode("unicode_escape").decode() for each in text)
