"""Files that people write as YAML or JSON: programme documents and cases. Read within limits, without surprises.

YAML's own tags are not taken: ``2025-07-28`` and ``NO`` are text, a number with a point is refused, a member that is
given twice and an alias, too. What comes out is JSON data.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from counterfoil.cli.command import Invalid
from counterfoil.cli.files import read_text
from counterfoil.contract.canonical import nesting
from counterfoil.programme.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_NESTING

_INTEGER: Final = re.compile(r"^(?:0|-?[1-9][0-9]{0,18})$")
_FLOAT: Final = re.compile(r"^-?[0-9]+\.[0-9]*$")


class _Loader(yaml.SafeLoader):
    """YAML 1.2's JSON types: null, true, false, integers; everything else is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 as the base class has it
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node, but no alias: a small file of aliases can mean a huge one. Nesting is bounded."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not taken", problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        self.depth += 1
        if self.depth > MAX_DOCUMENT_NESTING + 1:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_DOCUMENT_NESTING} levels", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        name = loader.construct_scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(name, str):
            raise yaml.MarkedYAMLError(problem="names of members are text", problem_mark=key_node.start_mark)
        if name in made:
            raise yaml.MarkedYAMLError(problem=f"{name} is given twice", problem_mark=key_node.start_mark)
        made[name] = loader.construct_object(value_node, deep=True)
    return made


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


def _float(_loader: _Loader, node: yaml.ScalarNode) -> None:
    problem = f"{node.value} is written as text: '{node.value}'"
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, [*"-0123456789"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, [*"-0123456789"])
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def read_data(path: Path) -> Any:
    """The JSON data of a file: YAML, or JSON if its name ends in .json. Raises `Invalid`."""
    text = read_text(path, MAX_DOCUMENT_BYTES)
    try:
        return parse_data(text, json_=path.suffix == ".json")
    except ValueError as problem:
        raise Invalid(f"{path}: {problem}") from problem


def parse_data(text: str, *, json_: bool = False) -> Any:
    """The JSON data of a text. Raises ValueError, whose text says the line."""
    if json_:
        return _parse_json(text)
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 a subclass of the safe loader
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise ValueError(f"{where}{problem.problem}") from problem
    except yaml.YAMLError as problem:
        raise ValueError(str(problem).splitlines()[0]) from problem


def _parse_json(text: str) -> Any:
    if nesting(text.encode()) > MAX_DOCUMENT_NESTING:
        raise ValueError(f"more than {MAX_DOCUMENT_NESTING} levels")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_no_float)
    except json.JSONDecodeError as problem:
        raise ValueError(f"line {problem.lineno}: {problem.msg}") from problem


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(each for each in names if names.count(each) > 1)} is given twice")
    return made


def _no_float(text: str) -> Any:
    raise ValueError(f'{text} is written as text: "{text}"')
