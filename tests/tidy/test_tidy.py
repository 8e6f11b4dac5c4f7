"""The source keeps the local rules of rules.py, and each rule catches its own breaches and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tidy.rules import (
    LINES_PER_FILE_MAX,
    LINES_PER_FUNCTION_MAX,
    RULES,
    SERVICE_FILES,
    SERVICES,
    WORDS,
    Rule,
    Source,
    service_folder_findings,
    word_findings,
)

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "services" / "counterfoil"
SOURCES = [
    Source(path.relative_to(PACKAGE).as_posix(), path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))
]
RULE = {rule.name: rule for rule in RULES}

# ---------------------------------------------------------------- the source


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_source_keeps_the_rule(rule: Rule) -> None:
    findings = [finding for source in SOURCES for finding in rule.findings(source)]
    assert not findings, "\n" + "\n".join(map(str, findings))


def test_sources_were_found() -> None:
    assert {"__init__.py", "contract/ensure.py"} <= {source.path for source in SOURCES}


def test_service_folders_have_the_same_files() -> None:
    files = {service: {path.name for path in (PACKAGE / service).glob("*.py")} for service in SERVICES}
    findings = service_folder_findings(files)
    assert not findings, "\n" + "\n".join(map(str, findings))


def project_files() -> list[Path]:
    """The files that belong to the project: those git has or would take; without git, all but what is made here."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = []
        for top in ROOT.iterdir():
            if top.name in {"build", "dist", "var"} or (
                top.name.startswith(".") and top.is_dir() and top.name != ".ci"
            ):
                continue
            files = [top, *top.rglob("*")]
            listed += [path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts]
    return [ROOT / name for name in sorted(listed) if name and (ROOT / name).is_file()]


def test_no_file_has_a_banned_word() -> None:
    paths = project_files()
    assert {ROOT / "Makefile", ROOT / ".ci" / "run", Path(__file__)} <= set(paths)
    findings = []
    for path in paths:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # binary data
        findings += word_findings(path.relative_to(ROOT).as_posix(), text)
    assert not findings, "\n" + "\n".join(map(str, findings))


# ---------------------------------------------------------------- the rules: each with what it must and must not catch

BAD: list[tuple[str, str]] = [
    ("no-float", "x = 0.5"),
    ("no-float", "x = -1e3"),
    ("no-float", "x = 2j"),
    ("no-float", "x = float(y)"),
    ("no-float", "from math import sqrt"),
    ("no-float", "import math\nx = math.floor(y)"),
    ("no-float", "def f(x: float) -> int: ..."),
    ("no-float", "def f() -> list[float]: ..."),
    ("no-float", "x: float | None = None"),
    ("no-true-division", "x = a / b"),
    ("no-true-division", "x /= 2"),
    ("no-float-format", "x = f'{a:.2f}'"),
    ("no-float-format", "x = f'{a:{width}.2e}'"),
    ("no-float-format", "x = f'{a:%}'"),
    ("no-float-format", "x = f'{a:n}'"),
    ("no-float-format", "x = '%.2f' % a"),
    ("no-float-format", "x = b'%d %5e' % (a, b)"),
    ("no-float-format", "x = '{:.2f}'.format(a)"),
    ("no-float-format", "x = format(a, '.2f')"),
    ("no-hash", "x = hash(a)"),
    ("no-hash", "x = id(a)"),
    ("no-assert", "assert a"),
    ("no-dynamic-import", "m = __import__('time')"),
    ("no-dynamic-import", "import importlib\nm = importlib.import_module('time')"),
    ("no-dynamic-import", "from importlib import import_module\nm = import_module('time')"),
    ("no-dynamic-import", "exec('import time')"),
    ("no-set-iteration", "for x in {1, 2}: pass"),
    ("no-set-iteration", "for x in set(a): pass"),
    ("no-set-iteration", "for x in frozenset(a): pass"),
    ("no-set-iteration", "for x in a.intersection(b): pass"),
    ("no-set-iteration", "for x in set(a) - b: pass"),
    ("no-set-iteration", "x = [y for y in {z for z in a}]"),
    ("no-set-iteration", "x = {y: 1 for y in set(a)}"),
    ("no-set-iteration", "x = list(set(a))"),
    ("no-set-iteration", "x = tuple({1, 2})"),
    ("no-set-iteration", "x = ','.join(set(a))"),
    ("no-set-iteration", "x = (*set(a),)"),
    ("no-set-iteration", "x = next(iter(set(a)))"),
    ("no-set-iteration", "x = dict.fromkeys(set(a))"),
    ("no-set-iteration", "s = set(a)\nfor x in s: pass"),
    ("no-set-iteration", "S = frozenset(a)\ndef f():\n    return list(S)"),
    ("no-set-iteration", "def f(s: frozenset[str]):\n    return [x for x in s]"),
    ("no-set-iteration", "def f(s: set[str] | None):\n    yield from s"),
    ("no-set-iteration", "class A:\n    s: frozenset[str]\ndef f(a):\n    return tuple(a.s)"),
    ("no-set-iteration", "s: set[int] = set()\nx = s.pop()"),
    ("no-set-iteration", "for x in (set(a) if b else c): pass"),
    ("function-length", "def f():\n" + "    pass\n" * LINES_PER_FUNCTION_MAX),
    ("function-length", "class A:\n    async def f(self):\n" + "        pass\n" * LINES_PER_FUNCTION_MAX),
    ("file-length", "x = 1\n" * (LINES_PER_FILE_MAX + 1)),
    ("docstrings", "x = 1"),
    ("docstrings", "'''Module.'''\ndef f(): ..."),
    ("docstrings", "'''Module.'''\nasync def f(): ..."),
    ("docstrings", "'''Module.'''\nclass A: ..."),
    ("no-print", "print(1)"),
    ("no-environ", "import os\nx = os.environ['A']"),
    ("no-environ", "import os\nx = os.getenv('A')"),
    ("no-environ", "from os import environ"),
    ("one-merkle", "x = sha256(b'\\x00' + entry).digest()"),
    ("one-merkle", "x = hashlib.sha256(b'\\1' + left + right)"),
    ("rules-from-the-state", "from counterfoil.contract.limits import MAX_AMOUNT, PRICE_TICK"),
    ("rules-from-the-state", "from counterfoil.contract.limits import PRICE_TICK as TICK"),
    ("rules-from-the-state", "from counterfoil.contract import limits\nx = a <= limits.MAX_READINGS"),
    ("rules-from-the-state", "import counterfoil.contract.limits\nx = counterfoil.contract.limits.MAX_VALIDITY"),
]

