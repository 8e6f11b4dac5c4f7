"""Reports as files of HTML: they need nothing else, escape what others wrote, and prove the entries that they show."""

from __future__ import annotations

import csv
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from types import SimpleNamespace

import orjson
import pytest

from counterfoil.audit.auditor import audit
from counterfoil.audit.evidence import evidence_of
from counterfoil.audit.files import find_logs
from counterfoil.audit.report import Finding
from counterfoil.console import disclosure
from counterfoil.console.papers import Made, audit_paper, report_paper
from counterfoil.console.words import languages
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import verify_receipt
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.folding import Folded, fold
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
            text = report_paper(found, MADE)
            stands_alone(text)
            assert MARKUP not in text
            assert data_of(text) == found


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
