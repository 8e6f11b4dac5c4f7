"""How words become the values of a command's parameters: the common kinds, without pydantic.

Typer reads every word by an adapter of pydantic's, whose import takes a quarter of the start of a command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


class QuickCommand(TyperCommand):
    """A command that reads the words of its parameters itself, but for kinds that only Typer knows."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return _quick(super().get_params(ctx))


class QuickGroup(TyperGroup):
    """A group that does so."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return _quick(super().get_params(ctx))


def _quick(parameters: list[Any]) -> list[Any]:
    for each in parameters:
        kind = each.type_descriptor
        if (reader := _reader(kind.annotation, kind.parameter_info)) is not None:
            each.get_runtime_param = _Reading(reader)
    return parameters


class _Reading:
    """In the place of the reader that Typer would make; what it reads by raises ValueError."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def __call__(self) -> _Reading:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of a word, or of each of several. Raises `typer.BadParameter`."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        try:
            return [self._one(each) for each in value] if many else self._one(value)
        except ValueError as problem:
            raise typer.BadParameter(str(problem), ctx=ctx, param=param) from problem

    def _one(self, value: Any) -> Any:
        if isinstance(value, str) and self._read is not Path:  # a path may be of any bytes
            _check_text(value)
        return self._read(value)


def _check_text(word: str) -> None:
    """Raises ValueError unless a word of the command line is text."""
    try:
        word.encode()
    except UnicodeEncodeError as problem:
        raise ValueError(f"{word!r} is not text in {sys.getfilesystemencoding()}") from problem


def _reader(annotation: Any, info: Any) -> Callable[[Any], Any] | None:
    """What reads a word of this kind; None for a kind that is left to Typer."""
    if get_origin(annotation) is list:
        (annotation,) = get_args(annotation)
    if info.parser is not None:
        reader: Callable[[Any], Any] = info.parser
        return reader
    if annotation is bool:
        return _flag
    if annotation is int and not info.clamp:
        return _whole_number(info.min, info.max)
    if get_origin(annotation) is Literal:
        return _one_of(get_args(annotation))
    return annotation if annotation in (str, Path) and not info.exists else None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("a flag takes no value")  # noqa: TRY004 as Typer has it
    return value


def _whole_number(low: int | None, high: int | None) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if _WHOLE.fullmatch(str(value)) is None:
            raise ValueError(f"{value!r} is not a whole number")
        number = int(value)
        if (low is not None and number < low) or (high is not None and number > high):
            raise ValueError(f"{number} is not {_range(low, high)}")
        return number

    return read


def _range(low: int | None, high: int | None) -> str:
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"from {low} to {high}"


def _one_of(known: tuple[Any, ...]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value not in known:
            raise ValueError(f"{value!r} is not one of {', '.join(known)}")
        return value

    return read
