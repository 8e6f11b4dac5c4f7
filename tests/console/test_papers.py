"""Reports as files of HTML: they need nothing else, escape what others wrote, and prove the entries that they show."""

from __future__ import annotations

import ast
import csv
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from counterfoil.audit.auditor import audit
from counterfoil.audit.evidence import evidence_of
from counterfoil.audit.files import find_logs
from counterfoil.audit.meanings import MEANINGS
from counterfoil.audit.report import Finding
from counterfoil.console import disclosure, papers
from counterfoil.console.papers import Made, audit_paper, report_paper
from counterfoil.console.words import DEFAULT, languages, translator
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import verify_receipt
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.folding import Folded, fold
from counterfoil.reports.given import Given
from counterfoil.reports.report import made
from tests.console.browsing import MARKUP, Browsing, Markup

MADE = Made("counterfoil 0", "2026-03-02T00:00:00.000000Z")


def stands_alone(text: str) -> None:
    """Its one style runs by its hash, its data is no script, and it names no other file."""
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert unescape(policy) == f"default-src 'none'; style-src 'sha256-{digest}'"
    data = "script {'type': 'application/json', 'id': 'report'}"
    assert Markup(text).inline == ["style {}", data]
    assert not re.findall(r"<(?:img|link|iframe|object)|url\(|@import", text)


def data_of(text: str) -> object:
    """The JSON in it."""
    return orjson.loads(text.rpartition('id="report">')[2].partition("</script>")[0])


def test_an_audit_as_a_file_proves_what_its_findings_are_about(console: Browsing) -> None:
    """In each language; a finding about no entry, or about one that is not there, has no evidence."""
    directory = console.market.home / "logs"
    report = audit(directory)
    assert report.clean
    clean = audit_paper(report.to_json(), evidence_of(directory, None, report), MADE)
    stands_alone(clean)
    assert "nothing was found" in clean
    for each in report.logs:
        assert each.root in clean
    (log,) = (files for files in find_logs(directory) if files.name == "matching/main")
    places = ("entry 3", "entry 777777", "tile/0/000")
    report.findings = [Finding(log.name, place, "bid_forged", MARKUP) for place in places]
    evidence = evidence_of(directory, None, report)
    (shown,) = evidence.entries
    key = VerifyKey.parse(log.read("vkey").decode().strip())
    proven, checkpoint = verify_receipt(shown.proof, shown.entry, [key])
    assert (proven.index, checkpoint.origin) == (3, key.name)
    assert set(evidence.checkpoints) == {each.origin for each in report.logs}
    for language in languages():
        text = audit_paper(report.to_json(), evidence, MADE, language)
        stands_alone(text)
        assert MARKUP not in text
        assert data_of(text) == orjson.loads(orjson.dumps(report.to_json()))
        assert unescape(text).count(shown.proof.decode().strip()) == 1


def test_every_report_is_a_file_too(console: Browsing) -> None:
    folded = fold(console.market.home / "logs")
    for report in REPORTS.values():
        if report.id != "R15":  # needs a seed
            found = made(folded, report, "p1", MADE.generator)
            for language in languages():
                text = report_paper(found, MADE, language)
                stands_alone(text)
                assert MARKUP not in text
                assert data_of(text) == found


class Said(HTMLParser):
    """What a page says itself, in order: not its data, nor what it quotes in English or as code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within: list[bool] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag."""
        if tag not in ("meta", "br", "rect", "circle", "line", "path"):
            quoted = tag in ("style", "script", "code", "pre", "td", "svg", "time", "footer") or (
                ("lang", "en") in attrs and tag != "html"
            )
            self._within.append(quoted)

    def handle_endtag(self, tag: str) -> None:
        """Its end."""
        if tag not in ("meta", "br", "rect", "circle", "line", "path"):
            self._within.pop()

    def handle_data(self, data: str) -> None:
        """A text."""
        if not any(self._within) and re.search("[a-z]{3}", data):
            self.texts.append(data.strip())


