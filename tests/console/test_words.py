"""The languages: each catalogue has every message and no other, with the same parts, and no template has bare words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes
from jinja2.ext import babel_extract

from counterfoil.audit.meanings import MEANINGS
from counterfoil.catalogue import VIEWS
from counterfoil.cli import movements
from counterfoil.console import actions, forms
from counterfoil.console.rendering import environment
from counterfoil.console.words import DEFAULT, FOLDER, languages
from counterfoil.gateway.problems import ProblemCode
from counterfoil.reports.alerts import PATTERNS
from counterfoil.reports.catalogue import REPORTS
from tests.console.browsing import Browsing
from tests.programme.given import ALL, rules

CONSOLE = FOLDER.parent
TEMPLATES = sorted((CONSOLE / "templates").glob("*.html"))
HEADINGS = (
    "Programme", "Budget", "Benefit", "Who may apply", "What may be bought", "Redemption", "Transfer", "Expiry",
    "Control",
)  # fmt: skip
PARTS = re.compile(r"%\(\w+\)s|\{\w+\}")
COMMANDS = "statement|audit URL --report audit.html|report R13 URL --programme --output disclosure.html"
REPORTED = ("applications", "vouchers", "claims", "payments", "clawbacks", "listings", "transfers", "pledges")
"""Views whose status a report shows."""
SHOWN = ("status", "authority", "use")
"""Columns whose values are words on the pages."""
SAYING = ("programme/describing", "programme/periods", "programme/wording", "cli/statement", "cli/statement_page")
PROBLEMS = (
    ProblemCode.BAD_REQUEST, ProblemCode.BAD_FILTER, ProblemCode.BAD_CURSOR, ProblemCode.TOKEN_IN_URL,
    ProblemCode.SESSION_REQUIRED, ProblemCode.UNKNOWN_SESSION, ProblemCode.NOT_FOUND, ProblemCode.UNKNOWN_LOG,
    ProblemCode.BUSY, ProblemCode.CATCHING_UP, ProblemCode.SCAN_TOO_LONG, ProblemCode.UNAVAILABLE,
    ProblemCode.INTERNAL_ERROR,
)  # fmt: skip
"""What a page can be answered with."""


@cache
def wanted() -> frozenset[str]:
    """Every message that a page or a module can show."""
    found = set(HEADINGS) | {each.value.title for each in PROBLEMS} | set(_values()) | set(_of_commands())
    found |= set(_of_files())
    for path in TEMPLATES:
        with path.open("rb") as file:
            options = {"extensions": "jinja2.ext.i18n"}
            for _, _, message, _ in babel_extract(file, ("_", "gettext"), [], options):
                found |= {message} if isinstance(message, str) else {each for each in message or () if each}
    for path in CONSOLE.glob("*.py"):
        with path.open("rb") as file:
            found |= {str(message) for _, _, message, _ in extract_python(file, {"N_": None}, [], {})}
    for name in SAYING:
        with (CONSOLE.parent / f"{name}.py").open("rb") as file:
            said: Iterator[Any] = (
                text for _, _, text, _ in extract_python(file, {"say": None, "message": None}, [], {})
            )
            found |= {str(text[0] if isinstance(text, tuple) else text) for text in said} - {"None"}
    named = orjson.loads((CONSOLE / "static/js/words.json").read_bytes())
    return frozenset((found | set(named.values())) - {""})


def _values() -> Iterator[str]:
    code = "".join(path.read_text() for path in CONSOLE.glob("*.py"))
    for view in VIEWS:
        for name in SHOWN if f'"{view.name}"' in code else ():
            yield from (each.replace("_", " ") for each in view.values.get(name, ()))
    yield from ("offer", "bid")


def _linked() -> list[forms.Form]:
    """The commands that a page links to."""
    named = {each for path in TEMPLATES for each in re.findall(r"/console/command/([a-z_]+)", path.read_text())}
    named |= {each.command for each in actions.ALL}
    return [forms.form_of(name, {}, {}) for name in sorted(named)]


def _of_commands() -> Iterator[str]:
    """Of each command that a page links to: its name, and who may give it."""
    for form in _linked():
        yield from (form.command.replace("_", " "), *form.roles)
    yield from ("treasurer", "auditor")


def _of_files() -> Iterator[str]:
    """What a report, an audit and a statement show as a file, beside what their templates say."""
    yield from MEANINGS.values()
    yield from (each.title for each in PATTERNS.values())
    for report in REPORTS.values():
        yield report.title
        for column in report.columns:
            yield from (column.name.replace("_", " "), column.says, column.unit)
    for view in VIEWS:
        if view.name in REPORTED:
            yield from (each.replace("_", " ") for each in view.values.get("status", ()))
    for words in movements.WORDS.values():
        yield from (words,) if isinstance(words, str) else words


def _members() -> Iterator[str]:
    """Of each the members and their choices, which are shown as they are where a language has no words for them."""
    for form in _linked():
        for field in form.fields:
            yield from (each.replace("_", " ") for each in (field.name, *field.choices))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.po")), ids=lambda path: path.stem)
def test_a_catalogue_is_complete(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = read_po(file)
    told = {str(each.id): str(each.string) for each in catalogue if each.id}
    assert not wanted() - set(told)
    assert not set(told) - wanted() - set(_members()), "messages that nothing shows"
    for message, translated in told.items():
        assert translated.strip(), message
        assert set(PARTS.findall(message)) == set(PARTS.findall(translated)), message


def test_no_template_has_bare_words() -> None:
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for path in TEMPLATES:
        inside = ""
        for node in environment.parse(path.read_text()).find_all(nodes.TemplateData):
            inside += node.data + "\0"
        text = re.sub(r"<(code|title)>[^<\0]*</\1>|<[^>]*>|[a-z-]+=\"[^\"]*\"|data-\w+", "", inside.replace("\0", ""))
        text = re.sub(rf"&\w+;|Counterfoil|CSV|UTC|counterfoil (?:{COMMANDS})", "", text)
        assert not re.findall(r"[A-Za-z]{2,}", text), path.name


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("de, zh-Hans;q=0.2", "zh-Hans"),
        ("en-GB,zh;q=0.5", "en"),
        ("zh;q=0, en", "en"),
        ("de", "en"),
        ("", "en"),
        (";q=x,,", "en"),
    ],
)
def test_a_page_is_in_the_language_that_the_browser_prefers(console: Browsing, asked: str, given: str) -> None:
    assert given in languages()
    text = console.browse(None, "market", headers={"Accept-Language": asked}).text
    assert f'<html lang="{given}"' in text
    assert ("全部市场" in text) == (given == "zh-Hans")


def test_a_choice_counts_more_than_the_browser(console: Browsing) -> None:
    cookies = {"Cookie": "counterfoil_language=zh-Hans; counterfoil_theme=dark", "Accept-Language": "en"}
    text = console.browse("operator", "operation", headers=cookies).text
    assert '<html lang="zh-Hans" data-theme="dark">' in text
    assert "Parties" not in re.sub(r"<[^>]*>|register_\w+", "", text)


@pytest.mark.parametrize("tag", [each for each in languages() if each != DEFAULT])
def test_rules_in_words_are_in_the_language(tag: str) -> None:
    """Every sentence of every document: none is the English one, but for what a document says itself."""
    english, other = (cast("Any", environment(each).globals["described"]) for each in (DEFAULT, tag))
    for name in ALL:
        read = rules(name)
        own = {each.text for each in read.document.eligibility if each.text}
        for one, same in zip(english(read), other(read), strict=True):
            for sentence, translated in zip(one.sentences, same.sentences, strict=True):
                assert sentence != translated or any(text in sentence for text in own), (name, sentence)


def test_the_modules_have_their_words_in_each_language(console: Browsing) -> None:
    for tag in languages():
        answer = console.browse(None, f"words/{tag}.json")
        assert set(answer.json()) == set(orjson.loads((CONSOLE / "static/js/words.json").read_bytes()))
    assert console.browse(None, "words/xx.json").status_code == 404
