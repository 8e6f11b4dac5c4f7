"""Business references as they stand on paper: what may be one, and when two are the same.

Both are judged by Unicode 3.2, which every release of Python has beside its own, newer tables. Those differ from
release to release, and a log must be decided alike by all of them. Case folding of what 3.2 has never changes.
"""

from __future__ import annotations

from typing import Final
from unicodedata import ucd_3_2_0 as unicode_3_2

from counterfoil.contract.limits import MAX_REFERENCE

_KEPT: Final = ("L", "M", "N")
"""Letters, marks and numbers; all else separates them."""
_TEXT: Final = (*_KEPT, "P", "S", "Zs")
_INVISIBLE: Final = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u200b\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))  # variation selectors
)
"""Characters of the above that show nothing."""


def same_as(reference: str) -> str:
    """What is equal for references that differ in case, width, spaces or separators only: ``№ INV-1/a`` -> ``noinv1a``.

    Compatibility characters are replaced (NFKC), case is folded, and letters, marks and numbers are kept.
    """
    if reference.isascii():
        return "".join(filter(str.isalnum, reference)).lower()
    return "".join(each for each in _folded(reference) if unicode_3_2.category(each).startswith(_KEPT))


def same_paper(reference: str) -> str:
    """The same, but what parts two numbers is kept as one hyphen: ``L 11/1`` -> ``l11-1``, and ``L 1/11`` -> ``l1-11``.

    Registers number by year and number: without what parts them, two papers would be one.
    """
    kept, parted = list[str](), False
    for each in _folded(reference):
        kind = unicode_3_2.category(each)
        if not kind.startswith(_KEPT):
            parted = True
            continue
        if parted and kept and kind.startswith("N") and unicode_3_2.category(kept[-1]).startswith("N"):
            kept.append("-")
        kept.append(each)
        parted = False
    return "".join(kept)


def _folded(reference: str) -> str:
    return unicode_3_2.normalize("NFKC", unicode_3_2.normalize("NFKC", reference).casefold())


def parse_reference(text: str) -> str:
    """The text, if it may be a reference. Raises ValueError.

    1 to 64 characters of Unicode 3.2 in NFC, among them a letter or number; no control, format or private-use
    characters, no line ends, none that show nothing.
    """
    if not 0 < len(text) <= MAX_REFERENCE:
        raise ValueError(f"a reference has 1 to {MAX_REFERENCE} characters")
    if not (text.isascii() and text.isprintable()):
        _check_unicode(text)
    if not 0 < len(same_as(text)) <= MAX_REFERENCE:
        raise ValueError("a reference has letters or numbers")
    return text


def _check_unicode(text: str) -> None:
    if not all(unicode_3_2.category(each).startswith(_TEXT) and each not in _INVISIBLE for each in text):
        raise ValueError("a reference has characters of Unicode 3.2 that can be seen")
    if unicode_3_2.normalize("NFC", text) != text:
        raise ValueError("a reference is in Unicode's normalisation form C")
