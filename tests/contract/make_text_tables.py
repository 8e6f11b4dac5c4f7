"""Makes the tables by which text is judged, from the files of Unicode 13.

    python -m tests.contract.make_text_tables UnicodeData.txt DerivedAge.txt DerivedCoreProperties.txt confusables.txt

The first three are those of https://www.unicode.org/Public/13.0.0/ucd/, or of any later version; the last is that of
https://www.unicode.org/Public/security/13.0.0/.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final
from unicodedata import is_normalized

_ROOT: Final = Path(__file__).parents[2] / "services" / "counterfoil"
_KEPT: Final = ("L", "M", "N", "P", "S", "Zs")
_VERSION: Final = (13, 0)
_BRAILLE_BLANK: Final = 0x2800  # a symbol that shows nothing, and is not among those to be ignored
_WIDTH: Final = 118
_TOGETHER: Final = 12  # sources of one target, so that they fit a line

_LICENCE: Final = """\
Made of Unicode's data files by `tests/contract/make_text_tables.py`; their licence is `contract/UNICODE_LICENSE.txt`.
"""


def visible(data: str, ages: str, properties: str) -> Iterator[tuple[int, int]]:
    """Ranges of letters, marks, numbers, punctuation, symbols and spaces, without those that show nothing."""
    known = _codes(ages, lambda age: tuple(map(int, age.split("."))) <= _VERSION)
    hidden = _codes(properties, lambda name: name == "Default_Ignorable_Code_Point") | {_BRAILLE_BLANK}
    codes = [code for code in _kept(data) if code in known and code not in hidden]
    for _, run in groupby(enumerate(codes), lambda each: each[1] - each[0]):
        found = [code for _, code in run]
        yield found[0], found[-1]


def _codes(table: str, wanted: Callable[[str], bool]) -> set[int]:
    found: set[int] = set()
    for fields in _lines(table):
        if wanted(fields[1]):
            first, _, last = fields[0].partition("..")
            found.update(range(int(first, 16), int(last or first, 16) + 1))
    return found


def _kept(data: str) -> Iterator[int]:
    begun = 0
    for fields in _lines(data):
        code, name, category = int(fields[0], 16), fields[1], fields[2]
        if name.endswith(", First>"):
            begun = code
        elif category.startswith(_KEPT):
            yield from range(begun if name.endswith(", Last>") else code, code + 1)


def confusables(table: str, shown: Iterable[tuple[int, int]]) -> dict[str, str]:
    """What characters that are visible look like; a character that decomposes is replaced before it is looked up."""
    codes = {code for first, last in shown for code in range(first, last + 1)}
    return {
        chr(int(source, 16)): "".join(chr(int(each, 16)) for each in target.split())
        for source, target, *_ in _lines(table)
        if int(source, 16) in codes and is_normalized("NFD", chr(int(source, 16)))
    }


def _lines(table: str) -> Iterator[list[str]]:
    for line in table.splitlines():
        fields = [field.strip() for field in line.partition("#")[0].split(";")]
        if fields[0]:
            yield fields


def _hex(text: Iterable[str]) -> str:
    return " ".join(f"{ord(each):X}" for each in text)


def _module(title: str, name: str, kind: str, parse: str, data: str) -> str:
    lines = "\n".join(textwrap.wrap(data, _WIDTH, break_on_hyphens=False))
    return (
        f'"""{title}\n\n{_LICENCE}"""\n\nfrom __future__ import annotations\n\nfrom typing import Final\n\n'
        f'_DATA: Final = """\\\n{lines}\n"""\n\n{name}: Final[{kind}] = {parse}\n'
    )


def main(data: str, ages: str, properties: str, table: str) -> None:
    """Write both modules."""
    shown = list(visible(Path(data).read_text(), Path(ages).read_text(), Path(properties).read_text()))
    ranges = " ".join(f"{first:X}-{last:X}" if first < last else f"{first:X}" for first, last in shown)
    (_ROOT / "contract" / "visible.py").write_text(
        _module(
            "The characters of Unicode 13 that show: letters, marks, numbers, punctuation, symbols and spaces.",
            "RANGES",
            "tuple[tuple[int, int], ...]",
            "tuple(\n    (int(first, 16), int(last or first, 16)) for first, _, last in"
            ' (each.partition("-") for each in _DATA.split())\n)',
            ranges,
        )
    )
    groups: dict[str, list[str]] = {}
    for source, target in confusables(Path(table).read_text("utf-8-sig"), shown).items():
        groups.setdefault(target, []).append(source)
    packed = " ".join(
        f"{_hex(target)}={_hex(sources[each : each + _TOGETHER])}".replace(" ", ",")
        for target, sources in sorted(groups.items())
        for each in range(0, len(sources), _TOGETHER)
    )
    (_ROOT / "core" / "confusables.py").write_text(
        _module(
            "What characters look like: the mappings of UTS 39 for Unicode 13, by what several of them look like.",
            "CONFUSABLES",
            "dict[int, str]",
            '{\n    int(source, 16): "".join(chr(int(each, 16)) for each in target.split(","))\n'
            '    for target, _, sources in (each.partition("=") for each in _DATA.split())\n'
            '    for source in sources.split(",")\n}',
            packed,
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
