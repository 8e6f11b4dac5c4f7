"""The language of a page that a command writes for people."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.command import Invalid
from counterfoil.cli.options import option

ENGLISH = "en"
LanguageOption = Annotated[
    str, option("--language", "Of a page of HTML: en, or one that the console has.", metavar="en|zh-Hans")
]


def checked_language(language: str, *, is_page: bool) -> str:
    """The language, if the console has it; for anything but a page, English. Raises `Invalid`."""
    if language == ENGLISH:
        return language
    from counterfoil.console.words import languages

    if not is_page:
        raise Invalid("--language is for a page of HTML: everything else is the same in every language")
    if language not in languages():
        raise Invalid(f"--language {language}: there are {', '.join(languages())}")
    return language
