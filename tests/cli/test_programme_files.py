"""`counterfoil programme templates, lint, describe, explain`: what an issuer does before anything is signed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_line import invoke

CASE = """
day: 2026-01-10
events: [APPLIED, GRANTED, PAID]
subjects: {BENEFICIARY: acme, GROUP: acme}
facts:
  - {name: operates_in, value: [CN-GX-01], attested_by: operator, on: 2025-12-01, source: company register}
  - {name: legal_form, value: ENTERPRISE, attested_by: operator, on: 2025-12-01}
contract: {signed: 2024-12-20, starts: 2025-01-01, ends: 2026-12-31}
"""
LINES = "id,sku,amount,provider_id\n1,GPU_COMPUTE,200000,norn\n2,STORAGE,10,norn\n"


@pytest.fixture
def nanning(tmp_path: Path) -> Path:
    """The template as a file, with a case and lines beside it."""
    code, text, _ = invoke("programme", "templates", "cn-nanning-2025")
    assert code == 0
    path = tmp_path / "nanning.yaml"
    path.write_text(text, "utf-8")
    (tmp_path / "case.yaml").write_text(CASE, "utf-8")
    (tmp_path / "lines.csv").write_text(LINES, "utf-8")
    return path


def test_from_a_template_to_an_explained_amount(nanning: Path) -> None:
    files = ("--facts", str(nanning.parent / "case.yaml"), "--lines", str(nanning.parent / "lines.csv"))
    assert invoke("programme", "lint", str(nanning))[0] == 0
    code, text, _ = invoke("programme", "describe", str(nanning))
    assert code == 0
    assert "At most 2,000,000 CNY for each beneficiary, each calendar year, counted when paid" in text
    code, text, _ = invoke("programme", "explain", str(nanning), *files)
    assert code == 0
    assert "30 % of 83,676 = 25,102.8" in text
    assert "line 2: not eligible: STORAGE is excluded" in text
    assert "subsidy 25,102 CNY, own part 58,574 CNY" in text
    code, text, _ = invoke("programme", "explain", str(nanning), *files, "--json")
    assert json.loads(text)["subsidy"] == "25102000000"


def test_a_refused_case_and_a_blocked_document_have_exit_code_1(nanning: Path) -> None:
    case = nanning.parent / "case.yaml"
    case.write_text(
        CASE.replace("CN-GX-01", "CN-GD-01") + 'lines: [{id: "1", sku: GPU_COMPUTE, amount: "1000"}]', "utf-8"
    )
    code, text, _ = invoke("programme", "explain", str(nanning), "--facts", str(case))
    assert code == 1
    assert "refused: operates: Does business in Nanning by law does not hold (not_eligible)" in text
    nanning.write_text(nanning.read_text("utf-8").replace("claimant: BENEFICIARY", "claimant: PROVIDER"), "utf-8")
    code, text, _ = invoke("programme", "lint", str(nanning), "--json")
    assert code == 1
    assert [each["code"] for each in json.loads(text)["findings"]] == ["claimant_does_not_fit"]


def test_wrong_files_have_one_line(nanning: Path) -> None:
    good = nanning.read_text("utf-8")
    wrong = [
        (good.replace("rate: 30%", "rate: 0.3"), "is written as text"),
        (good.replace("rate: 30%", "rate: a third"), "benefit.tiers[0].rate"),
        (good + "\nid: again\n", "id is given twice"),
        (good.replace("providers:", "provider:"), "`provider`"),
    ]
    for text, said in wrong:
        nanning.write_text(text, "utf-8")
        code, _, problem = invoke("programme", "lint", str(nanning))
        assert code == 2
        assert said in problem
        assert "Traceback" not in problem
    code, _, problem = invoke("programme", "lint", str(nanning.parent / "none.yaml"))
    assert (code, "No such file" in problem) == (2, True)
    code, _, problem = invoke("programme", "templates", "nowhere")
    assert (code, "cn-nanning-2025" in problem) == (2, True)
