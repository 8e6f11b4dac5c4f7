"""Every refusal and problem code can be given, is reached by a test and has a status that fits its kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import counterfoil
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.gateway.problems import ProblemCode
from counterfoil.gateway.refusals import codes_by_status, status_of
from counterfoil.runtime.standstill import CODES

ROOT = Path(__file__).parents[2]
PACKAGE = Path(counterfoil.__file__).parent
LISTS = ("contract/test_refusals.py", "contract/samples.py")  # name codes without reaching them


def source(folder: Path, *leave_out: str) -> str:
    return "\n".join(
        path.read_text()
        for path in sorted(folder.rglob("*.py"))
        if path.relative_to(folder).as_posix() not in leave_out
    )


PRODUCT = source(
    PACKAGE, "contract/refusals.py", "contract/refusal_meanings.py", "gateway/refusals.py", "gateway/problems.py"
)
TESTS = source(ROOT / "tests", *LISTS, "gateway/test_refusal_codes.py")
EACH = pytest.mark.parametrize("code", list(Code), ids=list(Code))


@EACH
def test_it_can_be_given(code: Code) -> None:
    assert re.search(rf"\bCode\.{code.name}\b", PRODUCT)


@EACH
def test_a_test_reaches_it(code: Code) -> None:
    assert re.search(rf"\bCode\.{code.name}\b|[\"']{code.value}[\"']", TESTS)


def test_each_status_stands_for_what_http_says_it_does() -> None:
    by_status = codes_by_status()
    assert sum(map(len, by_status.values())) == len(Code)
    assert {status: len(codes) for status, codes in by_status.items() if status not in (400, 404, 422)} == {
        401: 3,
        403: 2,
        409: 2,
        413: 1,
        503: 1,
    }
    assert by_status[404] == [
        code.value for code in Code if code.name.startswith("UNKNOWN_") and status_of(code) == 404
    ]
    assert {MEANINGS[Code(code)].stage for code in by_status[422]} == {Stage.DECISION}
    assert {MEANINGS[Code(code)].stage for code in by_status[400]} == {Stage.INTAKE}


@pytest.mark.parametrize("problem", ProblemCode, ids=lambda problem: problem.code)
def test_a_problem_is_given_and_reached(problem: ProblemCode) -> None:
    assert problem.code in CODES or re.search(rf"\bProblemCode\.{problem.name}\b", PRODUCT)
    assert re.search(rf"\bProblemCode\.{problem.name}\b|[\"']{problem.code}[\"']", TESTS)


def test_every_standstill_is_a_problem() -> None:
    assert {ProblemCode[code.upper()].value.status for code in CODES} == {503}


def test_what_is_worth_another_try_says_when() -> None:
    without = [each.code for each in ProblemCode if each.value.status >= 503 and each.value.retry_after is None]
    assert without == ["stopped"], "it stays so until a person acts"


def test_no_status_is_one_that_clients_act_on_by_themselves() -> None:
    """By the Fetch standard a browser or Node sends a request again after 421, and asks its user after 407."""
    statuses = {status_of(code) for code in Code} | {problem.value.status for problem in ProblemCode}
    assert statuses.isdisjoint({407, 421})