GOOD: list[tuple[str, str]] = [
    ("no-float", "x = 5\ny = isinstance(x, float)\nz = '0.5'"),
    ("no-float", "from math import gcd, isqrt\nimport math\nx = math.lcm(2, 3)\ndef f(x: int) -> int: ..."),
    ("no-true-division", "x = a // b\nx //= 2\nx = '/'"),
    ("no-float-format", "x = f'{a}{a:08d}{a:x}{a:>{width}}{a!r}'\ny = a % b\nz = b'%d %s 100%%' % (a, b)"),
    ("no-hash", "class A:\n    def __hash__(self):\n        return self.hash()\nid = 1"),
    ("no-assert", "ensure(a, 'why')"),
    ("no-dynamic-import", "import a\nfrom b import c\nx = re.compile('d')"),
    ("no-set-iteration", "for x in sorted(set(a)): pass\nx = len({1}), sum({1}), max(set(a)), 1 in {1, 2}"),
    ("no-set-iteration", "x = {y for y in set(a)}\nz = frozenset(set(a)) | {1}"),
    ("no-set-iteration", "s = set(a)\ndef f(s: list[int]):\n    return [x for x in s]"),
    ("no-set-iteration", "d = {1: 2}\nfor x in d: pass\nx = [1].pop()\nx = list({1: 2})"),
    ("function-length", "def f():\n" + "    pass\n" * (LINES_PER_FUNCTION_MAX - 1)),
    ("file-length", "x = 1\n" * LINES_PER_FILE_MAX),
    (
        "docstrings",
        "'''Module.'''\ndef f():\n    '''F.'''\nclass A:\n    '''A.'''\n    def m(self): ...\ndef _g(): ...",
    ),
    ("no-print", "log.print(1)\nx = 'print(1)'"),
    ("no-environ", "import os\nx = os.fsync\nfrom os import fsync"),
    ("one-merkle", "x = sha256(data).digest()\ny = sha256(b'').digest()\nz = b'\\x00' + data"),
    ("rules-from-the-state", "from counterfoil.contract.limits import MAX_AMOUNT\nx = state.rules.price_tick"),
    ("rules-from-the-state", "from counterfoil.contract import limits\nx = limits.MAX_ENTRY_BYTES\nPRICE_TICK = 1"),
]


