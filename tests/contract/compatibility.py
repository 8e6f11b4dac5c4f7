"""A published schema never changes: new names come beside the old ones, and none is removed.

Two schemas list all others, those of a payload and of an entry: their lists may grow. Descriptions are for people and
may be improved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from counterfoil.contract.export import PREFIX

LISTING: Final = (f"{PREFIX}command", f"{PREFIX}entry")
_LISTS: Final = ("oneOf", "enum")
_NAMES: Final = ("$defs", "properties")


def incompatible(frozen: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """How schemas, by id, differ from those of a release: one line per difference."""
    found = []
    for identity, schema in frozen.items():
        if identity not in current:
            found.append(f"{identity} is gone: logs hold it for ever, so it is never removed or renamed")
            continue
        lists = identity in LISTING
        differences = _differences(_bare(schema), _bare(current[identity]), "", lists)
        advice = "the shape of every entry is for ever" if lists else f"make a new version beside it, {_next(identity)}"
        found += [f"{identity} changed at {each}: what is published never changes; {advice}" for each in differences]
    return found


def _next(identity: str) -> str:
    name, _, number = identity.removeprefix(PREFIX).rpartition("v")
    return f"{name}v{int(number) + 1}"


def _bare(schema: Any, names: bool = False) -> Any:
    """`schema` without what is for people. `names`: its keys are names of members or records, not keywords."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _bare(value, names=not names and key in _NAMES)
        for key, value in schema.items()
        if names or key not in ("description", "title")
    }


def _differences(old: Any, new: Any, path: str, lists: bool) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            at = f"{path}/{name}"
            if name in old and name in new:
                yield from _differences(old[name], new[name], at, lists)
            else:
                yield f"{at}, which is {'new' if name in new else 'gone'}"
    elif lists and isinstance(old, list) and isinstance(new, list) and path.rpartition("/")[2] in _LISTS:
        if [each for each in new if each in old or not _may_join(each)] != old:
            yield f"{path}, which lost, moved or got something"
    elif old != new:
        yield f"{path or '/'}, which was {old!r} and is {new!r}"


def _may_join(item: Any) -> bool:
    """Whether a list of all there is may get this: a refusal code, or what names a schema of its own."""
    return isinstance(item, str) or PREFIX in repr(item)
