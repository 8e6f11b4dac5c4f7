"""One word for each thing: what people read uses the words of the glossary, and none that it gives up for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

from counterfoil.contract.refusal_meanings import MEANINGS
from counterfoil.gateway.problems import ProblemCode
from tests.cli.test_help import EVERY

ROOT: Final = Path(__file__).parents[2]
REFERENCE: Final = ROOT / "docs" / "reference"
ALSO_ANOTHER: Final = frozenset(
    {
        "a consistent read of the database", "admin", "appeal", "ask", "bank", "batch", "block", "chain", "charge",
        "city", "closing balance", "copy", "debt", "declare", "deposit", "download", "edit", "error", "extended",
        "fill", "grant", "halt", "holder", "hook", "kind", "lasting", "live", "lot", "member", "model", "offset",
        "part", "pause", "publish", "record", "refund", "request", "returned", "round", "rule", "rules", "type", "user",
        "void",
    }
)  # fmt: skip
"""Words that are given up for one thing and are right for another: a bank is no treasurer, but pays."""


def rows(page: str) -> list[list[str]]:
    """The cells of all tables of a page, without their heads."""
    lines = [line for line in (REFERENCE / page).read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "word"]


def parts(cell: str) -> list[str]:
    return [part for each in re.sub(r"\(.*?\)", "", cell).split(",") if (part := each.strip())]


WORDS: Final = {word for row in rows("glossary.md") for word in parts(row[0])}


def given_up() -> set[str]:
    """The words that the glossary does not use for a thing, and that are none of its own for another."""
    return {word for row in rows("glossary.md") for word in parts(row[2])} - WORDS - ALSO_ANOTHER


def read_by_people() -> dict[str, str]:
    """Help, messages and pages, by where they stand; code is left out of pages."""
    texts = {
        f"counterfoil {' '.join(path)}": "\n".join(
            [command.help or "", *(getattr(each, "help", None) or "" for each in command.params)]
        )
        for path, command in EVERY.items()
    }
    texts |= {f"refusal {code.value}": meaning.text for code, meaning in MEANINGS.items()}
    texts |= {f"problem {each}": each.value.title for each in ProblemCode}
    for path in sorted((ROOT / "services" / "counterfoil" / "console" / "templates").glob("*.html")):
        texts[path.name] = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", " ", path.read_text("utf-8"), flags=re.DOTALL)
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if path != REFERENCE / "glossary.md":
            prose = re.sub(r"```.*?```|`[^`]*`", "", path.read_text("utf-8"), flags=re.DOTALL)
            texts[path.relative_to(ROOT).as_posix()] = prose
    return texts


def uses(text: str, words: set[str]) -> list[str]:
    return [word for word in sorted(words) if re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE)]


def test_nothing_is_called_by_another_word() -> None:
    words = given_up()
    assert len(words) > 35
    found = {where: used for where, text in read_by_people().items() if (used := uses(text, words))}
    assert not found, f"{found}: the glossary has another word for these, or another meaning goes into ALSO_ANOTHER"


def test_another_word_would_be_found() -> None:
    assert uses("Two Coupons of a seller.", given_up()) == ["coupon", "seller"]
    assert {"coupon", "seller", "chargeback", "journal", "replica"} <= given_up()


def test_what_is_also_another_word_is_in_the_glossary() -> None:
    every = {word for row in rows("glossary.md") for word in parts(row[2])}
    assert every >= ALSO_ANOTHER


def test_the_terms_in_chinese_are_of_words_in_the_glossary() -> None:
    terms = rows("terms-zh.md")
    assert {row[0] for row in terms} <= WORDS
    assert len({row[0] for row in terms}) == len(terms) > 70


def test_the_console_uses_the_terms_in_chinese() -> None:
    """A message that is a word of the page, alone, has its term."""
    with (ROOT / "services" / "counterfoil" / "console" / "locale" / "zh_Hans.po").open("rb") as file:
        messages = {str(each.id).lower(): str(each.string) for each in read_po(file, locale="zh_Hans") if each.string}
    shared = {word: term for word, term in rows("terms-zh.md") if word in messages}
    assert len(shared) > 30
    assert {word: messages[word] for word, term in shared.items() if term not in messages[word]} == {}