def source_for(rule: Rule, text: str) -> Source:
    """`text` as a file in the first of the rule's areas, or in one that every other rule covers too."""
    return Source(f"{rule.areas[0] if rule.areas else 'core'}/snippet.py", text)


@pytest.mark.parametrize(("name", "text"), BAD)
def test_rule_catches(name: str, text: str) -> None:
    findings = RULE[name].findings(source_for(RULE[name], text))
    assert len(findings) == 1
    assert str(findings[0]).count(name) == 1


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_rule_lets_through(name: str, text: str) -> None:
    assert RULE[name].findings(source_for(RULE[name], text)) == []


def test_every_rule_is_tested_both_ways() -> None:
    assert {name for name, _ in BAD} == {name for name, _ in GOOD} == set(RULE)


@pytest.mark.parametrize(
    ("name", "path", "text", "caught"),
    [
        ("no-float", "ledger/accounts.py", "x = 0.5", True),
        ("no-float", "runtime/runner.py", "x = 0.5", False),
        ("no-assert", "runtime/runner.py", "assert x", True),
        ("no-print", "cli/main.py", "print(1)", False),
        ("no-print", "cli/report.py", "print(1)", False),
        ("no-print", "gateway/api.py", "print(1)", True),
        ("no-environ", "settings.py", "import os\nx = os.environ", False),
        ("no-environ", "bootstrap.py", "import os\nx = os.environ", True),
        ("no-environ", "client/connecting.py", "import os\nx = os.environ", False),
        ("one-merkle", "log/merkle.py", "x = sha256(b'\\x00' + entry)", False),
        ("one-merkle", "transport/batches.py", "x = sha256(b'\\x00' + entry)", True),
        ("rules-from-the-state", "core/engine.py", "x = limits.CLOCK_SKEW", True),
        ("rules-from-the-state", "contract/scalars.py", "x = limits.CLOCK_SKEW", False),
        ("docstrings", "runtime/runner.py", "def f(): ...", False),
        ("docstrings", "ports.py", "'''P.'''\nclass Bus:\n    '''B.'''\n    def send(self): ...", True),
        ("docstrings", "matching/book.py", "'''B.'''\nclass Book:\n    '''B.'''\n    def add(self): ...", False),
    ],
)
def test_rule_holds_in_its_areas_only(name: str, path: str, text: str, caught: bool) -> None:
    assert bool(RULE[name].findings(Source(path, text))) is caught


# Written in two halves, so that this file keeps the rule itself.
BAD_WORDS: list[tuple[str, str]] = [
    ("unfinished", "# TO" + "DO: later"),
    ("unfinished", "raise NotImplemented" + "Error"),
    ("registry-host", "see https://py" + "pi.org/project/x"),
    ("registry-host", "files.python" + "hosted.org"),
    ("machine-path", "open('/wor" + "k/main/x')"),
    ("machine-path", "cd /hom" + "e/ada/counterfoil"),
    ("machine-path", "share" + "d/data/vectors"),
    ("skipped-test", "@pytest.mark.ski" + "pif(x)"),
    ("skipped-test", "pytest.ski" + "p('later')"),
]
GOOD_WORDS = [
    "TODOS_ARE_NOT_HERE = 1",
    "return NotImplemented",
    "POST /v1/wor" + "k/orders",
    "https://example.invalid/wor" + "k/",
    "counterfoil audit var/demo/logs",
    "state shared by both books",
    "skip = 3",
]


@pytest.mark.parametrize(("name", "text"), BAD_WORDS)
def test_word_is_caught(name: str, text: str) -> None:
    assert [finding.rule for finding in word_findings("a.md", f"fine\n{text}\n")] == [name]
    assert [finding.line for finding in word_findings("a.md", f"fine\n{text}\n")] == [2]


@pytest.mark.parametrize("text", GOOD_WORDS)
def test_word_is_let_through(text: str) -> None:
    assert word_findings("a.md", text) == []


def test_every_word_rule_is_tested() -> None:
    assert {name for name, _ in BAD_WORDS} == {name for name, _, _ in WORDS}


def test_missing_service_file_is_caught() -> None:
    files = {service: set(SERVICE_FILES) for service in SERVICES}
    assert service_folder_findings(files) == []
    files["ledger"].remove("views.py")
    del files["matching"]
    paths = [finding.path for finding in service_folder_findings(files)]
    assert paths == ["ledger/views.py", *(f"matching/{name}" for name in SERVICE_FILES)]
