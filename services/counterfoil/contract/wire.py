"""The types by which msgspec reads the members of a record from JSON, all members in one pass.

It reads leniently: an integer may be spelled as a string and the other way round, since it cannot be told that amounts
are strings and counts are numbers. So whoever must be strict writes the value again and compares the bytes. Ranges are
checked here, patterns of text in `counterfoil.contract.forms`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec

from counterfoil.contract.scalars import Coded, Decimal, Native, Tagged


class _Loaded(type):
    """The type of a value that msgspec cannot read: it hands the JSON value to `load`, and takes what that returns."""

    load: Callable[[Any], Any]

    def __instancecheck__(cls, _instance: object) -> bool:
        return True


def wire_type(annotation: Any) -> Any:
    """The type that msgspec reads a member's values by."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return tuple[wire_type(parts[0]), ...]  # type: ignore[misc]
    if origin in (Union, UnionType):
        return Union[tuple(wire_type(part) for part in parts)]  # noqa: UP007 made from values
    if origin is not Annotated:
        return annotation
    base, marker = annotation.__origin__, annotation.__metadata__[0]
    if isinstance(marker, Decimal):
        return Annotated[int, msgspec.Meta(ge=marker.low, le=marker.high)]
    if isinstance(marker, Coded):
        return _loaded(marker.load)
    if isinstance(marker, Tagged):
        return _loaded(lambda value: msgspec.convert(value, marker.choices[value[marker.member]], **LENIENT))
    if isinstance(marker, Native) and base is int:
        return Annotated[int, msgspec.Meta(ge=marker.schema["ge"], le=marker.schema["le"])]
    return base


def _loaded(load: Callable[[Any], Any]) -> type:
    return _Loaded("Loaded", (), {"load": staticmethod(load)})


def _load(kind: Any, value: Any) -> Any:
    return kind.load(value)


LENIENT: Final[dict[str, Any]] = {"strict": False, "dec_hook": _load}
"""How every decoder of these types is made."""
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError)
"""What a decoder of these types raises for what it cannot read."""


def reader(kind: Any) -> Callable[[bytes], Any]:
    """Reads values of a type from JSON bytes. Raises `UNREADABLE`."""
    return msgspec.json.Decoder(kind, **LENIENT).decode
