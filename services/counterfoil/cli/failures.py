"""What stops a command, in one line on standard error: what is wrong, and what to do; or as JSON."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from counterfoil.contract.text import printable

INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
_OF_OUTPUT: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_UNSAID: Final = ("cannot_run", "usage")
"""Codes that say no more than the exit code."""


def say(problem: Mapping[str, Any], *, as_json: bool, meaning: Sequence[str] = ()) -> None:
    """Print a problem with `code`, `meaning`, and perhaps `advice`, `fields` of a refusal, and facts of its own.

    `meaning`: its lines, if it has several.
    """
    if as_json:
        line = json.dumps({"error": problem})
    else:
        first = _line(problem, meaning[0] if meaning else problem["meaning"])
        line = "\n  ".join([first, *map(printable, meaning[1:])])
    print(line, file=sys.stderr, flush=True)


def _line(problem: Mapping[str, Any], meaning: str) -> str:
    from counterfoil.cli.advice import readable

    said = {name: str(value) for name, value in problem.items() if name not in ("code", "meaning", "fields", "advice")}
    facts = [] if problem["code"] in _UNSAID else [problem["code"]]
    said |= readable(problem.get("fields") or {})
    facts += [f"{name.replace('_', ' ')} {value}" for name, value in said.items()]
    text = f"{'refused' if 'fields' in problem else 'error'}: {meaning}"
    text = f"{text.removesuffix('.')} ({'; '.join(facts)})" if facts else text
    if advice := problem.get("advice"):
        text = f"{text}{'' if text[-1] in '.?:' else '.'} {advice}"
    return printable(" ".join(text.split()))


def unwritten(problem: OSError, *, as_json: bool) -> bool:
    """Say that the output could not be written, as on a full disk; False for an error of something else."""
    if problem.filename is not None or problem.errno not in _OF_OUTPUT:
        return False
    discard_output()
    say({"code": "cannot_run", "meaning": f"cannot write the output: {problem.strerror}"}, as_json=as_json)
    return True


def discard_output() -> None:
    """Let what is still buffered go nowhere, since it cannot be written: else the end of the process fails by it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
