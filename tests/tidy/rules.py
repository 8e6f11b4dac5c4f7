"""The local rules as functions from one source file to findings; test_tidy.py applies them and tests each of them.

What ruff, mypy and import-linter can see is left to them; here is the rest, over syntax trees.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property

from counterfoil.core.rule_fields import Rules

LINES_PER_FUNCTION_MAX = 70
LINES_PER_FILE_MAX = 500

MERKLE = "log/merkle.py"
REACHING = "client/connecting.py"
SERVICES = ("issuance", "ledger", "matching", "redemption")
SERVICE_FILES = ("__init__.py", "commands.py", "events.py", "service.py", "views.py")
PURE = ("contract", "core", "log", "programme", *SERVICES)
DECIDING = ("core", *SERVICES)
DOCUMENTED = (*PURE, "ports", "published_log", "readership", "service")
PRINTING = ("cli",)

LIMITS = "counterfoil.contract.limits"
RULES_FIELDS = {field.name.upper() for field in fields(Rules)}

SET_TYPES = {"set", "frozenset", "AbstractSet", "MutableSet"}
SET_METHODS = {"intersection", "union", "difference", "symmetric_difference"}
# Calls whose result depends on the order of what they are given; sorted, len, sum, any, all, min and max do not.
ORDER_KEEPING = {"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "reversed"}
FLOAT_FORMATS = frozenset("eEfFgGn%")
PERCENT_FLOAT = re.compile(r"%(\(\w+\))?[-+ #0]*[\d*]*(\.[\d*]+)?[eEfFgG]")
INTEGER_MATH = {"comb", "factorial", "gcd", "isqrt", "lcm", "perm", "prod"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: where, which rule, and what to write instead."""

    path: str
    line: int
    rule: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.advice}"


