"""The languages of the console: English as the templates have it, and others by a catalogue file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.pofile import read_po
from starlette.requests import Request

DEFAULT: Final = "en"
FOLDER: Final = Path(__file__).with_name("locale")
COOKIE: Final = "counterfoil_language"


@cache
def languages() -> Mapping[str, str]:
    """By tag, what each language calls itself: English, and one for each catalogue."""
    tags = [DEFAULT, *sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.po"))]
    return {tag: locale_of(tag).get_display_name() or tag for tag in tags}


def locale_of(tag: str) -> Locale:
    """The forms of numbers and dates of a language."""
    return Locale.parse(tag, sep="-")


@cache
def messages(tag: str) -> Mapping[str, str]:
    """What each message of the templates is in a language; empty for English."""
    path = FOLDER / f"{tag.replace('-', '_')}.po"
    if not path.exists():
        return {}
    catalogue = read_po(BytesIO(path.read_bytes()), locale=tag.replace("-", "_"))
    return {str(each.id): str(each.string) for each in catalogue if each.id and each.string}


def translator(tag: str) -> Callable[[str], str]:
    """Gives each message in a language; one that its catalogue lacks stays English."""
    known = messages(tag)
    return lambda text: known.get(text, text)


def N_(message: str) -> str:  # noqa: N802 as gettext calls it: marks what the template translates
    """A message that is translated where it is shown."""
    return message


def language_of(request: Request) -> str:
    """The language that a reader chose, else the first of its browser's that there is."""
    chosen = request.cookies.get(COOKIE)
    if chosen in languages():
        return str(chosen)
    return _accepted(request.headers.get("accept-language", "")) or DEFAULT


def _accepted(header: str) -> str | None:
    """The best language of an ``Accept-Language``; ``zh-CN`` accepts ``zh-Hans``."""
    wanted: list[tuple[float, str]] = []
    for part in header[:200].split(","):
        tag, _, weight = part.strip().partition(";q=")
        with suppress(ValueError):
            wanted.append((-float(weight or 1), tag.lower()))
    known = {tag.lower(): tag for tag in languages()}
    for unwanted, tag in sorted(wanted, key=lambda each: each[0]):
        primary = tag.partition("-")[0]
        found = known.get(tag) or next((each for low, each in known.items() if low.partition("-")[0] == primary), None)
        if found and unwanted:
            return found
    return None
