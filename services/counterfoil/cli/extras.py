"""Names the missing extra of the distribution if a command needs one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from counterfoil.cli.command import Invalid


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Wraps imports that need the extra `name`. Raises `Invalid` where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as problem:
        package = (problem.name or "").partition(".")[0]
        if package == "counterfoil":
            raise
        raise Invalid(
            f"{package} is not installed: pip install 'counterfoil[{name}]', or in a clone `make setup-all`"
        ) from problem