@dataclass(frozen=True)
class Source:
    """A source file: its path relative to the package (`core/engine.py`), its text and, once asked for, its tree."""

    path: str
    text: str

    @property
    def area(self) -> str:
        """The top folder, or the module itself for files without one (`ports`)."""
        return self.path.partition("/")[0].removesuffix(".py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))


Place = tuple[int, str]  # line, advice
Check = Callable[[Source], Iterator[Place]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check and the areas it holds in; no areas means everywhere."""

    name: str
    check: Check
    areas: tuple[str, ...] = ()
    except_areas: tuple[str, ...] = ()

    def findings(self, source: Source) -> list[Finding]:
        """What this rule has against `source`; empty outside the areas the rule is for."""
        if (self.areas and source.area not in self.areas) or source.area in self.except_areas:
            return []
        return [Finding(source.path, line, self.name, advice) for line, advice in self.check(source)]


def _called_name(node: ast.AST) -> str | None:
    """The plain name that a call calls: `float` for `float(x)`, None for `a.float(x)` and anything not a call."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _dotted(node: ast.AST) -> str:
    """`os.environ` for that attribute access; the empty string for anything but names joined by dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{owner}.{node.attr}" if (owner := _dotted(node.value)) else ""
    return ""


# ---------------------------------------------------------------- exact arithmetic


def no_float(source: Source) -> Iterator[Place]:
    """Floats round by platform and order; the pure folders count in integers and rationals."""
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, "float literal: use integer minor units or a rational (num, den)"
        elif isinstance(node, ast.Call) and _called_name(node) in {"float", "complex"}:
            yield node.lineno, "float(): use integer minor units or a rational (num, den)"
        elif isinstance(node, ast.ImportFrom) and node.module == "math":
            for name in node.names:
                if name.name not in INTEGER_MATH:
                    yield node.lineno, f"math.{name.name} is inexact: of math only {', '.join(sorted(INTEGER_MATH))}"
        elif isinstance(node, ast.Attribute) and _dotted(node).startswith("math.") and node.attr not in INTEGER_MATH:
            yield node.lineno, f"math.{node.attr} is inexact: of math only {', '.join(sorted(INTEGER_MATH))}"
        elif isinstance(node, ast.AnnAssign | ast.arg | ast.FunctionDef | ast.AsyncFunctionDef):
            annotation = node.returns if isinstance(node, Function) else node.annotation
            if annotation and any(isinstance(part, ast.Name) and part.id == "float" for part in ast.walk(annotation)):
                yield node.lineno, "float annotation: use int, or a rational (num, den)"


def no_true_division(source: Source) -> Iterator[Place]:
    """`/` makes floats out of integers."""
    for node in source.nodes:
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "true division: use // with the rounding stated, or a rational (num, den)"


def no_float_format(source: Source) -> Iterator[Place]:
    """`{x:.2f}` goes through a float, and `{x:n}` through the locale."""
    advice = "float or locale format: print integers and rationals exactly"
    for node in source.nodes:
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            last = node.format_spec.values[-1] if node.format_spec.values else None
            if isinstance(last, ast.Constant) and str(last.value)[-1:] in FLOAT_FORMATS:
                yield node.lineno, advice
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
            template = node.left.value.decode("latin-1") if isinstance(node.left.value, bytes) else node.left.value
            if isinstance(template, str) and PERCENT_FLOAT.search(template):
                yield node.lineno, advice
        elif isinstance(node, ast.Call) and (
            _called_name(node) == "format"
            or (isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "format_map"})
        ):
            yield node.lineno, "format(): use an f-string, whose format this test can read"


# ---------------------------------------------------------------- determinism


def no_hash(source: Source) -> Iterator[Place]:
    """hash() differs by PYTHONHASHSEED, id() by run."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and (name := _called_name(node)) in {"hash", "id"}:
            yield node.lineno, f"{name}() differs between runs: compare values, or digest canonical bytes"


def no_assert(source: Source) -> Iterator[Place]:
    """`python -O` drops assertions, and with them the guarantees."""
    for node in source.nodes:
        if isinstance(node, ast.Assert):
            yield node.lineno, "assert: use contract.ensure.ensure, which survives python -O"


def no_dynamic_import(source: Source) -> Iterator[Place]:
    """What import-linter cannot see would escape the import rules."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and (name := _called_name(node)) in {
            "__import__",
            "eval",
            "exec",
            "import_module",
        }:
            yield node.lineno, f"{name}(): import by statement, so that the import rules see it"
        elif isinstance(node, ast.Attribute) and _dotted(node) == "importlib.import_module":
            yield node.lineno, "importlib.import_module: import by statement, so that the import rules see it"


def no_set_iteration(source: Source) -> Iterator[Place]:
    """The order of a set of strings differs by PYTHONHASHSEED.

    Seen are set displays, calls that return sets, and names and attributes that their scope or module annotates
    as sets or assigns one to.
    """
    attributes = {
        part.target.id
        for node in source.nodes
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and _is_set_type(part.annotation)
    }
    module_names = _set_names(source.tree, attributes, set())
    for scope in (source.tree, *(node for node in source.nodes if isinstance(node, Function))):
        names = _set_names(scope, attributes, module_names)
        for node in _own_nodes(scope):
            for iterated in _iterated(node):
                if _is_set(iterated, names, attributes):
                    yield iterated.lineno, "iteration over a set: sort it first"


def _own_nodes(scope: ast.AST) -> Iterator[ast.expr | ast.stmt | ast.comprehension]:
    """The nodes of a module or function without those of the functions inside it."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.expr | ast.stmt | ast.comprehension):
            yield child
        if not isinstance(child, Function):
            yield from _own_nodes(child)


def _iterated(node: ast.AST) -> list[ast.expr]:
    """The expressions whose order `node` makes visible."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):  # a set comprehension has no order to leak
        return [part.iter for part in node.generators]
    if isinstance(node, ast.YieldFrom | ast.Starred):
        return [node.value]
    if isinstance(node, ast.Call):
        if _called_name(node) in ORDER_KEEPING:
            return list(node.args)
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"join", "extend", "fromkeys"}:
            return list(node.args)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args:
            return [node.func.value]
    return []


def _set_names(scope: ast.Module | Function, attributes: set[str], outer: set[str]) -> set[str]:
    """The names that `scope` binds to sets, and those of `outer` that it does not bind to something else."""
    sets: set[str] = set()
    others: set[str] = set()
    if isinstance(scope, Function):
        arguments = (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs)
        for argument in arguments:
            (sets if _is_set_type(argument.annotation) else others).add(argument.arg)
    for node in _own_nodes(scope):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            (sets if _is_set_type(node.annotation) else others).add(node.target.id)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    (sets if _is_set(node.value, sets | outer, attributes) else others).add(target.id)
    return sets | (outer - others)


def _is_set(node: ast.expr, names: set[str], attributes: set[str]) -> bool:
    """Whether the expression is plainly a set, given the names and attributes known to hold sets."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Attribute):
        return node.attr in attributes
    if isinstance(node, ast.Call):
        return _called_name(node) in {"set", "frozenset"} or (
            isinstance(node.func, ast.Attribute) and node.func.attr in SET_METHODS
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor | ast.Sub):
        return _is_set(node.left, names, attributes) or _is_set(node.right, names, attributes)
    if isinstance(node, ast.IfExp):
        return _is_set(node.body, names, attributes) or _is_set(node.orelse, names, attributes)
    return False


def _is_set_type(annotation: ast.expr | None) -> bool:
    """Whether an annotation is a set type: `set[str]`, `frozenset[str] | None`, `Final[frozenset[str]]`."""
    if isinstance(annotation, ast.Subscript):
        if isinstance(annotation.value, ast.Name) and annotation.value.id in {"Final", "ClassVar"}:
            return _is_set_type(annotation.slice)
        return _is_set_type(annotation.value)
    if isinstance(annotation, ast.BinOp):
        return _is_set_type(annotation.left) or _is_set_type(annotation.right)
    return isinstance(annotation, ast.Name) and annotation.id in SET_TYPES


# ---------------------------------------------------------------- size, documentation, places


def function_length(source: Source) -> Iterator[Place]:
    """A function fits on a screen."""
    for node in source.nodes:
        if isinstance(node, Function) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > LINES_PER_FUNCTION_MAX:
                yield node.lineno, f"{node.name} has {lines} lines, at most {LINES_PER_FUNCTION_MAX}: split it"


def file_length(source: Source) -> Iterator[Place]:
    """A module has one purpose."""
    lines = len(source.text.splitlines())
    if lines > LINES_PER_FILE_MAX:
        yield lines, f"{lines} lines, at most {LINES_PER_FILE_MAX}: split the module"


def docstrings(source: Source) -> Iterator[Place]:
    """Public modules, classes and functions say what they are; in ports, methods too: their text is the contract."""
    if ast.get_docstring(source.tree) is None:
        yield 1, "the module has no docstring"
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                yield node.lineno, f"{node.name} has no docstring"
            if isinstance(node, ast.ClassDef) and source.area in ("ports", "published_log"):
                for part in node.body:
                    if isinstance(part, Function) and not part.name.startswith("_") and not ast.get_docstring(part):
                        yield part.lineno, f"{node.name}.{part.name} has no docstring"


def no_print(source: Source) -> Iterator[Place]:
    """Only the command line talks to the terminal."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and _called_name(node) == "print":
            yield node.lineno, "print(): return the text, or log it; only cli prints"


def no_environ(source: Source) -> Iterator[Place]:
    """Every setting is declared, documented and range-checked in one place; the names that all clients of HTTP know
    are no settings of ours.
    """
    if source.path == REACHING:
        return
    banned = {"environ", "environb", "getenv"}
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and _dotted(node) in {f"os.{name}" for name in banned}:
            yield node.lineno, f"{_dotted(node)}: declare a field in settings.py"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            for name in node.names:
                if name.name in banned:
                    yield node.lineno, f"os.{name.name}: declare a field in settings.py"


def one_merkle(source: Source) -> Iterator[Place]:
    """Hashes of a Merkle tree are made in one module, or two trees of the same leaves may come to differ."""
    if source.path == MERKLE:
        return
    for node in source.nodes:
        if isinstance(node, ast.Call) and "sha256" in _dotted(node.func) and node.args:
            first = node.args[0]
            while isinstance(first, ast.BinOp):
                first = first.left
            if isinstance(first, ast.Constant) and first.value in (b"\x00", b"\x01"):
                yield node.lineno, f"a hash of a Merkle tree: use {MERKLE}"


def rules_from_the_state(source: Source) -> Iterator[Place]:
    """A number that a version of the rules sets must not be a constant as well: old entries would be decided by it."""
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.module == LIMITS:
            names = [name.name for name in node.names]
        elif isinstance(node, ast.Attribute) and _dotted(node.value).rpartition(".")[2] == "limits":
            names = [node.attr]
        else:
            continue
        for name in names:
            if name in RULES_FIELDS:
                yield node.lineno, f"{LIMITS}.{name}: ask state.rules.{name.lower()}"


RULES = (
    Rule("no-float", no_float, PURE),
    Rule("no-true-division", no_true_division, PURE),
    Rule("no-float-format", no_float_format, PURE),
    Rule("no-hash", no_hash, PURE),
    Rule("no-assert", no_assert),
    Rule("no-dynamic-import", no_dynamic_import, PURE),
    Rule("no-set-iteration", no_set_iteration, PURE),
    Rule("function-length", function_length),
    Rule("file-length", file_length),
    Rule("docstrings", docstrings, DOCUMENTED),
    Rule("no-print", no_print, except_areas=PRINTING),
    Rule("one-merkle", one_merkle),
    Rule("rules-from-the-state", rules_from_the_state, DECIDING),
    Rule("no-environ", no_environ, except_areas=("settings",)),
)


# ---------------------------------------------------------------- words, in every file of the project

# Each pattern is written so that it does not match its own line.
WORDS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("unfinished", re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b|\bNotImplemented[E]rror\b"), "finish it, or leave it out"),
    (
        "registry-host",
        re.compile(
            r"\b(py[p]i\.org|python[h]osted\.org|crates\.[i]o|npm[j]s\.(org|com)|proxy\.go[l]ang\.org"
            r"|repo\d?\.mave[n]\.(org|apache\.org)|deb\.debia[n]\.org)\b"
        ),
        "name no package registry; the clients know theirs",
    ),
    (
        "machine-path",
        re.compile(r"(?<![\w.:/])/(wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+)/|\bshare[d]/(data|design)\b"),
        "paths are relative to the project",
    ),
    (
        "skipped-test",
        re.compile(r"\bpytest\.(mark\.ski[p]|ski[p]\(|importorski[p])|\bunittest\.ski[p]"),
        "tests run or go",
    ),
)


def word_findings(path: str, text: str) -> list[Finding]:
    """The banned words in `text`, which may be a file of any kind."""
    return [
        Finding(path, number, name, f"{match.group().strip()!r}: {advice}")
        for number, line in enumerate(text.splitlines(), start=1)
        for name, pattern, advice in WORDS
        if (match := pattern.search(line))
    ]


def service_folder_findings(files: dict[str, set[str]]) -> list[Finding]:
    """Services that lack one of the file names all of them share; `files` maps each folder to its file names."""
    return [
        Finding(f"{service}/{name}", 1, "service-files", "every service folder has the same file names")
        for service in SERVICES
        for name in SERVICE_FILES
        if name not in files.get(service, set())
    ]