GOLDEN = [Path(__file__).parents[1] / "golden" / name for name in ("rules-9",)]
OTHERS = [each for each in languages() if each != DEFAULT]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("logs", GOLDEN, ids=lambda path: path.name)
def test_every_sentence_of_a_report_is_in_its_language(logs: Path, language: str) -> None:
    """Of logs with every kind of entry: headings, explanations, and values that are words of ours."""
    folded, say, seen = fold(logs, given=Given(seed="seed")), translator(language), 0
    for programme in folded.tables.rows("programmes"):
        for report in REPORTS.values():
            found = made(folded, report, programme["programme_id"], MADE.generator)
            english, other = (Said(report_paper(found, MADE, each)).texts for each in (DEFAULT, language))
            assert english
            data = {value for row in found["rows"] for value in row.values() if isinstance(value, str)}
            assert not [each for each in other if not re.search(r"[^\x00-\x7f]", each) and each not in data], report.id
            for row in found["rows"]:
                words = [row[name] for name in papers.SAID & row.keys() if row[name] is not None]
                words += [row[name].partition(parted)[0] for name, parted in papers.PARTED.items() if name in row]
                for word in words:
                    seen += 1
                    assert say(word.replace("_", " ")) != word or FACT.fullmatch(word), (report.id, word)
    assert seen > 50


FACT = re.compile("[a-z]+_[a-z_]+")
"""The name of a fact, as a document has it."""


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_an_audit_is_in_its_language(console: Browsing, language: str) -> None:
    """With each list that it can have, and a finding of each code."""
    directory = console.market.home / "logs"
    report = audit(directory)
    report.findings = [Finding("matching/main", "entry 3", code, "found") for code in MEANINGS]
    report.unknown_rules = ["needs rules 99"]
    value = report.to_json()
    log = value["logs"][0]
    log["tail"] = {"index": 1, "entries": 2, "time": MADE.time, "source": "ledger/main", "needs": 7}
    log["rules"] = [{"from": 1, "version": 1}, {"from": 57, "version": 2}]
    for name, _, columns in papers.LISTS:
        log[name] = log[name] or [{each.name: "1" if each.kind == "text" else 1 for each in columns}]
    text = audit_paper(value, evidence_of(directory, None, report), MADE, language)
    assert not [each for each in Said(text).texts if not re.search(r"[^\x00-\x7f]", each)]
    known = translator(language)
    for meaning in MEANINGS.values():
        assert meaning not in unescape(text)
        assert known(meaning) in unescape(text)


def test_every_finding_has_its_meaning() -> None:
    """Each code that stands in a module of the audit that makes findings."""
    folder = Path(audit.__code__.co_filename).parent
    code = re.compile("[a-z]+(?:_[a-z]+)+")
    for name in ("auditor", "auctions", "class_terms", "credit", "differences", "positions", "replay", "structure"):
        tree = ast.parse((folder / f"{name}.py").read_text())
        constants = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)}
        codes = {each for each in constants if isinstance(each, str) and code.fullmatch(each)}
        assert codes - {"bid_id", "offer_id"} <= MEANINGS.keys(), name


def test_the_page_of_a_disclosure_says_what_its_report_says(console: Browsing, monkeypatch: pytest.MonkeyPatch) -> None:
    """R13 of the logs, for anybody; of a programme that makes no grant public, nothing of one."""
    path = "programmes/p1/disclosure"
    assert "makes no single grant public" in console.browse(None, path).text
    assert "500.00" not in console.browse(None, path).text
    publication = SimpleNamespace(fields=("BENEFICIARY", "AMOUNT"), delay_days=0)
    rules = SimpleNamespace(document=SimpleNamespace(publication=publication))
    monkeypatch.setattr(disclosure, "rules_of", lambda *_: rules)
    monkeypatch.setattr(Folded, "rules", lambda *_: rules)
    *grants, _ = made(fold(console.market.home / "logs"), REPORTS["R13"], "p1", "")["rows"]
    rows = csv.DictReader(console.browse(None, path + "?csv=grants").text.splitlines())
    found = [(row["beneficiary"].lstrip("'"), round(float(row["amount"]) * 1_000_000)) for row in rows]
    assert found == [(row["beneficiary"], int(row["amount"])) for row in reversed(grants)]
    assert len(found) >= 3
    assert MARKUP not in console.browse(None, path).text
